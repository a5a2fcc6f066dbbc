import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { ConfigurationError } from '../errors.ts'
import {
  agreedAlgorithm,
  type AssertionAudience,
  assertionClaims,
  extraClaims,
  keySigner,
  signingInput,
} from './client-assertion.ts'
import type { Credential } from './credential.ts'
import { watchedFile } from './watched-file.ts'

/** A private key: PEM text, a JWK, or a file with either, which is read again when it changes. */
export type PrivateKeySource =
  | {
      /** PEM text: RSA, EC on the curve P-256, or Ed25519. */
      readonly pem: string
      /** Opens the key if it is encrypted. */
      readonly password?: string | undefined
    }
  | { /** As RFC 7517 has it; its `kid` is the default of `keyId`. */ readonly jwk: JsonWebKey }
  | { readonly file: string; readonly password?: string | undefined }

/** How assertions are signed with a private key (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). */
export type KeyAlgorithm = 'PS256' | 'RS256' | 'ES256' | 'EdDSA' | 'Ed25519'

/** How assertions are signed with a private key, and what goes into them. */
export interface PrivateKeyOptions {
  /** The name under which the server knows the public key: the header's `kid`. Default: the JWK's own, or none. */
  readonly keyId?: string | undefined
  /** Default: the first that the key can and the server's metadata have, of PS256, RS256; ES256; EdDSA, Ed25519. */
  readonly algorithm?: KeyAlgorithm | undefined
  /** Whom assertions are for. Default `issuer`. */
  readonly audience?: AssertionAudience | undefined
  /** Extra signed claims; none of aud, iss, sub, jti, nbf, iat, exp. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

interface Key {
  readonly key: KeyObject
  readonly keyId: string | undefined
  readonly algorithms: readonly KeyAlgorithm[]
}

/**
 * Proves the application with a private key whose public half the server knows (`private_key_jwt`, RFC 7523 §2.2): signs an
 * assertion that is valid for 600 seconds. For servers found by discovery; Entra knows keys by their certificates.
 *
 * @throws ConfigurationError at once if a claim is reserved or the text holds no usable key; from the credential if the file
 * holds none, the server takes no algorithm of the key, or the authority is Entra.
 * @example
 * ```ts
 * import { AppIdentity, privateKey } from '@tomte/client'
 * const identity = new AppIdentity({
 *   issuer: 'https://id.example',
 *   clientId: 'nightly-sync',
 *   credential: privateKey({ file: 'daemon-key.pem' }, { keyId: '2026-11' }),
 * })
 * ```
 */
export function privateKey(source: PrivateKeySource, options: PrivateKeyOptions = {}): Credential {
  const { keyId, algorithm, audience = 'issuer', claims = {} } = options
  const extra = extraClaims(claims)
  const read = keyReader(source)
  return async ({ body }, context) => {
    if (context.server === undefined) throw certificateNeeded()
    const own = await read()
    const chosen = agreedAlgorithm(choices(own, algorithm), context.server)
    const kid = keyId ?? own.keyId
    const header = { alg: chosen, typ: 'JWT', ...(kid === undefined ? {} : { kid }) }
    const signed = signingInput(header, assertionClaims(context, audience, extra))
    const signature = await SIGNERS[chosen](Buffer.from(signed), own.key)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', `${signed}.${Buffer.from(signature).toString('base64url')}`)
  }
}

const signInBackground = promisify(sign)

type Sign = (data: Buffer, key: KeyObject) => Uint8Array | Promise<Uint8Array>

const pure: Sign = (data, key) => signInBackground(null, data, key)

const SIGNERS: Readonly<Record<KeyAlgorithm, Sign>> = {
  PS256: (data, key) => keySigner(key)(data, 'PS256'),
  RS256: (data, key) => keySigner(key)(data, 'RS256'),
  ES256: (data, key) => signInBackground('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  EdDSA: pure,
  Ed25519: pure,
}

/** What each kind of key can, in the order in which a server is offered it. */
const ALGORITHMS: ReadonlyMap<string, readonly KeyAlgorithm[]> = new Map([
  ['rsa', ['PS256', 'RS256']],
  ['ec prime256v1', ['ES256']],
  ['ed25519', ['EdDSA', 'Ed25519']],
])

const RSA_BITS_MIN = 2048

function keyReader(source: PrivateKeySource): () => Key | Promise<Key> {
  if ('file' in source) {
    const { file, password } = source
    return watchedFile(file, (bytes) => keyFrom(bytes.toString('utf8'), password, `'${file}'`))
  }
  const own =
    'jwk' in source
      ? jwkKey(source.jwk, 'the configured JWK')
      : keyFrom(source.pem, source.password, 'the configured PEM text')
  return () => own
}

function keyFrom(text: string, password: string | undefined, from: string): Key {
  if (text.trimStart().startsWith('{')) return jwkKey(parsedJwk(text, from), from)
  return keyOf(
    () => createPrivateKey(password === undefined ? text : { key: text, passphrase: password }),
    undefined,
    from,
  )
}

function parsedJwk(text: string, from: string): JsonWebKey {
  try {
    return JSON.parse(text) as JsonWebKey
  } catch {
    throw unusable(from, 'holds no JSON')
  }
}

function jwkKey(jwk: JsonWebKey, from: string): Key {
  const { kid } = jwk
  return keyOf(
    () => createPrivateKey({ key: jwk, format: 'jwk' }),
    typeof kid === 'string' ? kid : undefined,
    from,
  )
}

function keyOf(open: () => KeyObject, keyId: string | undefined, from: string): Key {
  const key = opened(open, from)
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  const kind = [key.asymmetricKeyType, namedCurve].filter(Boolean).join(' ')
  const algorithms = ALGORITHMS.get(kind)
  if (!algorithms) throw unusable(from, `holds a key of type ${kind}`)
  if (kind === 'rsa' && modulusLength < RSA_BITS_MIN)
    throw unusable(from, `holds an RSA key of ${modulusLength} bits`)
  return { key, keyId, algorithms }
}

function opened(open: () => KeyObject, from: string): KeyObject {
  try {
    return open()
  } catch {
    // OpenSSL's own words are left out: they can quote what they failed to read.
    throw unusable(from, 'holds no private key that can be read, or the password does not open it')
  }
}

function choices({ algorithms }: Key, algorithm: KeyAlgorithm | undefined): readonly KeyAlgorithm[] {
  if (algorithm === undefined) return algorithms
  if (algorithms.includes(algorithm)) return [algorithm]
  throw new ConfigurationError(
    `Cannot sign assertions with '${String(algorithm).slice(0, 100)}', as one of ${algorithms.join(', ')} is needed for this key`,
    { code: 'algorithm_unknown', hint: 'Leave the option out: key and server say which it is' },
  )
}

function unusable(from: string, found: string): ConfigurationError {
  return new ConfigurationError(
    `Cannot sign in with the private key in ${from}, as RSA of 2048 bits, EC on P-256 or Ed25519 is needed: the source ${found}`,
    { code: 'private_key_unusable', hint: 'Give the private key as PKCS #8 PEM or as a JWK' },
  )
}

function certificateNeeded(): ConfigurationError {
  return new ConfigurationError(
    'Cannot sign in with a private key alone, as a server found by its issuer is needed: found an authority of tenants, which knows keys by their certificates',
    { code: 'private_key_unsupported', hint: 'Use certificate() with the key and its certificate' },
  )
}
