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

/** The tokens of one tenant, as callers ask for them. */
export class TenantTokens {
  readonly #keeper: TokenKeeper
  readonly #tenant: string
  readonly #checked: (scope: string) => string
  // A program mostly asks for one scope: its token is found without a search.
  #recent: Slot | undefined

  /** @param checked returns a scope that can be asked for, and throws for any other. */
  constructor(keeper: TokenKeeper, tenant: string, checked: (scope: string) => string) {
    this.#keeper = keeper
    this.#tenant = tenant
    this.#checked = checked
  }

  /** The token that works, without a wait, if there is one. A scope that has a token has been checked. */
  cached(scopes: string | readonly string[]): AccessToken | undefined {
    const slot = this.#recent
    const scope = typeof scopes === 'string' ? scopes : scopes.join(' ')
    return slot?.scope === scope ? this.#keeper.cached(slot) : undefined
  }

  /** The token, from memory or from the authority. */
  async get(scopes: string | readonly string[], options: GetTokenOptions = {}): Promise<AccessToken> {
    const { claims, forceRefresh = false, abortSignal, timeoutMs } = options
    const scope = this.#checked(typeof scopes === 'string' ? scopes : scopes.join(' '))
    const ask: Ask = { signal: abortSignalOf(abortSignal), timeoutMs }
    this.#recent = this.#keeper.slot(this.#tenant, scope)
    if (claims === undefined && !forceRefresh) return this.#keeper.token(this.#tenant, scope, ask)
    return this.#keeper.freshToken(this.#tenant, scope, { ...ask, claims })
  }

  /** The tokens of one scope, for the call layer. */
  source(scope: string): TokenSource {
    const checked = this.#checked(scope)
    return {
      token: async (ask) => this.cached(checked) ?? this.get(checked, { ...ask, abortSignal: ask?.signal }),
      tokenAfterRefusal: (refused, ask) =>
        this.#keeper.tokenAfterRefusal(this.#tenant, checked, refused, ask ?? {}),
    }
  }

  /** Renews the tokens of these scopes when they are due, until the returned function is called. */
  keepWarm(scopes: string | readonly string[]): () => void {
    const stop = new AbortController()
    const checked = [scopes].flat().map(this.#checked)
    for (const scope of checked) void this.#keeper.keepWarm(this.#tenant, scope, stop.signal)
    return () => stop.abort()
  }

  /** Forgets them: the next call asks again. */
  forget(): void {
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
