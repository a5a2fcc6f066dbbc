// A certificate authority and a server's certificate for localhost, made for one run, by a library that is not ours.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type forgeTypes from 'node-forge'

const forge = createRequire(import.meta.url)('node-forge') as typeof forgeTypes

/** What a server needs to be trusted: `ca` is for its clients. All PEM text. */
export interface ServerTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const DAY_MS = 24 * 60 * 60 * 1000

export function serverTls(): ServerTls {
  const [authority, server] = [newKey(), newKey()]
  const caExtensions = [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, critical: true },
  ]
  const serverExtensions = [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }]
  const ca = certify('conformance authority', authority.publicKey, authority.privateKey, caExtensions)
  const cert = certify('localhost', server.publicKey, authority.privateKey, serverExtensions)
  return { ca, cert, key: server.privateKey }
}

/** An RSA key pair as PEM. */
export function newKey(): { readonly publicKey: string; readonly privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

/** A certificate for the key, signed by the authority (RFC 5280 §4.1). */
export function certify(
  name: string,
  publicKey: string,
  signingKey: string,
  extensions: readonly object[] = [],
): string {
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.serialNumber = `01${randomBytes(8).toString('hex')}`
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS)
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS)
  certificate.setSubject([{ name: 'commonName', value: name }])
  certificate.setIssuer([{ name: 'commonName', value: 'conformance authority' }])
  certificate.setExtensions([...extensions])
  certificate.sign(forge.pki.privateKeyFromPem(signingKey), forge.md.sha256.create())
  return forge.pki.certificateToPem(certificate)
}
