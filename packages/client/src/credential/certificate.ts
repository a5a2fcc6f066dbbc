import { ConfigurationError, CredentialError } from '../errors.ts'
import {
  type AssertionAlgorithm,
  type AssertionAudience,
  type AssertionSigner,
  assertionStyle,
} from './assertion-style.ts'
import type { PublicCertificate } from './certificate-file.ts'
import type { CertificateSigner } from './certificate-signer.ts'
import type { Credential, ProofContext, TokenForm } from './credential.ts'

/** Where the certificate and its private key are. PFX (PKCS #12) needs the package node-forge, which you install. */
export type CertificateSource =
  | ((
      | { /** PEM or PFX; read again when it changes. */ readonly file: string }
      | { /** PEM text. */ readonly pem: string }
      | { /** Base64 of a PEM or PFX file, as Azure Key Vault hands it out. */ readonly base64: string }
    ) & {
      /** For an encrypted private key, or a PFX. */
      readonly password?: string | undefined
    })
  | ExternalKey

/** A certificate whose private key is out of reach, in an HSM or a vault. */
export interface ExternalKey {
  /** PEM text: the application's own certificate first, then what issued it. */
  readonly certificate: string
  /** Called for every assertion; what it throws passes through. */
  readonly sign: AssertionSigner
}

/** How assertions are signed, and what goes into them. */
export interface CertificateOptions {
  /**
   * PS256 names the certificate by `x5t#S256`, RS256 by `x5t`, for older authorities. Default `PS256`, unless the metadata of a
   * server other than Entra have RS256 alone.
   */
  readonly algorithm?: AssertionAlgorithm | undefined
  /** Sends the certificates along (`x5c`), for an authority that trusts a subject name and its issuer. Default false. */
  readonly sendChain?: boolean | undefined
  /** Whom assertions to a server other than Entra are for. Default `issuer`. */
  readonly audience?: AssertionAudience | undefined
  /** Extra signed claims, such as `client_ip`; none of aud, iss, sub, jti, nbf, iat, exp. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Proves the application with a certificate: signs a client assertion that is valid for 600 seconds and names the
 * certificate by its thumbprint (RFC 7523 §2.2, wire.md §4). A file may have 1 MiB; it is read at the first token request and
 * again at the next one after it has changed, so a certificate is replaced without a restart.
 *
 * @throws ConfigurationError at once if an option is wrong; from the credential if the source cannot be read, holds no RSA key
 * with its certificate, or the signer returns no signature.
 * @throws CredentialError from the credential if the certificate has expired or is not valid yet.
 * @example
 * ```ts
 * import { certificate } from '@tomte/client'
 * declare const vault: { sign(algorithm: string, data: Buffer): Promise<Uint8Array>; certificate: string }
 * const fromFile = certificate({ file: 'daemon.pfx', password: 'open it' }, { sendChain: true })
 * const fromVault = certificate({
 *   certificate: vault.certificate,
 *   sign: (data, algorithm) => vault.sign(algorithm, data),
 * })
 * ```
 */
export function certificate(
  source: CertificateSource,
  { algorithm, sendChain = false, claims = {}, audience }: CertificateOptions = {},
): Credential {
  const style = assertionStyle(algorithm, sendChain, claims, audience)
  if ('file' in source) assertPath(source.file)
  let signing: Promise<CertificateSigner> | undefined
  let expiresAtMs: number | undefined
  const prove = async ({ body }: TokenForm, context: ProofContext) => {
    // What reads keys and signs is loaded by the first proof: a program may never come to it.
    signing ??= import('./certificate-signer.ts').then(({ certificateSigner }) => certificateSigner(source))
    const { signatory, sign } = await signing
    const signer = await signatory()
    expiresAtMs = signer.certificate.notAfterMs
    assertWithinValidity(signer.certificate, context.nowMs, signer.from)
    const assertion = await sign(signer, style, context)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', assertion)
  }
  return Object.assign(prove, { expiresAtMs: () => expiresAtMs })
}

// The base64 of the smallest key with its certificate is longer, and hardly any path is as long.
const PATH_CHARACTERS_MAX = 1000

/** Whoever put the certificate itself where its path belongs must not find the private key in a log. */
function assertPath(file: string): void {
  if (!file.includes('-----BEGIN') && file.length <= PATH_CHARACTERS_MAX) return
  throw new ConfigurationError(
    'Cannot read the certificate file, as its path is needed: found what looks like its contents',
    { code: 'certificate_path_malformed', hint: 'Hand over the text as `pem` or `base64` instead of `file`' },
  )
}

function assertWithinValidity(own: PublicCertificate, nowMs: number, from: string): void {
  if (nowMs >= own.notBeforeMs && nowMs <= own.notAfterMs) return
  const day = (ms: number) => new Date(ms).toISOString()
  const state =
    nowMs > own.notAfterMs
      ? `expired at ${day(own.notAfterMs)}`
      : `is valid only from ${day(own.notBeforeMs)}`
  throw new CredentialError(
    `Cannot sign in with the certificate in ${from}: it ${state}, and now it is ${day(nowMs)}`,
    {
      code: nowMs > own.notAfterMs ? 'certificate_expired' : 'certificate_not_yet_valid',
      hint: 'Make a new certificate, register its public half on the application, and point the configuration at it',
    },
  )
}
