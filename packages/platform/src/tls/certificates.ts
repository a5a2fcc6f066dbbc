// x509's dependency injection needs this loaded before it.
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
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
export async function makeLocalAuthority(commonName: string, validity: Validity): Promise<CertifiedKey> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(`CN=${commonName}`, validity),
    keys,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.Extension(NAME_CONSTRAINTS, true, loopbackOnly()),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: certificate.toString('pem'), privateKey: await pem(keys.privateKey) }
}

/** A server certificate for localhost and the loopback addresses. */
export async function makeServerCertificate(
  authority: CertifiedKey,
  validity: Validity,
): Promise<CertifiedKey> {
  const issuer = new x509.X509Certificate(authority.certificate)
  const signingKey = await importSigningKey(authority.privateKey)
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    ...common('CN=localhost', validity),
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
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

/** permittedSubtrees: dNSName localhost, 127.0.0.0/8, ::1/128. */
function loopbackOnly(): Buffer {
  const address = (...bytes: number[]) => der(0x30, der(0x87, Buffer.from(bytes)))
  const dns = der(0x30, der(0x82, Buffer.from('localhost')))
  const v4 = address(127, 0, 0, 0, 255, 0, 0, 0)
  const v6 = address(...Array<number>(15).fill(0), 1, ...Array<number>(16).fill(255))
  return der(0x30, der(0xa0, Buffer.concat([dns, v4, v6])))
}

/** One DER element of at most 127 bytes. */
function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content])
}
