import type { Authority } from '../authority/authority.ts'
import { type Clock, systemClock } from '../clock.ts'
import { ConfigurationError, CredentialError, TomteError, UnavailableError } from '../errors.ts'
import { abortSignalOf } from '../token/abort-signal.ts'
import type { Ask } from '../token/keeper.ts'
import type { AccessToken } from '../token/slot.ts'
import type { GetTokenOptions } from '../token/tenant-tokens.ts'
import type { TokenSource } from '../token/token.ts'
import { waitFor } from '../token/wait.ts'
import type { Identity } from './identity.ts'

/** What is asked of a `TokenCredential`. */
export interface TokenCredentialOptions {
  readonly abortSignal?: AbortSignal
  readonly claims?: string
  readonly tenantId?: string
  /** Not of @azure/core-auth, but of identities of this package. */
  readonly forceRefresh?: boolean
}

/** What a `TokenCredential` gives. */
export interface BorrowedToken {
  readonly token: string
  readonly expiresOnTimestamp: number
  readonly refreshAfterTimestamp?: number | undefined
  readonly tokenType?: string | undefined
}

/** Anything that gives tokens as `TokenCredential` of @azure/core-auth does; an {@link Identity} does so, too. */
export interface TokenCredential {
  getToken(scopes: string | string[], options?: TokenCredentialOptions): Promise<BorrowedToken | null>
}

/** What is known of an identity beside its credential. */
export interface IdentityFromOptions {
  /** The application (client) id, for error messages. */
  readonly clientId?: string | undefined
  readonly clock?: Clock | undefined
}

/**
 * Lets any `TokenCredential` of @azure/core-auth stand in for an identity, as for `api` or `graph`. It is asked for every
 * call, since it keeps its own tokens; callers who ask for the same at the same time share one request. `claims` and
 * `tenantId` are handed through. `forceRefresh` is, too, though most credentials of others do not know it. Callers wait for
 * 30 s unless `timeoutMs` says otherwise; when nobody waits any more, the request is aborted.
 *
 * @example
 * ```ts
 * import { api, identityFrom, type TokenCredential } from '@tomte/client'
 * declare const credential: TokenCredential
 * const orders = api(identityFrom(credential), { baseUrl: 'https://orders.contoso.example', scope: 'api://orders/.default' })
 * ```
 */
export function identityFrom(credential: TokenCredential, options: IdentityFromOptions = {}): Identity {
  return new BorrowedIdentity(credential, options)
}

const TIMEOUT_MS = 30_000

/** A request that several callers wait for; it is aborted when the last of them leaves. */
interface Borrowing {
  readonly promise: Promise<AccessToken>
  readonly stop: AbortController
  waiting: number
}

class BorrowedIdentity implements Identity {
  readonly clientId: string | undefined
  readonly authority: Authority | undefined = undefined
  readonly #credential: TokenCredential
  readonly #clock: Clock
  readonly #borrowings = new Map<string, Borrowing>()

  constructor(credential: TokenCredential, { clientId, clock = systemClock }: IdentityFromOptions) {
    this.clientId = clientId
    this.#credential = credential
    this.#clock = clock
  }

