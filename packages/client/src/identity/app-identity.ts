import type { Authority } from '../authority/authority.ts'
import {
  type IssuerOptions,
  type TenantOptions,
  type TokenServer,
  tokenServer,
} from '../authority/token-server.ts'
import { type Clock, randomFraction, systemClock } from '../clock.ts'
import type { Credential } from '../credential/credential.ts'
import { expiryListener } from '../credential/expiry.ts'
import { type Listener, tellAll } from '../events.ts'
import type { SharedStore } from '../store/shared-store.ts'
import type { SharedTokens } from '../store/shared-tokens.ts'
import { telemetryListener } from '../telemetry/telemetry.ts'
import { acquirer } from '../token/acquire.ts'
import { TokenCache } from '../token/cache.ts'
import { TokenKeeper } from '../token/keeper.ts'
import { formPoster, type TransportOptions } from '../token/request.ts'
import type { AccessToken } from '../token/slot.ts'
import { type GetTokenOptions, rememberedCheck, TenantTokens } from '../token/tenant-tokens.ts'
import type { Identity } from './identity.ts'
import { type TenantStatus, TenantStatuses } from './tenant-status.ts'

/** Which application, with which proof, and how its tokens are kept. */
export interface ApplicationOptions extends TransportOptions {
  /** The application (client) id. */
  readonly clientId: string
  /** One credential, or several in order: the next is tried when the authority refuses one. */
  readonly credential: Credential | readonly Credential[]
  /**
   * `['cp1']` declares that claims challenges are answered (wire.md §11), as {@link Api} does: tokens may then live for a day and
   * be refused at any moment. Callers of `getToken` have to hand it the claims themselves. Default: none.
   */
  readonly clientCapabilities?: readonly string[] | undefined
  /** How many tokens are kept, over all tenants. Default 100,000. */
  readonly tokensMax?: number | undefined
  /** Where the processes of a fleet share their tokens: `sharedStore` of `@tomte/client/store`. Default: nowhere. */
  readonly store?: SharedStore | undefined
  /** Told of what happens, for a log or an alarm: token requests, renewals that failed, credentials that were refused. */
  readonly onEvent?: Listener | undefined
  readonly clock?: Clock | undefined
  /** From 0 up to, not including, 1. */
  readonly random?: (() => number) | undefined
}

/** An application, and either the tenant it works in or the issuer of its tokens. */
export type AppIdentityOptions = ApplicationOptions & (TenantOptions | IssuerOptions)

/** What the identities of one application share, whatever their tenant. */
class Application {
  readonly clientId: string
  readonly server: TokenServer
  readonly keeper: TokenKeeper
  readonly statuses: TenantStatuses
  readonly shared: SharedTokens | undefined
  readonly checked: (scope: string) => string
  tokenRequests = 0
  readonly options: AppIdentityOptions
  readonly #identities = new Map<string, AppIdentity>()

