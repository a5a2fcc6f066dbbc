/** The machine's clock, in milliseconds since 1970-01-01T00:00:00Z. */
export const systemNow = (): number => Date.now()
