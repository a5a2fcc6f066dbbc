import { bearerToken } from './bearer.ts'
import { lifetimeOf, type Principal, principalOf } from './claims.ts'
import { systemNow } from './clock.ts'
import type { TrustedIssuer } from './issuers.ts'
import type { VerificationKey } from './keys/source.ts'
import { type RequiredRoles, requirePermission } from './permission.ts'
import { type Remembered, RememberedTokens } from './remembered.ts'
import { type Revocation, Revocations } from './revocations.ts'
import { tokenVerifier, type VerifiedToken } from './token.ts'
import { originFinder } from './trust.ts'

/** What one API expects, and whom it trusts. */
export interface GuardOptions {
  /** The API's own identifiers: its application id and App ID URIs. */
  readonly audience: readonly string[]
  /** Who issues its tokens; see `entra` and `oauthIssuer`. */
  readonly issuers: readonly TrustedIssuer[]
  /** How far the issuer's clock may differ, 0 to 600 s. Default 300 s. */
  readonly skewSeconds?: number | undefined
  /** How many good tokens are remembered from their second use until they end, at some 3 kB each, up to a million. Default 10,000; 0 for none. */
  readonly rememberTokens?: number | undefined
  /** Milliseconds since 1970-01-01T00:00:00Z. Default: the machine's clock. */
  readonly now?: (() => number) | undefined
}

/** Lets in whom it should: Authorization header → token → issuer → key → claims → permission → principal. */
export interface Guard {
  /**
   * @param required who may call; an empty list lets no one in.
   * @throws GuardRefusal with status 401 or 403; KeysUnavailableError if the issuer's keys are neither known nor to be had.
   */
  admit(authorization: string | undefined, required: RequiredRoles): Promise<Principal>
  /**
   * As `admit`, without a promise where nothing has to be fetched: then it returns, or throws, at once.
   *
   * @throws GuardRefusal with status 401 or 403, at once or by its promise; KeysUnavailableError by its promise.
   */
  judge(authorization: string | undefined, required: RequiredRoles): Principal | Promise<Principal>
  /** Ends tokens before their time; new ones count. A client that declared `cp1` is told to ask for one (wire.md §11). */
  revoke(revocation: Revocation): void
}

// Entra back-dates tokens by five minutes for the same reason: clocks differ (wire.md §6).
const SKEW_SECONDS = 300
const SKEW_MAX = 600
const REMEMBERED = 10_000
const REMEMBERED_MAX = 1_000_000

/**
 * Makes the guard of one web API.
 *
 * @throws TypeError if there is no audience or no issuer, if an issuer cannot be bound to its tenants, or if a limit is passed.
 * @example
 * ```ts
 * import { createGuard, entra } from '@tomte/guard'
 * const guard = createGuard({
 *   audience: ['api://orders'],
 *   issuers: entra({ tenants: ['11111111-aaaa-4aaa-8aaa-000000000001'] }),
 * })
 * const principal = await guard.admit('Bearer …', ['Orders.Read.All'])
 * ```
 */
export function createGuard(options: GuardOptions): Guard {
  return new ApiGuard(options)
}

class ApiGuard implements Guard {
  readonly #expected: { readonly audience: ReadonlySet<string>; readonly skewSeconds: number }
  readonly #now: () => number
  readonly #verify: ReturnType<typeof tokenVerifier>
  readonly #remembered: RememberedTokens
  readonly #revocations = new Revocations()

  constructor({
    audience,
    issuers,
    skewSeconds = SKEW_SECONDS,
    rememberTokens = REMEMBERED,
    now = systemNow,
  }: GuardOptions) {
    needs('the length of audience', audience.length, 1, Number.MAX_SAFE_INTEGER)
    needs('the length of issuers', issuers.length, 1, Number.MAX_SAFE_INTEGER)
    needs('skewSeconds', skewSeconds, 0, SKEW_MAX)
    needs('rememberTokens', rememberTokens, 0, REMEMBERED_MAX)
    this.#expected = { audience: new Set(audience), skewSeconds }
    this.#now = now
    this.#verify = tokenVerifier(originFinder(issuers))
    this.#remembered = new RememberedTokens(rememberTokens)
  }

  async admit(authorization: string | undefined, required: RequiredRoles): Promise<Principal> {
    return this.judge(authorization, required)
  }

  judge(authorization: string | undefined, required: RequiredRoles): Principal | Promise<Principal> {
    const token = bearerToken(authorization)
    const remembered = this.#remembered.get(token)
    if (remembered && this.#stillGood(remembered)) {
      requirePermission(remembered.principal, required)
      return remembered.principal
    }
    const verified = this.#verify(token)
    return verified instanceof Promise
      ? verified.then((each) => this.#letIn(token, each, required))
      : this.#letIn(token, verified, required)
  }

  #letIn(token: string, verified: VerifiedToken, required: RequiredRoles): Principal {
    const { claims, origin, kid, key } = verified
    const principal = principalOf(claims, origin, this.#expected, this.#now())
    this.#revocations.check(principal)
    if (this.#remembered.hasComeBefore(token)) {
      const { fromMs, untilMs } = lifetimeOf(claims, origin.trust, this.#expected.skewSeconds)
      const { revision } = this.#revocations
      this.#remembered.set(token, { fromMs, untilMs, principal, origin, kid, key, revision })
    }
    requirePermission(principal, required)
    return principal
  }

  revoke(revocation: Revocation): void {
    this.#revocations.add(revocation)
  }

  #stillGood(remembered: Remembered): boolean {
    const { fromMs, untilMs, origin, kid, key, revision, principal } = remembered
    const nowMs = this.#now()
    if (nowMs < fromMs || nowMs >= untilMs) return false
    const found = origin.trust.keys.find(kid, origin.tenantId)
    if (!isKey(found) || found.key !== key) return false
    if (revision === this.#revocations.revision) return true
    this.#revocations.check(principal)
    remembered.revision = this.#revocations.revision
    return true
  }
}

type Found = VerificationKey | undefined | Promise<VerificationKey | undefined>

function isKey(found: Found): found is VerificationKey {
  if (!(found instanceof Promise)) return found !== undefined
  // Who asks next asks the source again, and hears of its failure.
  found.catch(() => undefined)
  return false
}

function needs(name: string, found: number, least: number, most: number): void {
  if (found >= least && found <= most) return
  const range = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `${least} to ${most}`
  throw new TypeError(`Cannot make a guard, as ${name} must be ${range}: found ${found}`)
}
