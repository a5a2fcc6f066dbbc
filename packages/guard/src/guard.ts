import { bearerToken } from './bearer.ts'
import { type Expectations, type Principal, principalOf } from './claims.ts'
import { systemNow } from './clock.ts'
import type { KeySource } from './keys.ts'
import { type RequiredRoles, requireRole } from './permission.ts'
import { verifiedClaims } from './token.ts'

/** What one API expects, and where the keys come from. */
export interface GuardOptions extends Omit<Expectations, 'skewSeconds'> {
  readonly keys: KeySource
  /** How far the issuer's clock may differ. Default 300 s. */
  readonly skewSeconds?: number | undefined
  /** Milliseconds since 1970-01-01T00:00:00Z. Default: the machine's clock. */
  readonly now?: (() => number) | undefined
}

/** Lets in the applications it should: Authorization header → token → key → claims → roles → principal. */
export interface Guard {
  /**
   * @param required the roles of which the caller needs at least one, or 'any application'.
   * @throws GuardRefusal with status 401 or 403.
   */
  admit(authorization: string | undefined, required: RequiredRoles): Promise<Principal>
}

// Entra back-dates tokens by five minutes for the same reason: clocks differ (wire.md §6).
const SKEW_SECONDS = 300

/**
 * Makes the guard of one web API.
 *
 * @example
 * ```ts
 * import { createGuard, type KeySource } from '@tomte/guard'
 * declare const keys: KeySource
 * const guard = createGuard({
 *   audience: ['api://orders'],
 *   issuers: { '2.0': 'https://login.microsoftonline.com/{tenantid}/v2.0' },
 *   tenants: ['11111111-aaaa-4aaa-8aaa-000000000001'],
 *   keys,
 * })
 * const principal = await guard.admit('Bearer …', ['Orders.Read.All'])
 * ```
 */
export function createGuard({
  keys,
  skewSeconds = SKEW_SECONDS,
  now = systemNow,
  ...rest
}: GuardOptions): Guard {
  const expected = { ...rest, skewSeconds }
  return {
    async admit(authorization, required) {
      const claims = await verifiedClaims(bearerToken(authorization), keys)
      const principal = principalOf(claims, expected, now())
      requireRole(principal, required)
      return principal
    },
  }
}
