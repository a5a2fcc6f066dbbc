import { createHash } from 'node:crypto'
import type { Now } from '../clock.ts'
import type { Database } from '../store/database.ts'

/** Leave to check a password, or how long to wait for it. */
export type Attempt =
  | { readonly allowed: true; succeeded(): Promise<void> }
  | { readonly allowed: false; readonly waitSeconds: number }

/** What is remembered of the passwords that were tried for one name. */
export interface Tried {
  readonly failedAtMs: readonly number[]
  /** Failures since the last success. */
  readonly failures: number
  readonly lockedUntilMs: number
}

const FAILURES_MAX = 5
const WINDOW_MS = 60_000
const LOCKED_AFTER = 10
const LOCKED_MS = 15 * 60_000
const NAMES_MAX = 10_000

/** The name of the platform's own administrator, who has none. */
export const ADMINISTRATOR = ''

const NOTHING: Tried = { failedAtMs: [], failures: 0, lockedUntilMs: 0 }

/**
 * Decides about one more try: five failures a minute, and after ten in a row an account is locked for a quarter of an hour, to
 * the right password too. The platform's administrator is never locked out, as anybody could do that.
 */
export function nextTry(
  tried: Tried,
  nowMs: number,
  locks: boolean,
): { readonly waitSeconds: number } | { readonly tried: Tried } {
  if (tried.lockedUntilMs > nowMs) return { waitSeconds: secondsUntil(tried.lockedUntilMs, nowMs) }
  const recent = tried.failedAtMs.filter((failedAtMs) => failedAtMs > nowMs - WINDOW_MS)
  const [first] = recent
  if (first !== undefined && recent.length >= FAILURES_MAX)
    return { waitSeconds: secondsUntil(first + WINDOW_MS, nowMs) }
  const failures = tried.failures + 1
  const locked = locks && failures >= LOCKED_AFTER
  return {
    tried: {
      failedAtMs: [...recent, nowMs],
      failures: locked ? 0 : failures,
      lockedUntilMs: locked ? nowMs + LOCKED_MS : 0,
    },
  }
}

const secondsUntil = (atMs: number, nowMs: number) => Math.ceil((atMs - nowMs) / 1000)

/**
 * Bounds how fast passwords can be guessed, by the name they are for and over all browsers and replicas, since whoever
 * guesses can open as many as they like. A name that nobody has is treated alike, so that none tells who has an account; of
 * names the store has the SHA-256, as a password may be typed there. Beyond 10,000 names the one longest unused is forgotten.
 */
export class Attempts {
  readonly #db: Database
  readonly #now: Now

  constructor(db: Database, now: Now) {
    this.#db = db
    this.#now = now
  }

  /** Counts as a failure until it has succeeded, so that guesses sent all at once are bounded too. */
  async begin(name: string): Promise<Attempt> {
    const key = createHash('sha256').update(name).digest('base64')
    const nowMs = this.#now()
    const next = await this.#change(key, (tried) => {
      const decided = nextTry(tried, nowMs, name !== ADMINISTRATOR)
      return { answer: decided, tried: 'tried' in decided ? decided.tried : undefined }
    })
    if ('waitSeconds' in next) return { allowed: false, waitSeconds: next.waitSeconds }
    return { allowed: true, succeeded: () => this.#withdraw(key, nowMs) }
  }

  async #withdraw(key: string, atMs: number): Promise<void> {
    await this.#change(key, ({ failedAtMs }) => {
      const index = failedAtMs.indexOf(atMs)
      return {
        answer: undefined,
        tried: { failedAtMs: failedAtMs.filter((_, at) => at !== index), failures: 0, lockedUntilMs: 0 },
      }
    })
  }

  /** Reads and writes in one transaction; the store runs those one after another, over all replicas. */
  #change<T>(
    key: string,
    decide: (tried: Tried) => { readonly answer: T; readonly tried: Tried | undefined },
  ): Promise<T> {
    return this.#db.transaction().execute(async (db) => {
      const row = await db
        .selectFrom('portal_attempt')
        .selectAll()
        .where('name_digest', '=', key)
        .executeTakeFirst()
      const { answer, tried } = decide(
        row
          ? {
              failedAtMs: JSON.parse(row.failed_at_ms) as number[],
              failures: row.failures,
              lockedUntilMs: row.locked_until_ms,
            }
          : NOTHING,
      )
      if (!tried) return answer
      if (!row) await forgetBeyond(db, NAMES_MAX - 1)
      const values = {
        failed_at_ms: JSON.stringify(tried.failedAtMs),
        failures: tried.failures,
        locked_until_ms: tried.lockedUntilMs,
        last_at_ms: this.#now(),
      }
      await db
        .insertInto('portal_attempt')
        .values({ name_digest: key, ...values })
        .onConflict((conflict) => conflict.column('name_digest').doUpdateSet(values))
        .execute()
      return answer
    })
  }
}

async function forgetBeyond(db: Database, namesMax: number): Promise<void> {
  const { count } = await db
    .selectFrom('portal_attempt')
    .select((select) => select.fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  const over = Number(count) - namesMax
  if (over <= 0) return
  const oldest = await db
    .selectFrom('portal_attempt')
    .select('name_digest')
    .orderBy('last_at_ms')
    .limit(over)
    .execute()
  const names = oldest.map(({ name_digest }) => name_digest)
  await db.deleteFrom('portal_attempt').where('name_digest', 'in', names).execute()
}
