import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { isAlgorithm, isUsable } from '../algorithms.ts'
import { type JsonObject, jsonObject } from '../json-object.ts'
import type { VerificationKey } from './source.ts'

/** What metadata must be, to be believed. */
export interface ExpectedMetadata {
  /** What the document must name as its issuer, to the letter; with `{tenantid}` where it is for every tenant. */
  readonly issuer: string
  /** The hosts, with port, that may hold the keys. */
  readonly keyHosts: readonly string[]
}

const QUOTED_MAX = 200
const KEYS_MAX = 100

/** Reads metadata (RFC 8414 §3.2) and returns where the keys are; pure. @throws Error that says what was found instead. */
export function keysUrl(text: string, { issuer, keyHosts }: ExpectedMetadata): string {
  const document = jsonObject(Buffer.from(text))
  if (!document) throw new Error('the metadata is no JSON object')
  if (document['issuer'] !== issuer)
    throw new Error(`the metadata is of issuer ${quoted(document['issuer'])}, and not of '${issuer}'`)
  const address = document['jwks_uri']
  if (typeof address !== 'string' || !isHttps(address))
    throw new Error(`"jwks_uri" is ${quoted(address)}, no https:// URL`)
  const { host } = new URL(address)
  if (!keyHosts.includes(host))
    throw new Error(`"jwks_uri" leads to host '${host}', and not to ${keyHosts.join(' or ')}`)
  return address
}

/** An https URL without user name, password and fragment. */
export function isHttps(address: string): boolean {
  if (!/^https:\/\/[^\s#\\]+$/.test(address) || !URL.canParse(address)) return false
  const { username, password } = new URL(address)
  return username === '' && password === ''
}

/**
 * Reads a keys document (RFC 7517 §5) and returns what can verify signatures, by `kid`; pure. What is weak, private, for
 * encryption or without a name is left out; of two keys with one name the first counts.
 *
 * @throws Error that says what was found instead, also if no key is left.
 */
export function readKeys(text: string): ReadonlyMap<string, VerificationKey> {
  const list = jsonObject(Buffer.from(text))?.['keys']
  if (!Array.isArray(list)) throw new Error('the keys document has no list of keys')
  if (list.length > KEYS_MAX) throw new Error(`the keys document has more than ${KEYS_MAX} keys`)
  const keys = new Map<string, VerificationKey>()
  for (const jwk of list as readonly unknown[]) {
    const read = typeof jwk === 'object' && jwk !== null ? readKey(jwk as JsonObject) : undefined
    if (read && !keys.has(read.kid)) keys.set(read.kid, read.key)
  }
  if (keys.size === 0) throw new Error('the keys document has no key that can be used')
  return keys
}

function readKey(jwk: JsonObject): { readonly kid: string; readonly key: VerificationKey } | undefined {
  const { kid, use, key_ops: operations, alg, issuer, kty } = jwk
  const named = typeof kid === 'string' && kid !== ''
  const signs = use === undefined || use === 'sig'
  const verifies = operations === undefined || (Array.isArray(operations) && operations.includes('verify'))
  // A private key that was published is nobody's any more; a symmetric one is everybody's who can verify.
  if (!named || !signs || !verifies || kty === 'oct' || 'd' in jwk) return undefined
  if ((alg !== undefined && !isAlgorithm(alg)) || (issuer !== undefined && typeof issuer !== 'string'))
    return undefined
  const key = publicKey(jwk)
  return key && isUsable(key) ? { kid, key: { key, algorithm: alg, issuer } } : undefined
}

function publicKey(jwk: JsonObject): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch {
    return undefined
  }
}

const quoted = (value: unknown): string =>
  typeof value === 'string' ? `'${value.slice(0, QUOTED_MAX).replaceAll(/[^\x20-\x7e]/g, '?')}'` : 'no text'
