import { REFUSALS, type RefusalNumber } from './refusals.ts'

/** One refusal of the token endpoint. */
export class TokenRefusal extends Error {
  override readonly name = 'TokenRefusal'
  readonly aadsts: RefusalNumber
  readonly status: 400 | 401 | 503
  readonly error: string

  constructor(aadsts: RefusalNumber, facts: Readonly<Record<string, string>> = {}) {
    const { status, error, text } = REFUSALS[aadsts]
    super(
      `AADSTS${aadsts}: ${text.replaceAll(/\{(\w+)\}/g, (_, name: string) => bounded(facts[name] ?? ''))}`,
    )
    this.aadsts = aadsts
    this.status = status
    this.error = error
  }
}

const FACT_LENGTH_MAX = 300

/** What a client sent is quoted in part, without control characters and without half of a character. */
const bounded = (fact: string) =>
  fact
    .slice(0, FACT_LENGTH_MAX)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, ' ')

/** What names one request, and where refusals are looked up. */
export interface RequestIds {
  readonly traceId: string
  readonly correlationId: string
  readonly nowMs: number
  /** `https://localhost:<port>`, where the look-up page is. */
  readonly origin: string
}

// Entra's look-up page does not know these, so its answers have no link for them (wire.md §8).
const WITHOUT_LINK: ReadonlySet<RefusalNumber> = new Set([70003, 700038])

/** The body of a refusal as Entra writes it (wire.md §8). */
export function refusalBody(refusal: TokenRefusal, ids: RequestIds): object {
  const { traceId, correlationId, nowMs, origin } = ids
  const timestamp = `${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')}Z`
  return {
    error: refusal.error,
    error_description: `${refusal.message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [refusal.aadsts],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    ...(WITHOUT_LINK.has(refusal.aadsts) ? {} : { error_uri: `${origin}/error?code=${refusal.aadsts}` }),
  }
}
