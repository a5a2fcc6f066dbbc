import type { Clock } from '../clock.ts'
import { TomteError } from '../errors.ts'
import { networkReason, withoutUser } from '../network.ts'

/** Something about the store that somebody should look at; the token was got all the same. */
export interface StoreWarning {
  readonly type: 'store_warning'
  /** Stable across releases: `store_unavailable`, `store_entry_unreadable` or `store_entry_too_large`. */
  readonly code: 'store_unavailable' | 'store_entry_unreadable' | 'store_entry_too_large'
  readonly message: string
  readonly hint: string
}

/** The limits that keep a bad store from slowing tokens down. */
export interface StoreLimits {
  /** How long one operation of the store may take, in milliseconds. */
  readonly timeoutMs: number
  /** How long the store is left alone after an operation has failed, in milliseconds. */
  readonly pauseMs: number
}

interface CircuitOptions extends StoreLimits {
  readonly clock: Clock
  readonly tell: (warning: StoreWarning) => void
}

const REASON_MAX_CHARACTERS = 200

/**
 * Asks a store within a time limit. After a failure it is left alone for a while, then one operation tries whether it is
 * back: a store that hangs costs one caller its time limit now and then, and never every caller.
 */
export class StoreCircuit {
  readonly #options: CircuitOptions
  #pausedUntilMs = 0
  /** The one operation that tries whether the store is back. */
  #trying = false

  constructor(options: CircuitOptions) {
    this.#options = options
  }

  /** Runs one operation, and gives what it gave, or nothing if it failed or was not tried. Never rejects. */
  async run<Result>(
    what: string,
    operation: (signal: AbortSignal) => Promise<Result>,
  ): Promise<{ readonly result: Result } | undefined> {
    const { clock } = this.#options
    const isTrial = this.#pausedUntilMs > 0
    if (isTrial && (this.#trying || clock.now() < this.#pausedUntilMs)) return undefined
    this.#trying = isTrial
    try {
      const result = await this.#limited(operation)
      if (isTrial) this.#pausedUntilMs = 0
      return { result }
    } catch (error) {
      this.#pause(what, error, isTrial)
      return undefined
    } finally {
      if (isTrial) this.#trying = false
    }
  }

  async #limited<Result>(operation: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { clock, timeoutMs } = this.#options
    const limit = new AbortController()
    const late = Promise.withResolvers<never>()
    const forget = clock.after(timeoutMs, () => {
      late.reject(new Error(`no answer within ${timeoutMs} ms`))
      limit.abort()
    })
    const running = (async () => operation(limit.signal))()
    // Once the limit is over nobody listens to it any more.
    running.catch(() => {})
    try {
      return await Promise.race([running, late.promise])
    } finally {
      forget()
    }
  }

  #pause(what: string, error: unknown, isTrial: boolean): void {
    const { clock, pauseMs, tell } = this.#options
    const isNews = this.#pausedUntilMs === 0 || isTrial
    this.#pausedUntilMs = clock.now() + pauseMs
    if (!isNews) return
    tell({
      type: 'store_warning',
      code: 'store_unavailable',
      message: `Cannot ${what} the shared store, as it must answer: ${reasonOf(error)}. Tokens come from the authority for ${pauseMs} ms`,
      hint:
        (error instanceof TomteError && error.hint) ||
        'Check that the store runs and can be reached from here',
    })
  }
}

/** In a few words and without the credentials of an address, whatever a store's library says. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? networkReason(error) : 'it failed without an error'
  return withoutUser(reason).slice(0, REASON_MAX_CHARACTERS)
}
