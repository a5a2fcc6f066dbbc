/** Time as the guard sees it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
  /** Calls `end` after `ms` milliseconds, unless the function that it returns is called before. */
  after(ms: number, end: () => void): () => void
}

/** The machine's clock, in milliseconds since 1970-01-01T00:00:00Z. */
export const systemNow = (): number => Date.now()

/** The machine's clock. */
export const systemClock: Clock = {
  now: systemNow,
  after: (ms, end) => {
    const timer = setTimeout(end, ms)
    return () => clearTimeout(timer)
  },
}
