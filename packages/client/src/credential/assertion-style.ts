import type { ServerMetadata } from '../authority/issuer.ts'
import { ConfigurationError } from '../errors.ts'
import type { ProofContext } from './credential.ts'

/** How an assertion is signed: RSA with PSS padding, or with that of PKCS #1 v1.5 (RFC 7518 §3.3, §3.5), over SHA-256. */
export type AssertionAlgorithm = 'PS256' | 'RS256'

/** Signs `data`, which is not hashed yet, with a key that only the signer knows; the signature is as long as the modulus. */
export type AssertionSigner = (
  data: Buffer,
  algorithm: AssertionAlgorithm,
) => Uint8Array | Promise<Uint8Array>

/**
 * Whom an assertion is for: the server's issuer, as RFC 7523bis asks for, or its token endpoint, as servers before it do. Entra
 * takes its token endpoint.
 */
export type AssertionAudience = 'issuer' | 'tokenEndpoint'

/** What the assertions of one credential have in common. */
export interface AssertionStyle {
  /** The first that the server takes. */
  readonly algorithms: readonly AssertionAlgorithm[]
  readonly audience: AssertionAudience
  readonly sendChain: boolean
  readonly claims: Readonly<Record<string, unknown>>
}

const RESERVED = ['aud', 'iss', 'sub', 'jti', 'nbf', 'iat', 'exp']

// Entra documents five to ten minutes between `nbf` and `exp`; MSAL takes ten (wire.md §4).
const LIFETIME_SECONDS = 600

const ALGORITHMS: readonly AssertionAlgorithm[] = ['PS256', 'RS256']

/** Checks what the caller asks for. @throws ConfigurationError if the algorithm is unknown or a claim is reserved. */
export function assertionStyle(
  algorithm: AssertionAlgorithm | undefined,
  sendChain: boolean,
  claims: Readonly<Record<string, unknown>>,
  audience: AssertionAudience = 'issuer',
): AssertionStyle {
  if (algorithm !== undefined && !ALGORITHMS.includes(algorithm)) {
    throw new ConfigurationError(
      `Cannot sign assertions with '${algorithm}', as one of ${ALGORITHMS.join(', ')} is needed`,
      { code: 'algorithm_unknown', hint: 'Leave the option out, unless the authority asks for RS256' },
    )
  }
  const algorithms = algorithm === undefined ? ALGORITHMS : [algorithm]
  return { algorithms, audience, sendChain, claims: extraClaims(claims) }
}

/** A copy of the claims as JSON has them, so that nothing changes them between this check and the signature. */
export function extraClaims(claims: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const copy = jsonObject(claims)
  const taken = RESERVED.filter((name) => Object.hasOwn(copy, name))
  if (taken.length === 0) return copy
  throw unusableClaims(`found ${taken.join(', ')}, which the credential itself sets`)
}

function jsonObject(value: object): Readonly<Record<string, unknown>> {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(value))
    if (typeof copy === 'object' && copy !== null && !Array.isArray(copy)) return { ...copy }
  } catch {
    // What JSON cannot say is no claim.
  }
  throw unusableClaims('found something else')
}

function unusableClaims(found: string): ConfigurationError {
  return new ConfigurationError(
    `Cannot sign the extra claims, as a JSON object without ${RESERVED.join(', ')} is needed: ${found}`,
    { code: 'claims_unusable', hint: 'Give the extra claims names of their own, such as client_ip' },
  )
}

/**
 * The first of the algorithms that the server takes; one that says nothing of them takes the first. The only one, which is the
 * caller's choice, is taken whatever the server says.
 *
 * @throws ConfigurationError if the server takes none of them.
 */
export function agreedAlgorithm<Algorithm extends string>(
  algorithms: readonly Algorithm[],
  server: ServerMetadata | undefined,
): Algorithm {
  const [first] = algorithms
  const known = server?.signingAlgorithms
  const agreed =
    known === undefined || algorithms.length === 1 ? first : algorithms.find((each) => known.includes(each))
  if (agreed !== undefined) return agreed
  throw new ConfigurationError(
    `Cannot sign an assertion for '${server?.issuer}', as it must take one of ${algorithms.join(', ')}: it states ${namesOf(known ?? [])}`,
    {
      code: 'algorithm_unsupported',
      hint: 'Use a key of the kind that the server takes, or state `algorithm` if its metadata are incomplete',
    },
  )
}

// As names of algorithms are, so that an error repeats nothing else of the metadata.
const namesOf = (stated: readonly string[]) =>
  stated
    .filter((name) => /^[\w-]{1,20}$/.test(name))
    .slice(0, 20)
    .join(', ') || 'none'

/** The claims of one assertion (RFC 7523 §3); those of the caller cannot replace its own. */
export function assertionClaims(
  context: ProofContext,
  audience: AssertionAudience,
  claims: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const nowSeconds = Math.floor(context.nowMs / 1000)
  const { server, tokenEndpoint } = context
  return {
    ...claims,
    aud: server && audience === 'issuer' ? server.issuer : tokenEndpoint,
    iss: context.clientId,
    sub: context.clientId,
    jti: context.randomUuid(),
    nbf: nowSeconds,
    iat: nowSeconds,
    exp: nowSeconds + LIFETIME_SECONDS,
  }
}

/** What is signed of a JWS in its compact form (RFC 7515 §5.1). */
export const signingInput = (header: object, claims: object): string => `${encode(header)}.${encode(claims)}`

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