  constructor(options: AppIdentityOptions) {
    const { clientId, clock = systemClock, random = randomFraction } = options
    this.options = options
    this.statuses = new TenantStatuses(clock, options.tokensMax)
    const credentials = [options.credential].flat()
    const cache = new TokenCache(options.tokensMax)
    const observed = {
      clientId,
      tokensCached: () => cache.size,
      credentialExpiries: () => credentials.map(({ expiresAtMs }) => expiresAtMs?.()),
      now: () => clock.now(),
    }
    const announce = expiryListener(credentials, clock, (event) => tell(event))
    const tell: Listener = tellAll([
      this.statuses.hear,
      telemetryListener(observed),
      options.onEvent,
      announce,
    ])
    this.clientId = clientId
    this.server = tokenServer(options, clock)
    this.checked = rememberedCheck(this.server.checkedScope)
    const ask = acquirer({
      clientId,
      clock,
      tell,
      endpointOf: this.server.endpointOf,
      credentials,
      clientCapabilities: options.clientCapabilities,
      post: formPoster({ ...options, clock }),
      sent: () => {
        this.tokenRequests += 1
      },
    })
    const authorityOf = (tenant: string) => this.server.authorityOf(tenant).tokenEndpoint ?? tenant
    this.shared = options.store?.share({ authorityOf, clientId, acquire: ask, clock, random, tell })
    const acquire = this.shared?.acquire ?? ask
    this.keeper = new TokenKeeper({ cache, clock, random, acquire, tell })
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
 * @throws ConfigurationError if the tenant, the authority host, the region or the issuer cannot be one, or none or both are given.
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
 * @example
 * ```ts
 * import { AppIdentity, clientSecret } from '@tomte/client'
 * const identity = new AppIdentity({
 *   issuer: 'https://id.example/realms/orders',
 *   clientId: 'nightly-sync',
 *   credential: clientSecret({ file: '/run/secrets/daemon' }),
 *   parameters: { resource: 'https://orders.example' },
 * })
 * const { token } = await identity.getToken('orders.read')
 * ```
 */
export class AppIdentity extends TenantTokens implements Identity {
  readonly #application: Application
  readonly #tenant: string

  constructor(options: AppIdentityOptions)
  /** @internal */
  constructor(place: Place)
  constructor(given: AppIdentityOptions | Place) {
    const application = 'application' in given ? given.application : new Application(given)
    const tenant = 'application' in given ? given.tenant : application.server.home
    super(application.keeper, tenant, application.checked)
    this.#application = application
    this.#tenant = tenant
    this.#application.remember(this, this.#tenant)
  }

  /** The application (client) id. */
  get clientId(): string {
    return this.#application.clientId
  }

  /** Where the tokens of this tenant come from. */
  get authority(): Authority {
    return this.#application.server.authorityOf(this.#tenant)
  }

  /** How many token requests the application has sent, over all tenants. */
  get tokenRequests(): number {
    return this.#application.tokenRequests
  }

  /**
   * The same application in another tenant: the same credentials and one cache with a partition for each tenant.
   *
   * @throws ConfigurationError if the tenant cannot be one, or the identity is that of an issuer, which has no tenants.
   */
  forTenant(tenantId: string): AppIdentity {
    return this.#application.identityIn(tenantId) ?? this.#inTenant(tenantId)
  }

  #inTenant(tenantId: string): AppIdentity {
    const application = this.#application
    const tenant = application.server.tenantNamed(tenantId)
    return application.identityIn(tenant) ?? new AppIdentity({ application, tenant })
  }

  /**
   * The same application in the same tenant with another credential, a cache of its own, and nobody who is told: its first token
   * shows that the authority takes a new credential before the old one is given up.
   */
  withCredential(credential: Credential | readonly Credential[]): AppIdentity {
    const { options, server } = this.#application
    const other = new AppIdentity({ ...options, credential, store: undefined, onEvent: undefined })
    return this.#tenant === server.home ? other : other.forTenant(this.#tenant)
  }

  /**
   * Returns an access token for the scope, from memory while it lasts.
   *
   * @param scopes `{resource}/.default`, alone or as the only element of a list; of an issuer the scopes that it knows
   * (RFC 6749 §3.3), or an empty text for none.
   * @throws TomteError one of its subclasses; the class is the remedy.
   */
  async getToken(scopes: string | readonly string[], options?: GetTokenOptions): Promise<AccessToken> {
    if (options === undefined) return this.cachedToken(scopes) ?? this.askedToken(scopes)
    const { tenantId, claims, forceRefresh } = options
    const identity = tenantId === undefined ? this : this.forTenant(tenantId)
    const cacheServes = claims === undefined && !forceRefresh
    return (cacheServes ? identity.cachedToken(scopes) : undefined) ?? identity.askedToken(scopes, options)
  }

  /** Forgets this tenant's tokens, as after new consent: the next call asks again (wire.md §13.3). */
  override forgetTokens(): void {
    super.forgetTokens()
    this.#application.shared?.forget(this.#tenant)
  }

  /**
   * What this process has seen of a tenant: consent, roles held, the last token, the last refusal. Default: its own tenant.
   *
   * @throws ConfigurationError if the tenant cannot be one.
   * @example
   * ```ts
   * import { AppIdentity, identityFromEnvironment } from '@tomte/client'
   * const identity = new AppIdentity(identityFromEnvironment(process.env))
   * const { consented, lastRefusal } = identity.status('fabrikam.example')
   * if (consented === false) console.log(lastRefusal?.hint)
   * ```
   */
  status(tenantId?: string): TenantStatus {
    const { server, statuses } = this.#application
    return statuses.of(tenantId === undefined ? this.#tenant : server.tenantNamed(tenantId))
  }

  /** What this process has seen of every tenant, the one that changed last at the end; `tokensMax` tenants at most. */
  statuses(): readonly TenantStatus[] {
    return this.#application.statuses.all()
  }
}
