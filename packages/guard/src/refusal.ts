/** Every way the guard refuses, with its status and what the client may learn (RFC 6750 §3.1). */
export const REFUSALS = {
  token_missing: { status: 401, error: undefined, description: 'Access token is empty.' },
  token_malformed: {
    status: 401,
    error: 'invalid_token',
    description: 'The access token is not a signed JWT.',
  },
  algorithm_unaccepted: {
    status: 401,
    error: 'invalid_token',
    description: 'The signature algorithm is not accepted.',
  },
  key_unknown: { status: 401, error: 'invalid_token', description: 'The signing key is unknown.' },
  signature_invalid: { status: 401, error: 'invalid_token', description: 'The signature is not valid.' },
  issuer_invalid: {
    status: 401,
    error: 'invalid_token',
    description: 'Access token validation failure. Invalid issuer.',
  },
  audience_invalid: {
    status: 401,
    error: 'invalid_token',
    description: 'Access token validation failure. Invalid audience.',
  },
  lifetime_invalid: {
    status: 401,
    error: 'invalid_token',
    description: 'Lifetime validation failed, the token is expired.',
  },
  tenant_unaccepted: {
    status: 401,
    error: 'invalid_token',
    description: 'The token is from a tenant that is not accepted.',
  },
  not_app_only: {
    status: 403,
    error: 'insufficient_scope',
    description: 'Only tokens of applications are accepted.',
  },
  role_missing: {
    status: 403,
    error: 'insufficient_scope',
    description: 'Insufficient privileges to complete the operation.',
  },
} as const satisfies Record<string, { status: 401 | 403; error: string | undefined; description: string }>

/** The stable name of a refusal; branch on this, never on the message. */
export type RefusalCode = keyof typeof REFUSALS

/** Why a request was not let in: what the client learns, and in `reason` what only the log may say. */
export class GuardRefusal extends Error {
  override readonly name = 'GuardRefusal'
  readonly code: RefusalCode
  readonly status: 401 | 403
  readonly description: string
  /** For the log: never sent to the client, never holding the token. */
  readonly reason: string

  constructor(code: RefusalCode, reason: string) {
    const { status, description } = REFUSALS[code]
    super(`Cannot let the request in: ${reason}`)
    this.code = code
    this.status = status
    this.description = description
    this.reason = reason
  }
}
