import type { Now } from '../clock.ts'

const FAILURES_MAX = 5
const WINDOW_MS = 60_000

/** Leave to check a password, or how long to wait for it. */
export type Attempt =
  | { readonly allowed: true; succeeded(): void }
  | { readonly allowed: false; readonly waitSeconds: number }

/**
 * Bounds how fast a password can be guessed: five failures a minute, over all browsers, since whoever guesses
 * can open as many as they like. The administrator waits with everybody else.
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
      return { allowed: false, waitSeconds: Math.ceil((first + WINDOW_MS - nowMs) / 1000) }
    }
    this.#failedAtMs.push(nowMs)
    return { allowed: true, succeeded: () => this.#withdraw(nowMs) }
  }

  #withdraw(failedAtMs: number): void {
    const index = this.#failedAtMs.indexOf(failedAtMs)
    if (index >= 0) this.#failedAtMs.splice(index, 1)
  }
}
