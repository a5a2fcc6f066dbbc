import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { openPfx } from './certificate-pfx.ts'
import { unusable } from './certificate-refusal.ts'

/** What an assertion and its checks need of a certificate, worked out once. */
export interface PublicCertificate {
  /** Of the DER, in base64url: the header's `x5t`. */
  readonly thumbprintSha1: string
  /** Of the DER, in base64url: the header's `x5t#S256`. */
  readonly thumbprintSha256: string
  /** Base64 of the DER, each followed by its issuer as far as the source holds it: the header's `x5c`. */
  readonly chain: readonly string[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** As long as the key's modulus. */
  readonly signatureBytes: number
}

/** A certificate with the private key that belongs to it. */
export interface KeyedCertificate {
  readonly certificate: PublicCertificate
  readonly key: KeyObject
}

// The first byte of all DER that holds more than one value, and so of every PFX.
const DER_SEQUENCE = 0x30

/**
 * Reads a PEM or a PFX, told apart by what they look like.
 *
 * @throws ConfigurationError if there is no RSA key with its certificate inside.
 */
export async function readKeyed(
  bytes: Buffer,
  password: string | undefined,
  from: string,
): Promise<KeyedCertificate> {
  const isPfx = bytes[0] === DER_SEQUENCE && !bytes.includes('-----BEGIN')
  const { keys, certificates } = isPfx
    ? await openPfx(bytes, password, from)
    : openPem(bytes.toString('utf8'), password, from)
  if (certificates.length === 0) throw unusable(from, 'holds no certificate')
  if (keys.length === 0) throw unusable(from, 'holds no private key')
  const rsaKeys = keys.filter(isRsa)
  if (rsaKeys.length === 0) throw unusable(from, `holds a key of type ${keys[0]?.asymmetricKeyType}`)
  for (const key of rsaKeys) {
    // The leaf need not stand first: it is the one whose public key belongs to the private key.
    const leaf = certificates.find((candidate) => candidate.checkPrivateKey(key))
    if (leaf) return { certificate: facts(leaf, certificates), key }
  }
  const names = certificates.map(({ subject }) => subject).join('; ')
  throw unusable(from, `holds a private key that belongs to none of its certificates (${names})`)
}

/**
 * Reads certificates without a key from PEM text, the application's own first.
 *
 * @throws ConfigurationError if there is none, or the first has no RSA key.
 */
export function readPublic(pem: string, from: string): PublicCertificate {
  const certificates = certificatesIn(pem, from)
  const [leaf] = certificates
  if (!leaf) throw unusable(from, NO_CERTIFICATE)
  if (isRsa(leaf.publicKey)) return facts(leaf, certificates)
  throw unusable(from, `holds a certificate for a key of type ${leaf.publicKey.asymmetricKeyType}`)
}

const NO_CERTIFICATE = 'holds no certificate ("-----BEGIN CERTIFICATE-----")'
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/

const isRsa = (key: KeyObject) => key.asymmetricKeyType === 'rsa'

function openPem(pem: string, password: string | undefined, from: string) {
  if (!pem.match(CERTIFICATES)) throw unusable(from, NO_CERTIFICATE)
  return { keys: [keyIn(pem, password, from)], certificates: certificatesIn(pem, from) }
}

function certificatesIn(pem: string, from: string): readonly X509Certificate[] {
  try {
    return (pem.match(CERTIFICATES) ?? []).map((text) => new X509Certificate(text))
  } catch {
    throw unusable(from, 'holds a damaged certificate')
  }
}

function keyIn(pem: string, password: string | undefined, from: string): KeyObject {
  const text = PRIVATE_KEY.exec(pem)?.[0]
  if (!text) throw unusable(from, 'holds no private key ("-----BEGIN PRIVATE KEY-----")')
  try {
    return createPrivateKey(password === undefined ? text : { key: text, passphrase: password })
  } catch {
    // OpenSSL's own words are left out: they can quote what they failed to read.
    const isEncrypted = text.includes('ENCRYPTED')
    throw unusable(
      from,
      isEncrypted
        ? 'holds an encrypted private key that the password does not open'
        : 'holds a damaged private key',
    )
  }
}

function facts(leaf: X509Certificate, certificates: readonly X509Certificate[]): PublicCertificate {
  return {
    thumbprintSha1: base64url(leaf.fingerprint),
    thumbprintSha256: base64url(leaf.fingerprint256),
    chain: chainOf(leaf, certificates).map(({ raw }) => raw.toString('base64')),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
    signatureBytes: Math.ceil((leaf.publicKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8),
  }
}

const base64url = (fingerprint: string) =>
  Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64url')

function chainOf(leaf: X509Certificate, certificates: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf]
  const others = certificates.filter(({ raw }) => !raw.equals(leaf.raw))
  // Each certificate is taken once, so that two that issued each other make no endless chain.
  for (let last: X509Certificate | undefined = leaf; last && !isSelfIssued(last); last = chain.at(-1)) {
    const index = others.findIndex((candidate) => last?.checkIssued(candidate))
    if (index < 0) break
    chain.push(...others.splice(index, 1))
  }
  return chain
}

const isSelfIssued = (candidate: X509Certificate) => candidate.checkIssued(candidate)
