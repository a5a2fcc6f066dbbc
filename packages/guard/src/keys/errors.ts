/** Why there were no keys to judge a token by; the caller is not let in, and may come again. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError'
  /** Stable: branch on this, never on the message. */
  readonly code: 'keys_unavailable' | 'keys_untrusted'
  /** The HTTP status of the answer. */
  readonly status = 503
  /** What to do about it. */
  readonly hint: string
  /** How long asking again is of no use, in milliseconds. */
  readonly retryAfterMs: number

  constructor(
    found: string,
    facts: {
      readonly code: KeysUnavailableError['code']
      readonly hint: string
      readonly retryAfterMs: number
      readonly cause?: unknown
    },
  ) {
    super(
      `Cannot judge a token, as the signing keys of its issuer are needed: ${found}`,
      facts.cause === undefined ? {} : { cause: facts.cause },
    )
    this.code = facts.code
    this.hint = facts.hint
    this.retryAfterMs = facts.retryAfterMs
  }
}
