import { constants, createPrivateKey, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { ConfigurationError, CredentialError } from '../errors.ts'
import type { Credential, ProofContext } from './credential.ts'

/** Where the certificate and its private key are: one PEM file, or the PEM text itself. */
export type CertificateSource = ({ readonly file: string } | { readonly pem: string }) & {
  /** For an encrypted private key. */
  readonly password?: string | undefined
}

interface SigningCertificate {
  readonly key: KeyObject
  readonly thumbprintSha256: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

// Entra documents five to ten minutes between `nbf` and `exp`; MSAL takes ten (wire.md §4).
const ASSERTION_LIFETIME_SECONDS = 600

const signInBackground = promisify(sign)

/**
 * Proves the application with a certificate: signs a client assertion with PS256 and names the certificate by
 * `x5t#S256` (RFC 7523 §2.2, wire.md §4). The source is read once, at the first token request.
 *
 * @throws ConfigurationError if the source cannot be read or holds no RSA key with its certificate.
 * @throws CredentialError if the certificate has expired or is not valid yet.
 * @example
 * ```ts
 * import { certificate } from '@tomte/client'
 * const credential = certificate({ file: 'daemon.pem' })
 * ```
 */
export function certificate(source: CertificateSource): Credential {
  let loading: Promise<SigningCertificate> | undefined
  return async ({ body }, context) => {
    loading ??= load(source)
    const signer = await loading.catch((error: unknown) => {
      loading = undefined
      throw error
    })
    assertWithinValidity(signer, context.nowMs, describe(source))
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', await clientAssertion(signer, context))
  }
}

async function clientAssertion(signer: SigningCertificate, context: ProofContext): Promise<string> {
  const nowSeconds = Math.floor(context.nowMs / 1000)
  const header = { alg: 'PS256', typ: 'JWT', 'x5t#S256': signer.thumbprintSha256 }
  const claims = {
    aud: context.tokenEndpoint,
    iss: context.clientId,
    sub: context.clientId,
    jti: context.randomUuid(),
    nbf: nowSeconds,
    iat: nowSeconds,
    exp: nowSeconds + ASSERTION_LIFETIME_SECONDS,
  }
  const signed = `${encode(header)}.${encode(claims)}`
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const signature = await signInBackground('sha256', Buffer.from(signed), {
    key: signer.key,
    padding,
    saltLength: 32,
  })
  return `${signed}.${signature.toString('base64url')}`
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

async function load(source: CertificateSource): Promise<SigningCertificate> {
  const from = describe(source)
  const pem = 'pem' in source ? source.pem : await readPem(source.file)
  const chain = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  if (chain.length === 0) throw unusable(from, 'holds no certificate ("-----BEGIN CERTIFICATE-----")')
  const key = parseKey(pem, source.password, from)
  const certificates = chain.map((text) => parseCertificate(text, from))
  // The leaf need not stand first: it is the one whose public key belongs to the private key.
  const leaf = certificates.find((candidate) => candidate.checkPrivateKey(key))
  if (!leaf) {
    throw unusable(
      from,
      `holds a private key that belongs to none of its certificates (${names(certificates)})`,
    )
  }
  return {
    key,
    thumbprintSha256: Buffer.from(leaf.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
  }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw unusable(describe({ file }), `cannot be read (${reason})`)
  }
}

function parseKey(pem: string, password: string | undefined, from: string): KeyObject {
  const text = pem.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/)?.[0]
  if (!text) throw unusable(from, 'holds no private key ("-----BEGIN PRIVATE KEY-----")')
  let key: KeyObject
  try {
    key = createPrivateKey(password === undefined ? text : { key: text, passphrase: password })
  } catch {
    // OpenSSL's own words are left out: they can quote what they failed to read.
    const encrypted = text.includes('ENCRYPTED')
    throw unusable(
      from,
      encrypted
        ? 'holds an encrypted private key that the password does not open'
        : 'holds a damaged private key',
    )
  }
  if (key.asymmetricKeyType !== 'rsa') throw unusable(from, `holds a key of type ${key.asymmetricKeyType}`)
  return key
}

function parseCertificate(pem: string, from: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw unusable(from, 'holds a damaged certificate')
  }
}

function assertWithinValidity(signer: SigningCertificate, nowMs: number, from: string): void {
  if (nowMs >= signer.notBeforeMs && nowMs <= signer.notAfterMs) return
  const day = (ms: number) => new Date(ms).toISOString()
  const state =
    nowMs > signer.notAfterMs
      ? `expired at ${day(signer.notAfterMs)}`
      : `is valid only from ${day(signer.notBeforeMs)}`
  throw new CredentialError(
    `Cannot sign in with the certificate in ${from}: it ${state}, and now it is ${day(nowMs)}`,
    {
      code: nowMs > signer.notAfterMs ? 'certificate_expired' : 'certificate_not_yet_valid',
      hint: 'Make a new certificate, register its public half on the application, and point the configuration at it',
    },
  )
}

function describe(source: CertificateSource): string {
  if (!('file' in source)) return 'the configured PEM text'
  // Whoever put the PEM itself where its path belongs must not find the private key in a log.
  return source.file.includes('-----BEGIN') ? 'a file whose name is PEM text' : `'${source.file}'`
}

const names = (certificates: readonly X509Certificate[]) =>
  certificates.map(({ subject }) => subject).join('; ')

function unusable(from: string, found: string): ConfigurationError {
  const needed = 'a PEM file with an RSA private key and the certificate that belongs to it is needed'
  return new ConfigurationError(
    `Cannot sign in with the certificate in ${from}, as ${needed}: the source ${found}`,
    {
      code: 'certificate_unusable',
      hint: 'Put the private key and its certificate into one PEM file and set AZURE_CLIENT_CERTIFICATE_PATH to it',
    },
  )
}
