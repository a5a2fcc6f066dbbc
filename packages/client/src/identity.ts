import { type Authority, authority, PUBLIC_CLOUD } from './authority/authority.ts'
import { tenantName } from './authority/tenant.ts'
import { type Clock, randomFraction, systemClock } from './clock.ts'
import type { Credential } from './credential/credential.ts'
import { acquirer } from './token/acquire.ts'
import { TokenCache } from './token/cache.ts'
import { type Ask, TokenKeeper } from './token/keeper.ts'
import { formPoster, type TransportOptions } from './token/request.ts'
import { staticScope } from './token/scope.ts'
import type { AccessToken } from './token/slot.ts'
import type { TokenSource } from './token/token.ts'

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
  /** Told when a renewal in the background failed. Callers are still served: the old token works to its end. */
  readonly onRenewalFailed?: ((failure: RenewalFailure) => void) | undefined
  readonly clock?: Clock | undefined
  /** From 0 up to, not including, 1. */
  readonly random?: (() => number) | undefined
}

/** A renewal that failed while the old token still works. */
export interface RenewalFailure {
  readonly tenant: string
  readonly scope: string
  readonly error: unknown
  /** Until when callers are served without it. */
  readonly servedUntilMs: number
}

/** What one call for a token may say; the names are those of `GetTokenOptions` in @azure/core-auth. */
export interface GetTokenOptions {
  /** Ends this caller's waiting; the request that others wait for goes on. */
  readonly abortSignal?: AbortSignal | undefined
  /** How long this caller waits when no token is cached. Default 30,000 ms. */
  readonly timeoutMs?: number | undefined
  /** Another tenant than the identity's own. */
  readonly tenantId?: string | undefined
  /** The claims of a challenge, as JSON text (wire.md §11): what is cached does not do. */
  readonly claims?: string | undefined
  /** Ask for a new token whatever is cached. */
  readonly forceRefresh?: boolean | undefined
}

/** What the identities of one application share, whatever their tenant. */
class Application {
  readonly keeper: TokenKeeper
  readonly cache: TokenCache
  readonly identities = new Map<string, AppIdentity>()
  tokenRequests = 0

  constructor(options: AppIdentityOptions) {
    const { clientId, clock = systemClock, random = randomFraction, onRenewalFailed } = options
    this.cache = new TokenCache(options.tokensMax)
    const acquire = acquirer({
      clientId,
      clock,
      authorityHost: options.authorityHost ?? PUBLIC_CLOUD,
      credentials: [options.credential].flat(),
      post: formPoster(options),
      sent: () => {
        this.tokenRequests += 1
      },
    })
    this.keeper = new TokenKeeper({
      cache: this.cache,
      clock,
      random,
      acquire,
      onRenewalFailed: (error, { tenant, scope, unusableAtMs }) =>
        onRenewalFailed?.({ tenant, scope, error, servedUntilMs: unusableAtMs }),
    })
  }
}

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
export class AppIdentity {
  readonly clientId: string
  readonly authority: Authority
  readonly #options: AppIdentityOptions
  #application: Application
  readonly #checkedScopes = new Set<string>()

  constructor(options: AppIdentityOptions) {
    this.clientId = options.clientId
    this.authority = authority(options.authorityHost ?? PUBLIC_CLOUD, options.tenantId)
    this.#options = options
    this.#application = new Application(options)
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
    const { tenant } = authority(this.authority.host, tenantId)
    if (tenant === this.authority.tenant) return this
    const known = this.#application.identities.get(tenant)
    if (known) return known
    const identity = new AppIdentity({ ...this.#options, tenantId: tenant })
    identity.#application = this.#application
    this.#application.identities.set(tenant, identity)
    return identity
  }

  /**
   * Returns an access token for the scope, from memory while it lasts.
   *
   * @param scopes `{resource}/.default`, alone or as the only element of a list.
   * @throws TomteError one of its subclasses; the class is the remedy.
   */
  async getToken(scopes: string | readonly string[], options?: GetTokenOptions): Promise<AccessToken> {
    const scope = this.#checked(typeof scopes === 'string' ? scopes : scopes.join(' '))
    const { keeper } = this.#application
    if (options === undefined) return keeper.token(this.authority.tenant, scope, undefined)
    const { tenantId, claims, forceRefresh = false, abortSignal: signal, timeoutMs } = options
    const tenant = tenantId === undefined ? this.authority.tenant : tenantName(tenantId)
    const ask: Ask = { signal, timeoutMs }
    if (claims !== undefined || forceRefresh) return keeper.freshToken(tenant, scope, { ...ask, claims })
    return keeper.token(tenant, scope, ask)
  }

  /** Forgets this tenant's tokens, as after new consent: the next call asks again (wire.md §13.3). */
  forgetTokens(): void {
    this.#application.cache.clear(this.authority.tenant)
  }

  /** Where the call layer gets the tokens of one scope. @throws ConfigurationError if the scope cannot be one. */
  tokenSource(scope: string): TokenSource {
    const checked = this.#checked(scope)
    const { tenant } = this.authority
    const { keeper } = this.#application
    return {
      token: (ask) => keeper.token(tenant, checked, ask),
      tokenAfterRefusal: (refused, ask) => keeper.tokenAfterRefusal(tenant, checked, refused, ask ?? {}),
    }
  }

  /** A scope is checked once: the check costs more than the cached token behind it. */
  #checked(scope: string): string {
    if (this.#checkedScopes.has(scope)) return scope
    const checked = staticScope(scope)
    if (this.#checkedScopes.size < SCOPES_REMEMBERED) this.#checkedScopes.add(checked)
    return checked
  }
}

const SCOPES_REMEMBERED = 1_000
