// Makes keys and certificates at run time. The DER is written by hand, so that the client's tests need no library that
// its users would not have, and so that a certificate can be wrong in any way a test asks for.
import { constants, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** A certificate and the private key that belongs to it. */
export interface Certified {
  readonly certificate: string
  readonly key: KeyObject
}

export interface CertificateFacts {
  readonly name: string
  readonly notBefore: string
  readonly notAfter: string
  /** The subject alternative name of a server. */
  readonly host?: string
  /** Signed with RSASSA-PSS, whose algorithm has parameters. */
  readonly pss?: boolean
  /** Who signs; the certificate is self-signed without. */
  readonly issuer?: Certified & { readonly name: string }
}

export const newRsaKey = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength })
export const newEcKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** The private key as PKCS #8 PEM, encrypted if there is a password. */
export function keyPem(key: KeyObject, password?: string): string {
  const encryption = password === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: password }
  return key.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString()
}

/** An X.509 v3 certificate (RFC 5280 §4.1). */
export function makeCertificate(
  keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  { name, notBefore, notAfter, host, pss = false, issuer }: CertificateFacts,
): Certified {
  const signer = issuer?.key ?? keys.privateKey
  const algorithm = pss ? PSS_SHA256 : signer.asymmetricKeyType === 'ec' ? ECDSA_SHA256 : RSA_SHA256
  const names = host === undefined ? [] : [der(0xa3, sequence(alternativeName(host)))]
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    commonName(issuer?.name ?? name),
    sequence(utcTime(notBefore), utcTime(notAfter)),
    commonName(name),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    ...names,
  )
  const padding = pss ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}
  const signature = sign('sha256', body, { key: signer, ...padding })
  const certificate = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.of(0), signature])))
  return { certificate: pem('CERTIFICATE', certificate), key: keys.privateKey }
}

const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const RSA_SHA256 = sequence(oid('2a864886f70d01010b'), der(0x05, Buffer.alloc(0)))
const SHA256 = sequence(oid('608648016503040201'))
const PSS_SHA256 = sequence(
  oid('2a864886f70d01010a'),
  sequence(
    der(0xa0, SHA256),
    der(0xa1, sequence(oid('2a864886f70d010108'), SHA256)),
    der(0xa2, der(0x02, Buffer.of(32))),
  ),
)
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'))

const commonName = (name: string) =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))))

const alternativeName = (host: string) =>
  sequence(oid('551d11'), der(0x04, sequence(der(0x82, Buffer.from(host)))))

/** '2026-01-31T00:00:00Z' as 260131000000Z, good until 2049. */
const utcTime = (iso: string) => der(0x17, Buffer.from(`${iso.slice(2).replaceAll(/[-:TZ]/g, '')}Z`))

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function der(tag: number, content: Buffer): Buffer {
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
