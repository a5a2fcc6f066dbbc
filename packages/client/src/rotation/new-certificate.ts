import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import { ConfigurationError } from '../errors.ts'

/** What a new certificate is to be. */
export interface NewCertificate {
  readonly clientId: string
  readonly keyBits: number
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Encrypts the private key. */
  readonly password: string | undefined
}

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
const PUBLIC_EXPONENT = new Uint8Array([1, 0, 1])

/**
 * Makes an RSA key in this process and signs a certificate with it, for the application alone (RFC 5280 §4.1). Node makes no
 * certificates: @peculiar/x509 is loaded here and nowhere else, and signs with Node's own cryptography.
 *
 * @returns PEM text: certificate and PKCS #8 key.
 * @throws ConfigurationError if @peculiar/x509 or reflect-metadata is not installed.
 */
export async function newCertificate(wanted: NewCertificate): Promise<string> {
  const { X509CertificateGenerator, KeyUsagesExtension, KeyUsageFlags } = await loadMaker()
  const algorithm = { ...RSA, modulusLength: wanted.keyBits, publicExponent: PUBLIC_EXPONENT }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const made = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: [{ CN: [wanted.clientId] }],
      notBefore: new Date(wanted.notBeforeMs),
      notAfter: new Date(wanted.notAfterMs),
      keys,
      signingAlgorithm: RSA,
      extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true)],
    },
    webcrypto,
  )
  return `${made.toString('pem')}\n${privatePem(KeyObject.from(keys.privateKey), wanted.password)}`
}

function privatePem(key: KeyObject, password: string | undefined): string {
  const encryption = password === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: password }
  return key.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString()
}

/** Positive and of at most 20 octets (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x01
  return serial.toString('hex')
}

async function loadMaker() {
  try {
    // The dependency injection of x509 needs this loaded before it.
    await import('reflect-metadata')
    return await import('@peculiar/x509')
  } catch (error) {
    throw new ConfigurationError(
      'Cannot make a new certificate, as the packages @peculiar/x509 and reflect-metadata are needed: they could not be loaded',
      {
        code: 'certificate_maker_missing',
        hint: 'Run `npm install @peculiar/x509 reflect-metadata`',
        cause: error,
      },
    )
  }
}
