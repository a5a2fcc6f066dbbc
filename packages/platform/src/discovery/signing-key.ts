import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'

/** A key that signs tokens; `kid` is the base64url SHA-1 thumbprint of its certificate (wire.md §6). */
export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly certificate: X509Certificate
  /** When it takes over from the key before it; 0 for one that follows no schedule. */
  readonly signsFromMs: number
}

/** The public half as a keys document lists it; v2 names the issuer (wire.md §7). */
export function jwk({ kid, publicKey, certificate }: SigningKey, issuer: string | undefined): object {
  const { n, e } = publicKey.export({ format: 'jwk' })
  const x5c = [certificate.raw.toString('base64')]
  return { kty: 'RSA', use: 'sig', kid, x5t: kid, n, e, x5c, ...(issuer === undefined ? {} : { issuer }) }
}

/** Reads a key of its certificate and its private half, both PEM. */
export function signingKey(certificatePem: string, privateKeyPem: string, signsFromMs: number): SigningKey {
  const certificate = new X509Certificate(certificatePem)
  const kid = createHash('sha1').update(certificate.raw).digest('base64url')
  return {
    kid,
    certificate,
    privateKey: createPrivateKey(privateKeyPem),
    publicKey: createPublicKey(certificatePem),
    signsFromMs,
  }
}
