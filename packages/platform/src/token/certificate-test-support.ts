// Certificates of all kinds, good and bad, for the tests of trust in their names.
import 'reflect-metadata'
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { CertifiedKey } from '../tls/certificates.ts'

x509.cryptoProvider.set(webcrypto)

const DAY_MS = 24 * 60 * 60 * 1000
const RSA = { name: 'RSASSA-PKCS1-v1_5', publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }

/** A certificate with the keys that it was made for, so that it can issue others. */
export interface Made extends CertifiedKey {
  readonly keys: webcrypto.CryptoKeyPair
  readonly subject: string
  readonly key: CertifiedKey
  /** DER in base64, as `x5c` has it. */
  readonly der: string
}

/** What is to be made. */
export interface Wanted {
  readonly subject: string
  /** Default: itself. */
  readonly issuer?: Made | undefined
  /** Whether it is an authority, `undefined` for no word of it. */
  readonly ca?: boolean | undefined
  readonly pathLength?: number | undefined
  readonly usage?: x509.KeyUsageFlags | undefined
  readonly extendedUsage?: string | undefined
  readonly dnsName?: string | undefined
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  readonly hash?: 'SHA-1' | undefined
  readonly bits?: number | undefined
  readonly extension?: x509.Extension | undefined
  /** Keys to use again: to make them is what takes long. */
  readonly keys?: webcrypto.CryptoKeyPair | undefined
}

/** Makes certificates around a time. */
export function certificateMaker(nowMs: number) {
  return async (wanted: Wanted): Promise<Made> => {
    const keys = wanted.keys ?? (await makeKeys(wanted.bits))
    const { subject, issuer, hash } = wanted
    const signer = issuer?.keys.privateKey ?? keys.privateKey
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: `01${randomBytes(8).toString('hex')}`,
      subject,
      issuer: issuer?.subject ?? subject,
      publicKey: keys.publicKey,
      signingKey: hash ? await withHash(signer, hash) : signer,
      signingAlgorithm: { name: RSA.name, hash: hash ?? RSA.hash },
      notBefore: new Date(wanted.fromMs ?? nowMs - DAY_MS),
      notAfter: new Date(wanted.toMs ?? nowMs + DAY_MS),
      extensions: extensionsOf(wanted),
    })
    const privateKey = x509.PemConverter.encode(
      await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
      'PRIVATE KEY',
    )
    const pem = certificate.toString('pem')
    const key = { certificate: pem, privateKey }
    return { ...key, key, keys, subject, der: new X509Certificate(pem).raw.toString('base64') }
  }
}

export const makeKeys = (bits = 2048): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey({ ...RSA, modulusLength: bits }, true, ['sign', 'verify'])

/** A key signs with the hash that it was made for. */
async function withHash(key: webcrypto.CryptoKey, hash: string): Promise<webcrypto.CryptoKey> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key)
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { name: RSA.name, hash }, true, ['sign'])
}

function extensionsOf({ ca, pathLength, usage, extendedUsage, dnsName, extension }: Wanted) {
  return [
    ...(ca === undefined ? [] : [new x509.BasicConstraintsExtension(ca, pathLength, true)]),
    ...(usage === undefined ? [] : [new x509.KeyUsagesExtension(usage, true)]),
    ...(extendedUsage === undefined ? [] : [new x509.ExtendedKeyUsageExtension([extendedUsage])]),
    ...(dnsName === undefined
      ? []
      : [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: dnsName }])]),
    ...(extension === undefined ? [] : [extension]),
  ]
}
