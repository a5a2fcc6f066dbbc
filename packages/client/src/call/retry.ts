import { retryAfterMs } from '../retry-after.ts'

/** What happened to one attempt of a call. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number
  /** The answer's status; `lost` if there was none; `unsent` if the request never left. */
  readonly status: number | 'lost' | 'unsent'
  /** The `Retry-After` header, if there was one. */
  readonly retryAfter: string | undefined
  /** Whether doing it twice does no harm: the method is idempotent (RFC 9110 §9.2.2), or the caller says so. */
  readonly repeatable: boolean
}

/** When a call is sent again, and whether the wait is one that the server has named. */
export interface Delay {
  readonly ms: number
  readonly named: boolean
}

const ATTEMPTS_MAX = 6
const BACK_OFF_FIRST_MS = 500
const BACK_OFF_MAX_MS = 30_000
/** Whoever is asked to wait longer than this gives up. */
export const RETRY_AFTER_MAX_MS = 300_000

const IDEMPOTENT = new Set(['GET', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE'])

/** Whether doing it twice does no harm, by the method (RFC 9110 §9.2.2) or by what the caller says of the call. */
export const isRepeatable = (method: string, stated: boolean | undefined): boolean =>
  stated ?? IDEMPOTENT.has(method)

/**
 * Returns when to send the next attempt, or `undefined` to give up. What was answered with 429 or never sent was certainly
 * not processed and is always repeated; 502, 503, 504 and a lost answer only where repeating does no harm.
 */
export function nextDelay(attempt: Attempt, nowMs: number, random: () => number): Delay | undefined {
  if (attempt.number >= ATTEMPTS_MAX || !mayRepeat(attempt)) return undefined
  const asked = retryAfterMs(attempt.retryAfter, nowMs)
  if (asked !== undefined) return asked > RETRY_AFTER_MAX_MS ? undefined : { ms: asked, named: true }
  const ceiling = Math.min(BACK_OFF_FIRST_MS * 2 ** (attempt.number - 1), BACK_OFF_MAX_MS)
  return { ms: ceiling / 2 + (random() * ceiling) / 2, named: false }
}

function mayRepeat({ status, repeatable }: Attempt): boolean {
  if (status === 429 || status === 'unsent') return true
  const transient = status === 'lost' || status === 502 || status === 503 || status === 504
  return transient && repeatable
}

const BUDGET_FULL = 50
const BUDGET_PER_SUCCESS = 0.1

/**
 * How many repetitions a client may spend while its API fails: 50 at once, and after that one for every ten calls that
 * succeed. In an outage all callers together repeat hardly more than they call. Waits that a throttling server names are free.
 */
export class RetryBudget {
  #left = BUDGET_FULL

  /** Takes one repetition, if there is one left. */
  take(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }

  /** Gives a part of one back. */
  succeeded(): void {
    if (this.#left < BUDGET_FULL) this.#left = Math.min(BUDGET_FULL, this.#left + BUDGET_PER_SUCCESS)
  }
}
