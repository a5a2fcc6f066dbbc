import { GuardRefusal } from './refusal.ts'

/** How long a header may be. Tokens of 200 group ids stay below this; Node itself refuses headers above 16 kB. */
export const HEADER_LENGTH_MAX = 16_384

/** Returns the token of an `Authorization: Bearer` header (RFC 6750 §2.1). @throws GuardRefusal token_missing, token_malformed. */
export function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined || authorization === '')
    throw new GuardRefusal('token_missing', 'no Authorization header')
  // What begins as a JWT does is looked at letter by letter when it is decoded.
  if (authorization.startsWith('Bearer eyJ') && authorization.length <= HEADER_LENGTH_MAX)
    return authorization.slice('Bearer '.length)
  const match = /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization.slice(0, HEADER_LENGTH_MAX))
  if (match?.[1] === undefined || authorization.length > HEADER_LENGTH_MAX) {
    throw new GuardRefusal(
      'token_malformed',
      'the Authorization header is not one Bearer token of at most 16 kB',
    )
  }
  return match[1]
}
