import { type ErrorFacts, TomteError } from '../errors.ts'

/** What an {@link ApiError} carries beside its message. */
export interface ApiErrorFacts extends ErrorFacts {
  readonly status: number
  readonly requestId?: string | undefined
  /** The answer's JSON, or its text where it was none. */
  readonly body: unknown
}

/** A web API answered with a status that is no success. */
export class ApiError extends TomteError {
  override readonly name = 'ApiError'
  readonly status: number
  readonly requestId: string | undefined
  readonly body: unknown

  constructor(message: string, facts: ApiErrorFacts) {
    super(message, facts)
    this.status = facts.status
    this.requestId = facts.requestId
    this.body = facts.body
  }
}

/** The innermost code and the message of a Graph error body (wire.md §13.1), or of problem+json. */
export function errorOf(body: unknown): { readonly code?: string; readonly message?: string } {
  if (typeof body !== 'object' || body === null) return {}
  const error = 'error' in body && typeof body.error === 'object' && body.error !== null ? body.error : body
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const message = 'message' in error && typeof error.message === 'string' ? error.message : undefined
  return { ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) }
}
