import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

const YEAR_MS = 365 * 24 * 60 * 60 * 1000

/** A certificate for localhost that is its own authority, with its key, both PEM. */
export async function localCertificate(): Promise<{ readonly certificate: string; readonly key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + YEAR_MS),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  })
  const exported = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { certificate: made.toString('pem'), key: x509.PemConverter.encode(exported, 'PRIVATE KEY') }
}
