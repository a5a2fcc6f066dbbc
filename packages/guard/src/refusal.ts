/** How a refusal is answered, and what the client may learn of it. */
interface Answer {
  readonly status: 401 | 403
  readonly error: 'invalid_token' | 'insufficient_scope' | 'insufficient_claims' | undefined
  readonly description: string
}

const token = (description: string) => ({ status: 401, error: 'invalid_token', description }) as const
const permission = (description: string) =>
  ({ status: 403, error: 'insufficient_scope', description }) as const

const INVALID = 'Access token validation failure.'
const MALFORMED = 'The access token is not a signed JWT.'
const KEY = 'The signing key is unknown.'
const PRIVILEGES = 'Insufficient privileges to complete the operation.'

/** Every way the guard refuses, with its status and what the client may learn (RFC 6750 §3.1, wire.md §11). */
export const REFUSALS = {
  token_missing: { status: 401, error: undefined, description: 'Access token is empty.' },
  token_malformed: token(MALFORMED),
  header_unaccepted: token('The header of the access token is not accepted.'),
  type_unaccepted: token('The token is not an access token.'),
  algorithm_unaccepted: token('The signature algorithm is not accepted.'),
  key_unknown: token(KEY),
  key_unaccepted: token('The signing key is not accepted.'),
  key_issuer_invalid: token('The signing key is of another issuer.'),
  signature_invalid: token('The signature is not valid.'),
  claim_missing: token(INVALID),
  claim_malformed: token(INVALID),
  claim_duplicate: token(INVALID),
  version_invalid: token(`${INVALID} Invalid version.`),
  issuer_invalid: token(`${INVALID} Invalid issuer.`),
  audience_invalid: token(`${INVALID} Invalid audience.`),
  token_expired: token('Lifetime validation failed, the token is expired.'),
  token_too_early: token('Lifetime validation failed, the token is not valid yet.'),
  tenant_unaccepted: token('The token is from a tenant that is not accepted.'),
  token_bound: token('The token is bound to a key that a bearer does not show.'),
  caller_unclear: token('The token is neither an application nor a user.'),
  token_revoked: token('The token has been revoked.'),
  claims_challenge: {
    status: 401,
    error: 'insufficient_claims',
    description: 'Continuous access evaluation resulted in challenge.',
  },
  not_app_only: permission('Only tokens of applications are accepted.'),
  not_user: permission('Only tokens of users are accepted.'),
  role_missing: permission(PRIVILEGES),
  scope_missing: permission(PRIVILEGES),
  client_unaccepted: permission(PRIVILEGES),
  route_unlisted: permission(PRIVILEGES),
} as const satisfies Record<string, Answer>

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
  /** What the next token must claim, as JSON text; for `claims_challenge` alone (wire.md §11). */
  readonly claims: string | undefined

  constructor(code: RefusalCode, reason: string, claims?: string) {
    const { status, description } = REFUSALS[code]
    super(`Cannot let the request in: ${reason}`)
    this.code = code
    this.status = status
    this.description = description
    this.reason = reason
    this.claims = claims
  }
}
