import { constants, type KeyObject, sign } from 'node:crypto'
import { promisify, types } from 'node:util'
import { ConfigurationError } from '../errors.ts'
import {
  agreedAlgorithm,
  type AssertionSigner,
  type AssertionStyle,
  assertionClaims,
  signingInput,
} from './assertion-style.ts'
import type { PublicCertificate } from './certificate-file.ts'
import type { ProofContext } from './credential.ts'

/** Who signs, and under which certificate. */
export interface Signatory {
  readonly certificate: PublicCertificate
  readonly sign: AssertionSigner
  /** The source, as an error names it. */
  readonly from: string
}

// Which thumbprint goes with which algorithm is what MSAL and the authority agree on (wire.md §4).
const ALGORITHMS = {
  PS256: {
    padding: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    thumbprint: (own: PublicCertificate) => ({ 'x5t#S256': own.thumbprintSha256 }),
  },
  RS256: {
    padding: { padding: constants.RSA_PKCS1_PADDING },
    thumbprint: (own: PublicCertificate) => ({ x5t: own.thumbprintSha1 }),
  },
} as const

const signInBackground = promisify(sign)

/** Signs with a key of this process, in the thread pool. */
export function keySigner(key: KeyObject): AssertionSigner {
  return (data, algorithm) => signInBackground('sha256', data, { key, ...ALGORITHMS[algorithm].padding })
}

/** Makes one signed assertion (RFC 7523 §2.2). @throws ConfigurationError if the signer returns no signature. */
export async function clientAssertion(
  { certificate, sign: signWith, from }: Signatory,
  { algorithms, audience, sendChain, claims }: AssertionStyle,
  context: ProofContext,
): Promise<string> {
  const algorithm = agreedAlgorithm(algorithms, context.server)
  const header = {
    alg: algorithm,
    typ: 'JWT',
    ...ALGORITHMS[algorithm].thumbprint(certificate),
    ...(sendChain ? { x5c: certificate.chain } : {}),
  }
  const signed = signingInput(header, assertionClaims(context, audience, claims))
  const signature: unknown = await signWith(Buffer.from(signed), algorithm)
  return `${signed}.${encodeSignature(signature, certificate.signatureBytes, from)}`
}

function encodeSignature(signature: unknown, bytes: number, from: string): string {
  const isBytes = types.isUint8Array(signature)
  if (isBytes && signature.length === bytes) return Buffer.from(signature).toString('base64url')
  const found = isBytes ? `${signature.length} bytes` : 'something else'
  throw new ConfigurationError(
    `Cannot sign in with the certificate in ${from}, as a signature of ${bytes} bytes is needed: the signer returned ${found}`,
    {
      code: 'signature_malformed',
      hint: 'Return the raw bytes of the signature, made by the key that belongs to the certificate',
    },
  )
}
