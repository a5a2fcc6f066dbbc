// x509's dependency injection needs this loaded before it.
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** A certificate, read twice: Node checks signatures, and x509 knows the extensions. */
export interface ReadCertificate {
  readonly node: X509Certificate
  readonly parsed: x509.X509Certificate
  /** SHA-1 and SHA-256 of it, and its serial number, in upper-case hex. */
  readonly identifiers: readonly string[]
  readonly fromMs: number
  readonly toMs: number
}

/** The certificate authorities that an administrator trusts: where a chain may end, and what may help it to get there. */
export interface Authorities {
  readonly roots: readonly ReadCertificate[]
  readonly intermediates: readonly ReadCertificate[]
}

/** Why a chain is not trusted. */
export class UntrustedChain extends Error {
  override readonly name = 'UntrustedChain'
}

const DER_BYTES_MAX = 6 * 1024
/** The leaf and its intermediates; the root comes besides. */
const CHAIN_MAX = 5
const RSA_BITS_MIN = 2048
const EC_BITS_MIN = 256

const OID = {
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  extendedKeyUsage: '2.5.29.37',
  clientAuthentication: '1.3.6.1.5.5.7.3.2',
  anyUsage: '2.5.29.37.0',
} as const
/** The extensions whose meaning is heeded here (RFC 5280 §4.2). */
const UNDERSTOOD: readonly string[] = [
  OID.keyUsage,
  OID.subjectAlternativeName,
  OID.basicConstraints,
  OID.extendedKeyUsage,
]
const WEAK_HASHES: readonly string[] = ['SHA-1', 'MD5']

/** Reads a certificate: DER in base64 (RFC 7515 §4.1.6), at most 6 kB. Returns nothing for what is none. */
export function readCertificate(text: unknown): ReadCertificate | undefined {
  if (typeof text !== 'string' || text.length > DER_BYTES_MAX * 2) return undefined
  const der = Buffer.from(text, 'base64')
  // PEM, base64url and stray letters are read otherwise by others, so they are not read at all.
  if (der.length > DER_BYTES_MAX || der.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, ''))
    return undefined
  try {
    const node = new X509Certificate(der)
    const hex = (fingerprint: string) => fingerprint.replaceAll(':', '').toUpperCase()
    return {
      node,
      parsed: new x509.X509Certificate(node.raw),
      identifiers: [hex(node.fingerprint), hex(node.fingerprint256), hex(node.serialNumber)],
      fromMs: Date.parse(node.validFrom),
      toMs: Date.parse(node.validTo),
    }
  } catch {
    return undefined
  }
}

/** The names of a certificate's subject: its one common name, and its DNS names. */
export function subjectNames({ parsed }: ReadCertificate): readonly string[] {
  const common = parsed.subjectName.getField('CN')
  const alternative = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? []
  const dns = alternative.filter(({ type }) => type === 'dns').map(({ value }) => value)
  // Of several common names nobody can say which one the authority has looked at.
  return [...(common.length === 1 ? common : []), ...dns]
}

/** What certificates that this one has issued name it by, in hex, if it says so (RFC 5280 §4.2.1.2). */
export const subjectKeyIdentifier = ({ parsed }: ReadCertificate): string | undefined =>
  parsed.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId.toUpperCase()

/** Whether a certificate may issue others, and with a key of today's strength. Returns why not. */
export function authorityFault({ node, parsed }: ReadCertificate): string | undefined {
  const constraints = parsed.getExtension(x509.BasicConstraintsExtension)
  if (constraints?.ca !== true) return 'it is no certificate authority (basicConstraints)'
  const usage = parsed.getExtension(x509.KeyUsagesExtension)
  if (usage && (usage.usages & x509.KeyUsageFlags.keyCertSign) === 0)
    return 'it may not sign certificates (keyUsage)'
  if (!isStrong(node)) return `its key is neither RSA of ${RSA_BITS_MIN} bits nor EC of ${EC_BITS_MIN}`
  return extensionFault(parsed)
}

function isStrong({ publicKey }: X509Certificate): boolean {
  const { asymmetricKeyType, asymmetricKeyDetails = {} } = publicKey
  if (asymmetricKeyType === 'rsa') return (asymmetricKeyDetails.modulusLength ?? 0) >= RSA_BITS_MIN
  return asymmetricKeyType === 'ec' && CURVES.includes(asymmetricKeyDetails.namedCurve ?? '')
}
const CURVES: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1']

