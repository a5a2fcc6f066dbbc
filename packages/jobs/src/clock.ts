/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Now = () => number

/** The machine's clock. */
export const systemNow: Now = () => Date.now()
