import { GuardRefusal } from './refusal.ts'

// Tokens of 200 group ids stay below this; Node itself refuses headers above 16 kB.
const TOKEN_LENGTH_MAX = 16_384

/** Returns the token of an `Authorization: Bearer` header (RFC 6750 §2.1). @throws GuardRefusal token_missing, token_malformed. */
export function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined || authorization === '')
    throw new GuardRefusal('token_missing', 'no Authorization header')
  const match = /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization.slice(0, TOKEN_LENGTH_MAX))
  if (match?.[1] === undefined || authorization.length > TOKEN_LENGTH_MAX) {
    throw new GuardRefusal(
      'token_malformed',
      'the Authorization header is not one Bearer token of at most 16 kB',
    )
  }
  return match[1]
}