  async getToken(given: string | readonly string[], options: GetTokenOptions = {}): Promise<AccessToken> {
    const { abortSignal, timeoutMs = TIMEOUT_MS, tenantId, claims, forceRefresh } = options
    const scopes = requireScopes(given)
    const key = JSON.stringify([scopes, tenantId, claims, forceRefresh])
    const borrowing = this.#borrowings.get(key) ?? this.#borrow(key, scopes, options)
    borrowing.waiting += 1
    try {
      const what = `a token for ${scopes.join(' ')} from the borrowed credential`
      const signal = abortSignalOf(abortSignal)
      return await waitFor(borrowing.promise, { clock: this.#clock, signal, timeoutMs, what })
    } finally {
      borrowing.waiting -= 1
      if (borrowing.waiting === 0) this.#leave(key, borrowing)
    }
  }

  tokenSource(scope: string): TokenSource {
    requireScopes(scope)
    const ask = (options: Ask = {}) =>
      this.getToken(scope, { abortSignal: options.signal, timeoutMs: options.timeoutMs })
    return { token: ask, tokenAfterRefusal: (_, options) => this.#renewed(scope, options) }
  }

  /** Whether it has another one is for the credential to say. */
  #renewed(scope: string, { signal, timeoutMs }: Ask = {}): Promise<AccessToken> {
    return this.getToken(scope, { abortSignal: signal, timeoutMs, forceRefresh: true })
  }

  #borrow(key: string, scopes: string[], { tenantId, claims, forceRefresh }: GetTokenOptions): Borrowing {
    const stop = new AbortController()
    const promise = borrowed(this.#credential, scopes, {
      abortSignal: stop.signal,
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(claims === undefined ? {} : { claims }),
      ...(forceRefresh === undefined ? {} : { forceRefresh }),
    })
    const borrowing: Borrowing = { promise, stop, waiting: 0 }
    this.#borrowings.set(key, borrowing)
    // Whoever waits sees the error; if nobody does any more, it must not end the process.
    const landed = () => this.#forget(key, borrowing)
    promise.then(landed, landed)
    return borrowing
  }

  #leave(key: string, borrowing: Borrowing): void {
    if (this.#borrowings.get(key) !== borrowing) return
    this.#forget(key, borrowing)
    borrowing.stop.abort()
  }

  #forget(key: string, borrowing: Borrowing): void {
    if (this.#borrowings.get(key) === borrowing) this.#borrowings.delete(key)
  }
}

function requireScopes(given: string | readonly string[]): string[] {
  const scopes = [given].flat()
  if (scopes.length > 0 && scopes.every((scope) => scope !== '')) return scopes
  throw new ConfigurationError('Cannot ask for a token, as a scope is needed: found none', {
    code: 'scope_invalid',
    hint: 'Name the resource, for example https://graph.microsoft.com/.default',
  })
}

async function borrowed(
  credential: TokenCredential,
  scopes: string[],
  options: TokenCredentialOptions,
): Promise<AccessToken> {
  const given = await credential.getToken(scopes, options).catch((error: unknown) => {
    throw remedyOf(error, scopes)
  })
  const found = faultOf(given)
  if (!given || found !== undefined) {
    throw new CredentialError(
      `Cannot get a token for ${scopes.join(' ')} from the borrowed credential, as a Bearer token with its end is needed: ${found}`,
      { code: 'borrowed_token_unusable', hint: 'Check that the credential works by itself' },
    )
  }
  const { token, expiresOnTimestamp, refreshAfterTimestamp = expiresOnTimestamp } = given
  return { token, expiresOnTimestamp, refreshAfterTimestamp, tokenType: 'Bearer' }
}

function faultOf(given: BorrowedToken | null): string | undefined {
  if (!given) return 'it gave none'
  if (typeof given.token !== 'string' || given.token === '') return 'it gave an empty one'
  if (!Number.isFinite(given.expiresOnTimestamp)) return 'it does not say when it ends'
  if ((given.tokenType ?? 'Bearer') !== 'Bearer') return `it is of type '${given.tokenType}'`
  return undefined
}

/** One of our errors. The credential's own is no cause of it: it may hold the request, with what was proved by. */
function remedyOf(error: unknown, scopes: readonly string[]): unknown {
  if (error instanceof TomteError) return error
  const fault = error instanceof Error ? error : new Error('unknown error')
  const [line = ''] = fault.message.split(/[\r\n]/, 1)
  const message = `Cannot get a token for ${scopes.join(' ')} from the borrowed credential: ${fault.name}: ${line.slice(0, 400)}`
  const status = 'statusCode' in fault ? Number(fault.statusCode) : 0
  const hint = 'Check that the credential works by itself'
  return status === 429 || status >= 500
    ? new UnavailableError(message, { code: 'borrowed_credential_unavailable', hint })
    : new CredentialError(message, { code: 'borrowed_credential_failed', hint })
}
