import { retryAfterMs } from '../retry-after.ts'

/** What happened to one attempt of a call. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number
  readonly status: number
  /** The `Retry-After` header, if there was one. */
  readonly retryAfter: string | undefined
  /** Whether doing it twice does no harm: the method is idempotent (RFC 9110 §9.2.2). */
  readonly repeatable: boolean
}

const ATTEMPTS_MAX = 6
const BACK_OFF_FIRST_MS = 500
const BACK_OFF_MAX_MS = 30_000
const RETRY_AFTER_MAX_MS = 300_000

/**
 * Returns how many milliseconds to wait before the next attempt, or `undefined` to give up.
 * 429 was certainly not processed and is always repeated; 502, 503 and 504 only where repeating does no harm.
 */
export function nextDelayMs(attempt: Attempt, nowMs: number, random: () => number): number | undefined {
  const transient = attempt.status === 502 || attempt.status === 503 || attempt.status === 504
  const retryable = attempt.status === 429 || (transient && attempt.repeatable)
  if (!retryable || attempt.number >= ATTEMPTS_MAX) return undefined
  const asked = retryAfterMs(attempt.retryAfter, nowMs)
  if (asked !== undefined) return asked > RETRY_AFTER_MAX_MS ? undefined : asked
  const ceiling = Math.min(BACK_OFF_FIRST_MS * 2 ** (attempt.number - 1), BACK_OFF_MAX_MS)
  return ceiling / 2 + (random() * ceiling) / 2
}
