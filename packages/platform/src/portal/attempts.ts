import type { Now } from '../clock.ts'

const FAILURES_MAX = 5
const WINDOW_MS = 60_000

/** Leave to check a password, or how long to wait for it. */
export type Attempt =
  | { readonly allowed: true; succeeded(): void }
  | { readonly allowed: false; readonly waitSeconds: number }

/**
 * Bounds how fast a password can be guessed: five failures a minute, over all browsers, since whoever guesses
 * can open as many as they like. The person whose password it is waits with everybody else.
 */
export class Attempts {
  readonly #now: Now
  #failedAtMs: number[] = []

  constructor(now: Now) {
    this.#now = now
  }

  /** Counts as a failure until it has succeeded, so that guesses sent all at once are bounded too. */
  begin(): Attempt {
    const nowMs = this.#now()
    this.#failedAtMs = this.#failedAtMs.filter((failedAtMs) => failedAtMs > nowMs - WINDOW_MS)
    const [first] = this.#failedAtMs
    if (first !== undefined && this.#failedAtMs.length >= FAILURES_MAX) {
      return { allowed: false, waitSeconds: secondsUntil(first + WINDOW_MS, nowMs) }
    }
    this.#failedAtMs.push(nowMs)
    return { allowed: true, succeeded: () => this.#withdraw(nowMs) }
  }

  #withdraw(failedAtMs: number): void {
    const index = this.#failedAtMs.indexOf(failedAtMs)
    if (index >= 0) this.#failedAtMs.splice(index, 1)
  }
}

const LOCKED_AFTER = 10
const LOCKED_MS = 15 * 60_000
const NAMES_MAX = 10_000

interface NameAttempts {
  readonly recent: Attempts
  /** Failures since the last success. */
  failures: number
  lockedUntilMs: number
}

/**
 * Bounds guesses at the passwords of accounts, each by its name: five failures a minute, and after ten in a row the name is
 * locked for a quarter of an hour, to the right password too. A name that nobody has is treated alike, so that neither tells who
 * has an account. Beyond 10,000 names the one longest unused is forgotten. A restart forgets them all.
 */
export class AccountAttempts {
  readonly #now: Now
  readonly #names = new Map<string, NameAttempts>()

  constructor(now: Now) {
    this.#now = now
  }

  /** Counts as a failure until it has succeeded. */
  begin(name: string): Attempt {
    const nowMs = this.#now()
    const known = this.#touch(name)
    if (known.lockedUntilMs > nowMs)
      return { allowed: false, waitSeconds: secondsUntil(known.lockedUntilMs, nowMs) }
    const attempt = known.recent.begin()
    if (!attempt.allowed) return attempt
    known.failures++
    if (known.failures >= LOCKED_AFTER) {
      known.failures = 0
      known.lockedUntilMs = nowMs + LOCKED_MS
    }
    return {
      allowed: true,
      succeeded: () => {
        attempt.succeeded()
        known.failures = 0
        known.lockedUntilMs = 0
      },
    }
  }

  #touch(name: string): NameAttempts {
    const known = this.#names.get(name) ?? {
      recent: new Attempts(this.#now),
      failures: 0,
      lockedUntilMs: 0,
    }
    this.#names.delete(name)
    this.#names.set(name, known)
    const [oldest] = this.#names.keys()
    if (this.#names.size > NAMES_MAX && oldest !== undefined) this.#names.delete(oldest)
    return known
  }
}

const secondsUntil = (atMs: number, nowMs: number) => Math.ceil((atMs - nowMs) / 1000)
