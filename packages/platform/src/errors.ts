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

/** Why a port cannot be listened on, with the option that chooses another; an error of another kind is returned as it is. */
export function portRefused(port: number, error: unknown, option = '--port'): unknown {
  const code = errorCode(error)
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  const found = code === 'EACCES' ? 'this user may not' : 'another program listens there'
  return new PlatformError(`Cannot listen on port ${port} of localhost, as the port must be free: ${found}`, {
    code: 'port_unavailable',
    hint: `Stop the other program, or choose another port with ${option}`,
    cause: error,
  })
}
