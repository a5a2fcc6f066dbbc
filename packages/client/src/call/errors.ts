import { type ErrorFacts, TomteError } from '../errors.ts'

/** What an {@link ApiError} carries beside its message. */
export interface ApiErrorFacts extends ErrorFacts {
  readonly status: number
  /** Finds the request in the API's logs. */
  readonly requestId?: string | undefined
  /** The id that this client gave to the request, if the API repeats it. */
  readonly clientRequestId?: string | undefined
  /** The answer's JSON, or its text where it was none. */
  readonly body: unknown
}

/** A web API answered with a status that is no success. */
export class ApiError extends TomteError {
  override readonly name = 'ApiError'
  readonly status: number
  readonly requestId: string | undefined
  readonly clientRequestId: string | undefined
  readonly body: unknown

  constructor(message: string, facts: ApiErrorFacts) {
    super(message, facts)
    this.status = facts.status
    this.requestId = facts.requestId
    this.clientRequestId = facts.clientRequestId
    this.body = facts.body
  }
}

/** The code and the message of a Graph error body (wire.md §13.1), or the message of problem+json (RFC 9457). */
export function errorOf(body: unknown): { readonly code?: string; readonly message?: string } {
  if (typeof body !== 'object' || body === null) return {}
  const error = 'error' in body && typeof body.error === 'object' && body.error !== null ? body.error : body
  const facts = error as Readonly<Record<string, unknown>>
  const { code } = facts
  const message = [facts['message'], facts['detail'], facts['title']].find((said) => typeof said === 'string')
  return { ...(typeof code === 'string' ? { code } : {}), ...(message === undefined ? {} : { message }) }
}
