import type { Principal } from './claims.ts'
import { GuardRefusal } from './refusal.ts'

/** Which tokens no longer count. With neither `objectId` nor `tokenId`, all of the tenant. */
export interface Revocation {
  /** The tenant, or the issuer where there are no tenants. */
  readonly tenantId: string
  /** The service principal or the user. */
  readonly objectId?: string | undefined
  /** One token alone: its `uti` (Entra) or `jti`. */
  readonly tokenId?: string | undefined
  /** Tokens issued at or after this count again, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly issuedBeforeMs: number
}

const REVOCATIONS_MAX = 100_000

/**
 * What has been revoked, kept for as long as the program runs. It holds 100,000; then the oldest is forgotten in favour of
 * refusing every token that is as old, so that none comes back.
 */
export class Revocations {
  readonly #max: number
  readonly #byName = new Map<string, number>()
  #floorMs = Number.NEGATIVE_INFINITY
  /** Changes with every revocation. */
  revision = 0

  constructor(max = REVOCATIONS_MAX) {
    this.#max = max
  }

  add({ tenantId, objectId, tokenId, issuedBeforeMs }: Revocation): void {
    if (!Number.isFinite(issuedBeforeMs))
      throw new TypeError(`Cannot revoke, as a time in milliseconds is needed: found ${issuedBeforeMs}`)
    const name = nameOf(tenantId, objectId, tokenId)
    const latestMs = Math.max(issuedBeforeMs, this.#byName.get(name) ?? issuedBeforeMs)
    this.#byName.delete(name)
    this.#byName.set(name, latestMs)
    this.revision++
    const oldest = this.#byName.entries().next().value
    if (this.#byName.size <= this.#max || !oldest) return
    this.#byName.delete(oldest[0])
    this.#floorMs = Math.max(this.#floorMs, oldest[1])
  }

  /** Lets a principal pass whose token counts. @throws GuardRefusal claims_challenge to a client that declared `cp1`, else token_revoked. */
  check({ tenantId, objectId, claims }: Principal): void {
    if (this.revision === 0) return
    const tokenId = claims['uti'] ?? claims['jti']
    const issuedBeforeMs = Math.max(
      this.#floorMs,
      this.#before(nameOf(tenantId)),
      this.#before(nameOf(tenantId, objectId)),
      typeof tokenId === 'string' ? this.#before(nameOf(tenantId, undefined, tokenId)) : this.#floorMs,
    )
    const issuedMs = Number(claims['iat']) * 1000
    if (issuedMs >= issuedBeforeMs) return
    const reason = `tokens of ${objectId} in ${tenantId} that were issued before ${issuedBeforeMs} ms are revoked`
    if (!understandsChallenges(claims['xms_cc'])) throw new GuardRefusal('token_revoked', reason)
    throw new GuardRefusal('claims_challenge', reason, newerThan(issuedBeforeMs))
  }

  #before(name: string): number {
    return this.#byName.get(name) ?? Number.NEGATIVE_INFINITY
  }
}

const nameOf = (tenantId: string, objectId?: string, tokenId?: string): string =>
  JSON.stringify([tenantId, objectId ?? null, tokenId ?? null])

/** Whether the client declared the capability `cp1`, in whatever case (wire.md §11). */
const understandsChallenges = (capabilities: unknown): boolean =>
  Array.isArray(capabilities) &&
  capabilities.some((each) => typeof each === 'string' && each.toLowerCase() === 'cp1')

/** The claims that ask the issuer for a token that is newer (wire.md §11). */
const newerThan = (issuedBeforeMs: number): string =>
  JSON.stringify({
    access_token: { nbf: { essential: true, value: String(Math.ceil(issuedBeforeMs / 1000)) } },
  })
