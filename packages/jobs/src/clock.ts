/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Now = () => number

/** The machine's clock. */
export const systemNow: Now = () => Date.now()

/** Milliseconds that only ever go forward, whatever is done to the machine's clock. */
export const steadyNow: Now = () => performance.now()

/** A random number from 0 up to, not including, 1: for waits, which need no secrecy, and nothing else. */
export const randomFraction = (): number => Math.random()