function extensionFault({ extensions }: x509.X509Certificate): string | undefined {
  const other = extensions.find(
    // Constraints of names are critical by RFC 5280; where they are not, they still are a limit that is not heeded here.
    ({ type, critical }) => (critical && !UNDERSTOOD.includes(type)) || type === OID.nameConstraints,
  )
  return other && `its extension ${other.type} is not understood here`
}

/** A chain that leads to a root, leaf first, and when all of it is valid. */
export interface TrustedChain {
  readonly chain: readonly ReadCertificate[]
  readonly fromMs: number
  readonly toMs: number
}

/**
 * Follows a chain, leaf first as `x5c` has it, to a root, and checks each certificate but for its time (RFC 5280 §6.1): issued
 * by the next, authority with the right to sign, path length, key, algorithm and extensions. At most five certificates and a root.
 *
 * @throws UntrustedChain that says which certificate fails, and why.
 */
export function trustedChain(sent: readonly ReadCertificate[], authorities: Authorities): TrustedChain {
  const chain = findChain(sent, authorities)
  for (const [index, certificate] of chain.entries()) {
    const fault = index === 0 ? leafFault(certificate) : issuerFault(certificate, chain.slice(1, index))
    if (fault !== undefined) throw untrusted(certificate, fault)
    const { hash } = certificate.parsed.signatureAlgorithm as { readonly hash?: { readonly name: string } }
    const isRoot = index === chain.length - 1
    if (!isRoot && WEAK_HASHES.includes(hash?.name ?? ''))
      throw untrusted(certificate, 'its signature uses a hash that is broken')
  }
  return {
    chain,
    fromMs: Math.max(...chain.map(({ fromMs }) => fromMs)),
    toMs: Math.min(...chain.map(({ toMs }) => toMs)),
  }
}

function findChain(
  sent: readonly ReadCertificate[],
  { roots, intermediates }: Authorities,
): readonly ReadCertificate[] {
  const chain: ReadCertificate[] = []
  for (let current = sent[0]; current; ) {
    const last = current
    chain.push(last)
    const root = roots.find((one) => hasIssued(one, last))
    if (root) return [...chain, root]
    if (chain.length === CHAIN_MAX)
      throw new UntrustedChain(`it has more than ${CHAIN_MAX} certificates before its root`)
    const next = sent[chain.length] ?? intermediates.find((one) => hasIssued(one, last))
    if (!next || !hasIssued(next, last)) throw untrusted(last, 'no authority that is trusted has issued it')
    current = next
  }
  throw new UntrustedChain('it is empty')
}

function hasIssued({ node: issuer }: ReadCertificate, { node: subject }: ReadCertificate): boolean {
  try {
    return subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
  } catch {
    return false
  }
}

function leafFault({ node, parsed }: ReadCertificate): string | undefined {
  if (node.publicKey.asymmetricKeyType !== 'rsa' || !isStrong(node))
    return `its key is not RSA of ${RSA_BITS_MIN} bits`
  if (parsed.getExtension(x509.BasicConstraintsExtension)?.ca === true)
    return 'it is a certificate authority, and no application'
  const usage = parsed.getExtension(x509.KeyUsagesExtension)
  if (usage && (usage.usages & x509.KeyUsageFlags.digitalSignature) === 0) return 'it may not sign (keyUsage)'
  const extended = parsed.getExtension(x509.ExtendedKeyUsageExtension)?.usages.map(String)
  if (extended && !extended.includes(OID.clientAuthentication) && !extended.includes(OID.anyUsage))
    return 'it may not prove a client (extendedKeyUsage)'
  return extensionFault(parsed)
}

/** `below` are the intermediates that this one has issued, itself or through others (RFC 5280 §6.1.4, l and m). */
function issuerFault(issuer: ReadCertificate, below: readonly ReadCertificate[]): string | undefined {
  const fault = authorityFault(issuer)
  if (fault !== undefined) return fault
  const pathLength = issuer.parsed.getExtension(x509.BasicConstraintsExtension)?.pathLength
  const counted = below.filter(({ parsed }) => parsed.subject !== parsed.issuer)
  return pathLength !== undefined && counted.length > pathLength
    ? `it allows ${pathLength} authorities below it, and there are ${counted.length}`
    : undefined
}

const untrusted = ({ parsed }: ReadCertificate, fault: string) =>
  new UntrustedChain(`'${parsed.subject}': ${fault}`)
