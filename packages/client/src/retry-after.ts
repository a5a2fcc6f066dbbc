// A number of any length is a valid header, and a server that meant it would silence its clients for good.
const WAIT_MAX_MS = 24 * 60 * 60 * 1000

/** Reads `Retry-After` in both of its forms: seconds, or an HTTP date (RFC 9110 §10.2.3). More than a day is a day. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, WAIT_MAX_MS)
  const dateMs = httpDateMs(text)
  return dateMs === undefined ? undefined : Math.min(Math.max(0, dateMs - nowMs), WAIT_MAX_MS)
}

/** Reads an HTTP date (RFC 9110 §5.6.7) as milliseconds since 1970-01-01T00:00:00Z. */
export function httpDateMs(header: string | undefined): number | undefined {
  // Without this, Date.parse would take '-5' for a day in May.
  const ms = /^[A-Z][a-z]+, .* GMT$/.test(header ?? '') ? Date.parse(header ?? '') : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}
