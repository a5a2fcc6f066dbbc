import type { KeyObject } from 'node:crypto'
import { isAlgorithm, type Verifier, verifierOf } from './algorithms.ts'
import { decodeBase64url } from './base64url.ts'
import { hasDuplicates, type JsonObject, jsonObject } from './json-object.ts'
import type { VerificationKey } from './keys/source.ts'
import { GuardRefusal } from './refusal.ts'
import { Scratch } from './scratch.ts'
import type { Origin, OriginOf } from './trust.ts'
import { TENANT_TEMPLATE } from './issuers.ts'

/** A token's claims, as unknown as everything else that came from outside. */
export type Claims = JsonObject

/** A token whose signature is its issuer's; what it claims is judged elsewhere. */
export interface VerifiedToken {
  readonly claims: Claims
  readonly origin: Origin
  readonly kid: string
  readonly key: KeyObject
}

/** What a token says of how it was signed. */
interface Header {
  readonly kid: string
  readonly alg: string
  readonly typ: unknown
}

/** Verifies tokens of the issuers that are trusted. */
export type VerifyToken = (token: string) => VerifiedToken | Promise<VerifiedToken>

const HEADERS_MAX = 100
const SIGNED = new Scratch()

/**
 * Makes the function that verifies a compact JWS with the key that it names, of the issuer that it names (RFC 7515 §5.2, RFC 8725).
 * Nothing in the header but `alg`, `kid` and `typ` counts, and what would change the meaning of the rest is refused.
 */
export function tokenVerifier(originOf: OriginOf): VerifyToken {
  // All tokens of a key have the same header; only those of a good signature are kept.
  const headers = new Map<string, Header>()
  return (token) => {
    const [headerEnd, payloadEnd] = dots(token)
    const headerText = token.slice(0, headerEnd)
    const known = headers.get(headerText)
    const header = known ?? readHeader(headerText)
    const claims = readPart(token.slice(headerEnd + 1, payloadEnd), 'payload')
    const origin = originOf(claims)
    const judge = (key: VerificationKey | undefined): VerifiedToken => {
      const usable = keyFor(header, origin, key)
      checkSignature(token, payloadEnd, usable.verifier)
      if (!known && headers.size < HEADERS_MAX) headers.set(headerText, header)
      return { claims, origin, kid: header.kid, key: usable.key }
    }
    const found = origin.trust.keys.find(header.kid, origin.tenantId)
    return found instanceof Promise ? found.then(judge) : judge(found)
  }
}

function dots(token: string): readonly [headerEnd: number, payloadEnd: number] {
  const headerEnd = token.indexOf('.')
  const payloadEnd = token.indexOf('.', headerEnd + 1)
  const complete = headerEnd > 0 && payloadEnd > headerEnd + 1 && payloadEnd < token.length - 1
  if (!complete || token.includes('.', payloadEnd + 1))
    throw new GuardRefusal('token_malformed', 'the token has not three parts')
  return [headerEnd, payloadEnd]
}

// Each would let the token choose its key, or how it is to be read (RFC 7515 §4.1, RFC 7797 §3).
const DANGEROUS = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'zip', 'enc'] as const

function readHeader(text: string): Header {
  const header = readPart(text, 'header')
  const { alg, kid, typ } = header
  if (!isAlgorithm(alg))
    throw new GuardRefusal('algorithm_unaccepted', 'alg is none of RS256, PS256, ES256 and EdDSA')
  const dangerous = DANGEROUS.find((name) => Object.hasOwn(header, name))
  if (dangerous !== undefined)
    throw new GuardRefusal('header_unaccepted', `the token's header has ${dangerous}`)
  if (typeof kid !== 'string' || kid === '') throw new GuardRefusal('key_unknown', 'the token names no key')
  return { alg, kid, typ }
}

/** Only an access token may come, and no other JWT of the same issuer (RFC 9068 §4, RFC 8725 §3.11). */
const TYPES = {
  '1.0': /^jwt$/i,
  '2.0': /^jwt$/i,
  'at+jwt': /^(application\/)?at\+jwt$/i,
  'any JWT': /^(jwt|(application\/)?at\+jwt)$/i,
} as const

interface UsableKey {
  readonly key: KeyObject
  readonly verifier: Verifier
}

function keyFor(
  { alg, typ }: Header,
  { trust, issuer, tenantId }: Origin,
  found?: VerificationKey,
): UsableKey {
  // Entra's tokens always say JWT; where nothing is said, nothing else is meant.
  const type = typ === undefined && trust.kind !== 'at+jwt' ? 'JWT' : typ
  if (typeof type !== 'string' || !TYPES[trust.kind].test(type))
    throw new GuardRefusal('type_unaccepted', 'typ is not that of an access token of this issuer')
  if (!isAlgorithm(alg) || !trust.algorithms.has(alg))
    throw new GuardRefusal('algorithm_unaccepted', `this issuer does not sign by ${alg}`)
  if (!found) throw new GuardRefusal('key_unknown', 'no key of the issuer has the id that the token names')
  // The issuer that is trusted has been bound to the tenant already.
  const own = found.issuer === undefined || found.issuer === trust.issuer
  if (!own && found.issuer?.replace(TENANT_TEMPLATE, tenantId) !== issuer)
    throw new GuardRefusal('key_issuer_invalid', 'the key that the token names is of another issuer')
  const verifier = verifierOf(alg, found.key)
  if (!verifier || (found.algorithm ?? alg) !== alg)
    throw new GuardRefusal(
      'key_unaccepted',
      `the key that the token names is not one for ${alg}, or too weak`,
    )
  return { key: found.key, verifier }
}

function checkSignature(token: string, payloadEnd: number, verifier: Verifier): void {
  const signature = decoded(token.slice(payloadEnd + 1))
  // Of a token whose parts are base64url, which is ASCII, and shorter than a header may be.
  const signed = SIGNED.write(token.slice(0, payloadEnd), 'latin1')
  if (signed.length !== payloadEnd || !verifier(signed, signature))
    throw new GuardRefusal('signature_invalid', 'the signature does not belong to the token')
}

function readPart(part: string, name: 'header' | 'payload'): JsonObject {
  const bytes = decoded(part)
  const read = jsonObject(bytes)
  if (!read) throw new GuardRefusal('token_malformed', `the token's ${name} is not a JSON object`)
  if (hasDuplicates(bytes, read))
    throw new GuardRefusal('claim_duplicate', `the token's ${name} has a name twice`)
  return read
}

function decoded(part: string): Buffer {
  const bytes = decodeBase64url(part)
  if (!bytes) throw new GuardRefusal('token_malformed', 'the token is not base64url')
  return bytes
}
