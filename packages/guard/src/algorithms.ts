import { constants, type KeyObject, verify } from 'node:crypto'

/** The signature algorithms that can be accepted (RFC 7518 §3.1, RFC 8037 §3.1): asymmetric, and none that is weak. */
export type Algorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA'

/** Says whether a signature belongs to the bytes. */
export type Verifier = (signed: Buffer, signature: Buffer) => boolean

interface Rule {
  readonly fits: (key: KeyObject) => boolean
  readonly verifier: (key: KeyObject) => Verifier
}

const MODULUS_BITS = { min: 2048, max: 8192 } as const
// What a key with a larger exponent costs to use, every caller could make us pay.
const EXPONENT_MAX = 2n ** 32n

function isStrongRsa({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = asymmetricKeyDetails ?? {}
  return (
    asymmetricKeyType === 'rsa' &&
    bits >= MODULUS_BITS.min &&
    bits <= MODULUS_BITS.max &&
    exponent >= 3n &&
    exponent <= EXPONENT_MAX &&
    exponent % 2n === 1n
  )
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const

// One algorithm is bound to one type of key, so a token cannot choose how its key is used (RFC 8725 §3.1).
const RULES: Readonly<Record<Algorithm, Rule>> = {
  RS256: {
    fits: isStrongRsa,
    verifier: (key) => (signed, signature) => verify('sha256', signed, key, signature),
  },
  PS256: {
    fits: isStrongRsa,
    verifier: (key) => {
      const input = { key, ...PSS }
      return (signed, signature) => verify('sha256', signed, input, signature)
    },
  },
  ES256: {
    fits: (key) => key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    verifier: (key) => {
      const input = { key, dsaEncoding: 'ieee-p1363' } as const
      return (signed, signature) => verify('sha256', signed, input, signature)
    },
  },
  EdDSA: {
    fits: (key) => key.asymmetricKeyType === 'ed25519',
    verifier: (key) => (signed, signature) => verify(null, signed, key, signature),
  },
}

export const isAlgorithm = (name: unknown): name is Algorithm =>
  typeof name === 'string' && Object.hasOwn(RULES, name)

const verifiers = new WeakMap<KeyObject, Map<Algorithm, Verifier | undefined>>()

/** The verifier of an algorithm with a key, `undefined` if the key is of another type, too weak, or not public. */
export function verifierOf(algorithm: Algorithm, key: KeyObject): Verifier | undefined {
  let known = verifiers.get(key)
  if (!known) verifiers.set(key, (known = new Map()))
  // What Node says of a key is worked out anew at every question.
  if (!known.has(algorithm)) {
    const { fits, verifier } = RULES[algorithm]
    known.set(algorithm, key.type === 'public' && fits(key) ? verifier(key) : undefined)
  }
  return known.get(algorithm)
}

/** Whether any of the algorithms can use the key. */
export const isUsable = (key: KeyObject): boolean =>
  (Object.keys(RULES) as Algorithm[]).some((algorithm) => verifierOf(algorithm, key) !== undefined)
