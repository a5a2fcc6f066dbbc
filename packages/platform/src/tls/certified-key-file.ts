import { createPrivateKey, X509Certificate } from 'node:crypto'
import { PlatformError } from '../errors.ts'
import type { CertifiedKey } from './certificates.ts'

/** A key file that holds a certificate and its private key, and what to do if it does not. */
export interface CertifiedKeyFile {
  readonly file: string
  readonly purpose: string
  readonly hint: string
  /** Whether the certificate must be that of a certificate authority. */
  readonly authority: boolean
}

/** Reads a certificate and the private key that belongs to it. @throws PlatformError key_file_damaged. */
export function parseCertifiedKey(
  pem: string,
  { file, purpose, hint, authority }: CertifiedKeyFile,
): CertifiedKey {
  const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(pem)?.[0]
  const privateKey = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/.exec(pem)?.[0]
  try {
    if (certificate && privateKey) {
      const parsed = new X509Certificate(certificate)
      const belongs = parsed.checkPrivateKey(createPrivateKey(privateKey))
      if (belongs && parsed.ca === authority) return { certificate, privateKey }
    }
  } catch {
    // Falls through, without the library's error: an unreadable key is as useless as a missing one.
  }
  throw new PlatformError(
    `Cannot use the key file '${file}' (${purpose}), as it must hold both in PEM: it is damaged`,
    { code: 'key_file_damaged', hint },
  )
}
