/** Time as an argument: everything that reads a clock or waits takes one of these, so that tests need not sleep. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
  /** Resolves after `ms` milliseconds, or rejects with the signal's reason as soon as `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Runs `end` after `ms` milliseconds unless the returned function is called first; keeps no process alive. */
  after(ms: number, end: () => void): () => void
}

// What a timer can count; more would be no wait at all.
const TIMER_MAX_MS = 2 ** 31 - 1

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, end) => {
    const timer = setTimeout(end, Math.min(ms, TIMER_MAX_MS)).unref()
    return () => clearTimeout(timer)
  },
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const abort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', abort, { once: true })
    }),
}

/** A random number from 0 up to, not including, 1: for waits, which need no secrecy, and nothing else. */
export const randomFraction = (): number => Math.random()
