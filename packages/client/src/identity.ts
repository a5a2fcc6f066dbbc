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
  /**
   * Told when a renewal in the background failed. Callers are still served: the old token works to its end. What it throws
   * is lost.
   */
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
  /** Until when callers are served without it; a moment in the past if there is no token. */
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
  tokenRequests = 0
  readonly #identities = new Map<string, AppIdentity>()
  readonly #checkedScopes = new Set<string>()

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

  /** The identity in a tenant, found by the name that the caller used, so that nothing is parsed twice. */
  identityIn(tenantId: string): AppIdentity | undefined {
    return this.#identities.get(tenantId)
  }

  /** An identity holds no token: one that was dropped is made again. */
  remember(tenantId: string, identity: AppIdentity): AppIdentity {
    if (this.#identities.size >= IDENTITIES_REMEMBERED) this.#identities.clear()
    this.#identities.set(tenantId, identity)
    return identity
  }

  /** A scope is checked once: the check costs more than the cached token behind it. */
  checkedScope(scope: string): string {
    if (this.#checkedScopes.has(scope)) return scope
    const checked = staticScope(scope)
    if (this.#checkedScopes.size < SCOPES_REMEMBERED) this.#checkedScopes.add(checked)
    return checked
  }
}

const IDENTITIES_REMEMBERED = 100_000
const SCOPES_REMEMBERED = 1_000

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
  readonly #tenant: string
  readonly #options: AppIdentityOptions
  #shared: Application | undefined

  constructor(options: AppIdentityOptions) {
    this.#tenant = authority(options.authorityHost ?? PUBLIC_CLOUD, options.tenantId).tenant
    this.#options = options
  }

  /** The application (client) id. */
  get clientId(): string {
    return this.#options.clientId
  }

  /** Where the tokens of this tenant come from. */
  get authority(): Authority {
    return authority(this.#options.authorityHost ?? PUBLIC_CLOUD, this.#tenant)
  }

  get #application(): Application {
    if (!this.#shared) {
      this.#shared = new Application(this.#options)
      this.#shared.remember(this.#tenant, this)
    }
    return this.#shared
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
    const application = this.#application
    return application.identityIn(tenantId) ?? application.remember(tenantId, this.#inTenant(tenantId))
  }

  #inTenant(tenantId: string): AppIdentity {
    const name = tenantName(tenantId)
    if (name !== tenantId) return this.forTenant(name)
    const identity = new AppIdentity({ ...this.#options, tenantId })
    identity.#shared = this.#application
    return identity
  }

  /**
   * Returns an access token for the scope, from memory while it lasts.
   *
   * @param scopes `{resource}/.default`, alone or as the only element of a list.
   * @throws TomteError one of its subclasses; the class is the remedy.
   */
  async getToken(scopes: string | readonly string[], options?: GetTokenOptions): Promise<AccessToken> {
    const application = this.#application
    const { keeper } = application
    const asked = typeof scopes === 'string' ? scopes : scopes.join(' ')
    if (options === undefined) {
      // A scope that has a token has been checked.
      return (
        keeper.cached(this.#tenant, asked) ??
        keeper.token(this.#tenant, application.checkedScope(asked), undefined)
      )
    }
    const { tenantId, claims, forceRefresh = false, abortSignal: signal, timeoutMs } = options
    const tenant = tenantId === undefined ? this.#tenant : this.forTenant(tenantId).#tenant
    const scope = application.checkedScope(asked)
    const ask: Ask = { signal, timeoutMs }
    if (claims !== undefined || forceRefresh) return keeper.freshToken(tenant, scope, { ...ask, claims })
    return keeper.token(tenant, scope, ask)
  }

  /**
   * Renews the tokens of these scopes when they are due, even if nobody asks for them, so that no call ever waits for one.
   * Its timer keeps the process alive until the returned function is called. Failures go to `onRenewalFailed` alone.
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
    const stop = new AbortController()
    const checked = [scopes].flat().map((scope) => this.#application.checkedScope(scope))
    const { keeper } = this.#application
    for (const scope of checked) void keeper.keepWarm(this.#tenant, scope, stop.signal)
    return () => stop.abort()
  }

  /** Forgets this tenant's tokens, as after new consent: the next call asks again (wire.md §13.3). */
  forgetTokens(): void {
    this.#application.cache.clear(this.#tenant)
  }

  /** Where the call layer gets the tokens of one scope. @throws ConfigurationError if the scope cannot be one. */
  tokenSource(scope: string): TokenSource {
    const checked = this.#application.checkedScope(scope)
    const tenant = this.#tenant
    const { keeper } = this.#application
    return {
      token: (ask) => keeper.token(tenant, checked, ask),
      tokenAfterRefusal: (refused, ask) => keeper.tokenAfterRefusal(tenant, checked, refused, ask ?? {}),
    }
  }
}
