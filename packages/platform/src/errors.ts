/** The platform cannot start or go on; the message says what was attempted, needed and found. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError'
  readonly code: string
  readonly hint: string

  constructor(
    message: string,
    facts: { readonly code: string; readonly hint: string; readonly cause?: unknown },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = facts.code
    this.hint = facts.hint
  }
}

/** The `code` of a Node or SQLite error, such as `EACCES`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
