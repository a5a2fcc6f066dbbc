/** A job cannot start or go on; the message says what was attempted, needed and found. */
export class JobError extends Error {
  override readonly name = 'JobError'
  readonly code: string
  readonly hint: string | undefined

  constructor(
    message: string,
    facts: { readonly code: string; readonly hint?: string | undefined; readonly cause?: unknown },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = facts.code
    this.hint = facts.hint
  }
}
