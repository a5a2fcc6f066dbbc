import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { ServerMetadata } from '../authority/issuer.ts'
import { ConfigurationError } from '../errors.ts'
import { agreedAlgorithm, signingInput } from './assertion-style.ts'
import { keySigner } from './client-assertion.ts'
import type { KeyAlgorithm, PrivateKeyOptions, PrivateKeySource } from './private-key.ts'
import { watchedFile } from './watched-file.ts'

/** Signs one assertion for a server. */
export type KeySigner = (
  options: Pick<PrivateKeyOptions, 'keyId' | 'algorithm'>,
  server: ServerMetadata,
  claims: Readonly<Record<string, unknown>>,
) => Promise<string>

interface Key {
  readonly key: KeyObject
  readonly keyId: string | undefined
  readonly algorithms: readonly KeyAlgorithm[]
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

/** Makes the function that signs with the key of a source; a file is read again when it changes. */
export function privateKeySigner(source: PrivateKeySource): KeySigner {
  const read = keyReader(source)
  return async ({ keyId, algorithm }, server, claims) => {
    const own = await read()
    const chosen = agreedAlgorithm(choices(own, algorithm), server)
    const kid = keyId ?? own.keyId
    const header = { alg: chosen, typ: 'JWT', ...(kid === undefined ? {} : { kid }) }
    const signed = signingInput(header, claims)
    const signature = await SIGNERS[chosen](Buffer.from(signed), own.key)
    return `${signed}.${Buffer.from(signature).toString('base64url')}`
  }
}

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
