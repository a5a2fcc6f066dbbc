import { verify } from 'node:crypto'
import type { KeySource } from './keys.ts'
import { GuardRefusal } from './refusal.ts'

/** A token's claims, as unknown as everything else that came from outside. */
export type Claims = Readonly<Record<string, unknown>>

// One algorithm is accepted, so a token cannot choose a weaker one (RFC 8725 §3.1).
const ALGORITHM = { name: 'RS256', hash: 'sha256', modulusLengthMin: 2048 } as const

/**
 * Verifies a compact JWS against the key it names and returns its claims (RFC 7515 §5.2).
 *
 * @throws GuardRefusal token_malformed, algorithm_unaccepted, key_unknown, signature_invalid.
 */
export async function verifiedClaims(token: string, keys: KeySource): Promise<Claims> {
  const [header, payload, signature, ...rest] = token.split('.')
  if (!header || !payload || !signature || rest.length > 0) {
    throw new GuardRefusal('token_malformed', 'the token has not three parts')
  }
  const { alg, kid, crit, b64 } = parsePart(header, 'header')
  if (alg !== ALGORITHM.name || crit !== undefined || b64 !== undefined) {
    throw new GuardRefusal('algorithm_unaccepted', `alg must be ${ALGORITHM.name} without extensions`)
  }
  if (typeof kid !== 'string' || kid === '') throw new GuardRefusal('key_unknown', 'the token names no key')
  const found = await keys.find(kid)
  if (!found) throw new GuardRefusal('key_unknown', 'no key has the id that the token names')
  const { key } = found
  if (
    key.asymmetricKeyType !== 'rsa' ||
    (key.asymmetricKeyDetails?.modulusLength ?? 0) < ALGORITHM.modulusLengthMin
  ) {
    throw new GuardRefusal('key_unknown', 'the key that the token names is not RSA of 2048 bits or more')
  }
  const signed = Buffer.from(`${header}.${payload}`)
  if (!verify(ALGORITHM.hash, signed, key, decode(signature))) {
    throw new GuardRefusal('signature_invalid', 'the signature does not belong to the token')
  }
  return parsePart(payload, 'payload')
}

function parsePart(part: string, name: string): Claims {
  try {
    const value: unknown = JSON.parse(decode(part).toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims
  } catch (error) {
    if (error instanceof GuardRefusal) throw error
  }
  throw new GuardRefusal('token_malformed', `the token's ${name} is not a JSON object`)
}

/** Strict base64url: Node's decoder skips what it does not know, which would let one token be written in many ways. */
function decode(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part)
    throw new GuardRefusal('token_malformed', 'the token is not base64url')
  return bytes
}
