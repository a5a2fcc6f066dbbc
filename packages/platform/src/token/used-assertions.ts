import { createHash } from 'node:crypto'
import type { Now } from '../clock.ts'
import { type JwtPart, numericDate } from '../jwt.ts'
import type { Database } from '../store/database.ts'
import { SKEW_SECONDS } from './assertion-time.ts'
import { TokenRefusal } from './refusal.ts'

const ID_LENGTH_MAX = 300
const AHEAD_MAX_SECONDS = 60 * 60
const ROWS_MAX = 1_000_000
const COUNTED_EVERY = 1_000

/** Whose assertion it is, and for which tenant. */
export interface UsedBy {
  readonly tenantId: string
  readonly appId: string
}

export interface UsedAssertionsOptions {
  readonly db: Database
  readonly now: Now
  /** How many are remembered; beyond it none is accepted. Default 1,000,000. */
  readonly rowsMax?: number | undefined
  /** After how many it is counted how many there are. Default 1,000. */
  readonly countedEvery?: number | undefined
}

/**
 * Remembers the assertions of clients until they have expired, in the store and so for all replicas, for tenants that refuse
 * repeats (RFC 7523 §3, item 7). What could not be remembered is not accepted.
 */
export class UsedAssertions {
  readonly #db: Database
  readonly #now: Now
  readonly #rowsMax: number
  readonly #countedEvery: number
  #sinceCounted = Number.POSITIVE_INFINITY
  #isFull = false

  constructor({ db, now, rowsMax = ROWS_MAX, countedEvery = COUNTED_EVERY }: UsedAssertionsOptions) {
    this.#db = db
    this.#now = now
    this.#rowsMax = rowsMax
    this.#countedEvery = countedEvery
  }

  /**
   * Takes an assertion whose signature and time have been found right as used.
   *
   * @throws TokenRefusal 50027 without `jti`, or if it expires more than an hour ahead; 50013 if it was used before; 90033 while
   *   a million others have to be remembered.
   */
  async use({ tenantId, appId }: UsedBy, claims: JwtPart): Promise<void> {
    const { jti } = claims
    if (typeof jti !== 'string' || jti === '' || jti.length > ID_LENGTH_MAX)
      throw new TokenRefusal(50027, { reason: `jti must be a text of at most ${ID_LENGTH_MAX} characters.` })
    const nowMs = this.#now()
    const expires = numericDate(claims['exp']) ?? Number.POSITIVE_INFINITY
    if (expires > nowMs / 1000 + AHEAD_MAX_SECONDS)
      throw new TokenRefusal(50027, { reason: `exp must be at most ${AHEAD_MAX_SECONDS} seconds ahead.` })
    await this.#requireRoom(nowMs)
    const added = await this.#db
      .insertInto('used_assertion')
      .values({
        digest: digestOf(tenantId, appId, jti),
        // For as long as it would be accepted.
        expires_at_ms: Math.ceil((expires + SKEW_SECONDS) * 1000),
      })
      .onConflict((conflict) => conflict.column('digest').doNothing())
      .returning('digest')
      .executeTakeFirst()
    if (!added)
      throw new TokenRefusal(50013, { fault: 'is invalid', reason: 'Its jti has been used before.' })
  }

  /** Counting costs, and the bound need not be exact; while it is reached every attempt counts again. */
  async #requireRoom(nowMs: number): Promise<void> {
    this.#sinceCounted += 1
    if (this.#isFull || this.#sinceCounted >= this.#countedEvery) {
      this.#sinceCounted = 0
      const { count } = await this.#db
        .selectFrom('used_assertion')
        .select((select) => select.fn.countAll().as('count'))
        .where('expires_at_ms', '>=', nowMs)
        .executeTakeFirstOrThrow()
      this.#isFull = Number(count) >= this.#rowsMax
    }
    if (this.#isFull) throw new TokenRefusal(90033)
  }
}

// JSON keeps the three apart, whatever is in them.
const digestOf = (...parts: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64')
