import { type Authority, authorityAt, PUBLIC_CLOUD } from '../authority/authority.ts'
import { tenantName } from '../authority/tenant.ts'
import { type Clock, randomFraction, systemClock } from '../clock.ts'
import type { Credential } from '../credential/credential.ts'
import { type Listener, tellAll } from '../events.ts'
import { acquirer } from '../token/acquire.ts'
import { TokenCache } from '../token/cache.ts'
import { TokenKeeper } from '../token/keeper.ts'
import { formPoster, type TransportOptions } from '../token/request.ts'
import { staticScope } from '../token/scope.ts'
import type { AccessToken } from '../token/slot.ts'
import { type GetTokenOptions, rememberedCheck, TenantTokens } from '../token/tenant-tokens.ts'
import type { TokenSource } from '../token/token.ts'
import type { Identity } from './identity.ts'

/** Which application, in which tenant, with which proof. */
export interface AppIdentityOptions extends TransportOptions {
  /** The directory to work in: a GUID or a verified domain name. */
  readonly tenantId: string
  /** The application (client) id. */
  readonly clientId: string
  /** One credential, or several in order: the next is tried when the authority refuses one. */
  readonly credential: Credential | readonly Credential[]
  /** Default: the public cloud, https://login.microsoftonline.com. */
  readonly authorityHost?: string | undefined
  /** How many tokens are kept, over all tenants. Default 100,000. */
  readonly tokensMax?: number | undefined
  /** Told of what happens, for a log or an alarm: token requests, renewals that failed, credentials that were refused. */
  readonly onEvent?: Listener | undefined
  readonly clock?: Clock | undefined
  /** From 0 up to, not including, 1. */
  readonly random?: (() => number) | undefined
}

/** What the identities of one application share, whatever their tenant. */
class Application {
  readonly clientId: string
  readonly authorityOf: (tenant: string) => Authority
  readonly keeper: TokenKeeper
  readonly checked = rememberedCheck(staticScope)
  tokenRequests = 0
  readonly #identities = new Map<string, AppIdentity>()

  constructor(options: AppIdentityOptions) {
    const { clientId, clock = systemClock, random = randomFraction } = options
    const tell = tellAll([options.onEvent])
    this.clientId = clientId
    this.authorityOf = authorityAt(options.authorityHost ?? PUBLIC_CLOUD)
    const acquire = acquirer({
      clientId,
      clock,
      tell,
      endpointOf: (tenant) => this.authorityOf(tenant).tokenEndpoint,
      credentials: [options.credential].flat(),
      post: formPoster({ ...options, clock }),
      sent: () => {
        this.tokenRequests += 1
      },
    })
    this.keeper = new TokenKeeper({ cache: new TokenCache(options.tokensMax), clock, random, acquire, tell })
  }

  /** The identity in a tenant, found by the name that the caller used, so that nothing is parsed twice. */
  identityIn(tenantId: string): AppIdentity | undefined {
    return this.#identities.get(tenantId)
  }

  /** An identity holds no token: one that was dropped is made again. */
  remember(identity: AppIdentity, tenant: string): void {
    if (this.#identities.size >= IDENTITIES_REMEMBERED) this.#identities.clear()
    this.#identities.set(tenant, identity)
  }
}

interface Place {
  readonly application: Application
  readonly tenant: string
}

const IDENTITIES_REMEMBERED = 100_000

/**
 * An application in one tenant, able to get tokens for itself by client credentials (RFC 6749 §4.4). It is also a
 * `TokenCredential` of @azure/core-auth.
 *
 * @throws ConfigurationError if the tenant or the authority host cannot be one.
 * @example
 * ```ts
 * import { AppIdentity, certificate } from '@tomte/client'
 * const identity = new AppIdentity({
 *   tenantId: 'contoso.example',
 *   clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
 *   credential: certificate({ file: 'daemon.pem' }),
 * })
 * const { token } = await identity.getToken('https://graph.microsoft.com/.default')
 * ```
 */
export class AppIdentity implements Identity {
  readonly #application: Application
  readonly #tenant: string
  readonly #tokens: TenantTokens

  constructor(options: AppIdentityOptions)
  /** @internal */
  constructor(place: Place)
  constructor(given: AppIdentityOptions | Place) {
    this.#application = 'application' in given ? given.application : new Application(given)
    const { keeper, checked } = this.#application
    this.#tenant =
      'application' in given ? given.tenant : this.#application.authorityOf(given.tenantId).tenant
    this.#tokens = new TenantTokens(keeper, this.#tenant, checked)
    this.#application.remember(this, this.#tenant)
  }

  /** The application (client) id. */
  get clientId(): string {
    return this.#application.clientId
  }

  /** Where the tokens of this tenant come from. */
  get authority(): Authority {
    return this.#application.authorityOf(this.#tenant)
  }

  /** How many token requests the application has sent, over all tenants. */
  get tokenRequests(): number {
    return this.#application.tokenRequests
  }

  /**
   * The same application in another tenant: the same credentials and one cache with a partition for each tenant.
   *
   * @throws ConfigurationError if the tenant cannot be one.
   */
  forTenant(tenantId: string): AppIdentity {
    return this.#application.identityIn(tenantId) ?? this.#inTenant(tenantId)
  }

  #inTenant(tenantId: string): AppIdentity {
    const tenant = tenantName(tenantId)
    const application = this.#application
    return application.identityIn(tenant) ?? new AppIdentity({ application, tenant })
  }

  /**
   * Returns an access token for the scope, from memory while it lasts.
   *
   * @param scopes `{resource}/.default`, alone or as the only element of a list.
   * @throws TomteError one of its subclasses; the class is the remedy.
   */
  async getToken(scopes: string | readonly string[], options?: GetTokenOptions): Promise<AccessToken> {
    if (options === undefined) return this.#tokens.cached(scopes) ?? this.#tokens.get(scopes)
    const { tenantId, claims, forceRefresh } = options
    const tokens = tenantId === undefined ? this.#tokens : this.forTenant(tenantId).#tokens
    const cacheServes = claims === undefined && !forceRefresh
    return (cacheServes ? tokens.cached(scopes) : undefined) ?? tokens.get(scopes, options)
  }

  /**
   * Renews the tokens of these scopes when they are due, even if nobody asks for them, so that no call ever waits for one.
   * Its timer keeps the process alive until the returned function is called. Failures go to `onEvent` alone.
   *
   * @throws ConfigurationError at once if a scope cannot be one, and nothing later.
   * @example
   * ```ts
   * import { AppIdentity, identityFromEnvironment } from '@tomte/client'
   * const identity = new AppIdentity(identityFromEnvironment(process.env))
   * const stop = identity.keepWarm('https://graph.microsoft.com/.default')
   * process.once('SIGTERM', stop)
   * ```
   */
  keepWarm(scopes: string | readonly string[]): () => void {
    return this.#tokens.keepWarm(scopes)
  }

  /** Forgets this tenant's tokens, as after new consent: the next call asks again (wire.md §13.3). */
  forgetTokens(): void {
    this.#tokens.forget()
  }

  tokenSource(scope: string): TokenSource {
    return this.#tokens.source(scope)
  }
}
