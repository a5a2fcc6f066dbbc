/** Reads `Retry-After` in both of its forms: seconds, or an HTTP date (RFC 9110 §10.2.3). */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const dateMs = httpDateMs(text)
  return dateMs === undefined ? undefined : Math.max(0, dateMs - nowMs)
}

/** Reads an HTTP date (RFC 9110 §5.6.7) as milliseconds since 1970-01-01T00:00:00Z. */
export function httpDateMs(header: string | undefined): number | undefined {
  // Without this, Date.parse would take '-5' for a day in May.
  const ms = /^[A-Z][a-z]+, .* GMT$/.test(header ?? '') ? Date.parse(header ?? '') : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}
