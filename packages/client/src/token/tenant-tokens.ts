import { type AbortSignalLike, abortSignalOf } from './abort-signal.ts'
import type { Ask, TokenKeeper } from './keeper.ts'
import type { AccessToken, Slot } from './slot.ts'
import type { TokenSource } from './token.ts'

/** What one call for a token may say; the names are those of `GetTokenOptions` in @azure/core-auth. */
export interface GetTokenOptions {
  /** Ends this caller's waiting; the request that others wait for goes on. */
  readonly abortSignal?: AbortSignalLike | undefined
  /** How long this caller waits when no token is cached. Default 30,000 ms. */
  readonly timeoutMs?: number | undefined
  /** Another tenant than the identity's own. */
  readonly tenantId?: string | undefined
  /** The claims of a challenge, as JSON text (wire.md §11): what is cached does not do. */
  readonly claims?: string | undefined
  /** Ask for a new token whatever is cached. */
  readonly forceRefresh?: boolean | undefined
}

/**
 * Gives out the tokens of one tenant. Identities inherit from it, since a cached token is the path of every call and each
 * object on it is one more place in memory.
 */
export abstract class TenantTokens {
  readonly #keeper: TokenKeeper
  readonly #tenant: string
  readonly #checked: (scope: string) => string
  // A program mostly asks for one scope: its token is found without a search.
  #recent: Slot | undefined

  /**
   * @internal
   * @param checked returns a scope that can be asked for, and throws for any other.
   */
  constructor(keeper: TokenKeeper, tenant: string, checked: (scope: string) => string) {
    this.#keeper = keeper
    this.#tenant = tenant
    this.#checked = checked
  }

  /**
   * The token that works, without a wait, if there is one. A scope that has a token has been checked.
   *
   * @internal
   */
  cachedToken(scopes: string | readonly string[]): AccessToken | undefined {
    const slot = this.#recent
    const scope = typeof scopes === 'string' ? scopes : scopes.join(' ')
    return slot?.scope === scope ? this.#keeper.cached(slot) : undefined
  }

  /**
   * The token, from memory or from where tokens come from.
   *
   * @internal
   */
  async askedToken(
    scopes: string | readonly string[],
    { claims, forceRefresh = false, abortSignal, timeoutMs }: GetTokenOptions = {},
  ): Promise<AccessToken> {
    const scope = this.#checked(typeof scopes === 'string' ? scopes : scopes.join(' '))
    const ask: Ask = { signal: abortSignalOf(abortSignal), timeoutMs }
    this.#recent = this.#keeper.slot(this.#tenant, scope)
    if (claims === undefined && !forceRefresh) return this.#keeper.token(this.#tenant, scope, ask)
    return this.#keeper.freshToken(this.#tenant, scope, { ...ask, claims })
  }

  /** Where the call layer gets the tokens of one scope. @throws ConfigurationError if the scope cannot be one. */
  tokenSource(scope: string): TokenSource {
    const checked = this.#checked(scope)
    return {
      token: async (ask) =>
        this.cachedToken(checked) ?? this.askedToken(checked, { ...ask, abortSignal: ask?.signal }),
      tokenAfterRefusal: (refused, ask) =>
        this.#keeper.tokenAfterRefusal(this.#tenant, checked, refused, ask ?? {}),
    }
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
    const stop = new AbortController()
    const checked = [scopes].flat().map(this.#checked)
    for (const scope of checked) void this.#keeper.keepWarm(this.#tenant, scope, stop.signal)
    return () => stop.abort()
  }

  /** Forgets the tokens, as after new consent: the next call asks again (wire.md §13.3). */
  forgetTokens(): void {
    this.#keeper.forget(this.#tenant)
  }
}

const SCOPES_REMEMBERED = 1_000

/** Makes a check that remembers what has passed: the check costs more than the cached token behind it. */
export function rememberedCheck(check: (scope: string) => string): (scope: string) => string {
  const passed = new Set<string>()
  return (scope) => {
    if (passed.has(scope)) return scope
    const checked = check(scope)
    if (passed.size < SCOPES_REMEMBERED) passed.add(checked)
    return checked
  }
}
