// x509's dependency injection needs this loaded before it.
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto)

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
} as const

/** A certificate and its private key, both PEM. */
export interface CertifiedKey {
  readonly certificate: string
  readonly privateKey: string
}

/** The first and the last moment at which a certificate is valid. */
export interface Validity {
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

const NAME_CONSTRAINTS = '2.5.29.30'

/**
 * A certificate authority that can only vouch for this machine: its critical name constraints allow localhost and the
 * loopback addresses (RFC 5280 §4.2.1.10), so whoever trusts it risks nothing elsewhere.
 */
export const makeLocalAuthority = (commonName: string, validity: Validity): Promise<CertifiedKey> =>
  makeAuthority(commonName, validity, loopbackOnly())

/**
 * A certificate authority that can only vouch for these DNS names, at most six, and those below them, and for no address: its
 * critical name constraints allow nothing else.
 */
export const makeNamedAuthority = (
  commonName: string,
  validity: Validity,
  names: readonly string[],
): Promise<CertifiedKey> => makeAuthority(commonName, validity, namesOnly(names))

async function makeAuthority(
  commonName: string,
  validity: Validity,
  constraints: Buffer,
): Promise<CertifiedKey> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(`CN=${commonName}`, validity),
    keys,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.Extension(NAME_CONSTRAINTS, true, constraints),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: certificate.toString('pem'), privateKey: await pem(keys.privateKey) }
}

const LOOPBACK: readonly x509.JsonGeneralName[] = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
]

const generalName = (value: string): x509.JsonGeneralName => ({
  type: isIP(value) === 0 ? 'dns' : 'ip',
  value,
})

/** A server certificate for DNS names and addresses, or for localhost and the loopback addresses if none are given. */
export async function makeServerCertificate(
  authority: CertifiedKey,
  validity: Validity,
  names?: readonly string[],
): Promise<CertifiedKey> {
  const subject = names?.map(generalName) ?? LOOPBACK
  const issuer = new x509.X509Certificate(authority.certificate)
  const signingKey = await importSigningKey(authority.privateKey)
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(`CN=${names?.[0] ?? 'localhost'}`, validity),
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([...subject]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer, false),
    ],
  })
  return { certificate: certificate.toString('pem'), privateKey: await pem(keys.privateKey) }
}

/** A self-signed RSA certificate, as applications and the token service use to name their keys. */
export async function makeSelfSigned(commonName: string, validity: Validity): Promise<CertifiedKey> {
  const keys = await webcrypto.subtle.generateKey(RSA, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(`CN=${commonName}`, validity),
    keys,
    signingAlgorithm: RSA,
    extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
  })
  return { certificate: certificate.toString('pem'), privateKey: await pem(keys.privateKey) }
}

function common(name: string, { notBeforeMs, notAfterMs }: Validity) {
  // The first bit stays clear, since a serial number is a positive integer.
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x01
  return {
    serialNumber: serial.toString('hex'),
    name,
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
  }
}

function importSigningKey(pkcs8: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pkcs8), EC, false, ['sign'])
}

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

/** One GeneralSubtree of a DNS name, or of an address with its mask. */
const dnsSubtree = (name: string) => der(0x30, der(0x82, Buffer.from(name)))
const addressSubtree = (...bytes: number[]) => der(0x30, der(0x87, Buffer.from(bytes)))
const PERMITTED = 0xa0
const EXCLUDED = 0xa1

/** permittedSubtrees: dNSName localhost, 127.0.0.0/8, ::1/128. */
function loopbackOnly(): Buffer {
  const v4 = addressSubtree(127, 0, 0, 0, 255, 0, 0, 0)
  const v6 = addressSubtree(...Array<number>(15).fill(0), 1, ...Array<number>(16).fill(255))
  return der(0x30, der(PERMITTED, Buffer.concat([dnsSubtree('localhost'), v4, v6])))
}

/** permittedSubtrees: the names; excludedSubtrees: 0.0.0.0/0 and ::/0, since a kind of name that is not mentioned is free. */
function namesOnly(names: readonly string[]): Buffer {
  const permitted = der(PERMITTED, Buffer.concat(names.map(dnsSubtree)))
  const addresses = [
    addressSubtree(...Array<number>(8).fill(0)),
    addressSubtree(...Array<number>(32).fill(0)),
  ]
  return der(0x30, Buffer.concat([permitted, der(EXCLUDED, Buffer.concat(addresses))]))
}

/** One DER element of at most 255 bytes. */
function der(tag: number, content: Buffer): Buffer {
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length]
  if (content.length > 0xff)
    throw new RangeError('Cannot encode the names, as at most 255 bytes fit: found more')
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
