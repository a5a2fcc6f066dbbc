import { X509Certificate } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Now } from '../clock.ts'
import { PlatformError } from '../errors.ts'
import type { KeyFiles } from '../key-files.ts'
import { type CertifiedKey, makeLocalAuthority, makeServerCertificate } from './certificates.ts'

const DAY_MS = 24 * 60 * 60 * 1000
// Browsers refuse server certificates that live longer than 398 days; this one is made anew at every start.
const SERVER_LIFETIME_MS = 90 * DAY_MS
const AUTHORITY_LIFETIME_MS = 10 * 365 * DAY_MS
const BACK_DATED_MS = DAY_MS

const KEY_FILE = 'certificate-authority.pem'
const PURPOSE = 'private certificate authority: certificate and key'

/** The data folder's own certificate authority: made once, and written without its key to `ca.pem` for clients to trust. */
export class LocalAuthority {
  /** The certificate that clients trust, PEM. */
  readonly certificate: string
  /** Where that certificate is, for `NODE_EXTRA_CA_CERTS`. */
  readonly certificateFile: string
  readonly #authority: CertifiedKey
  readonly #now: Now

  private constructor(authority: CertifiedKey, certificateFile: string, now: Now) {
    this.certificate = authority.certificate
    this.certificateFile = certificateFile
    this.#authority = authority
    this.#now = now
  }

  static async open(dataFolder: string, keyFiles: KeyFiles, now: Now): Promise<LocalAuthority> {
    const pem = await keyFiles.ensure(KEY_FILE, PURPOSE, async () => {
      const nowMs = now()
      const validity = { notBeforeMs: nowMs - BACK_DATED_MS, notAfterMs: nowMs + AUTHORITY_LIFETIME_MS }
      const made = await makeLocalAuthority('tomte local certificate authority', validity)
      return `${made.certificate}\n${made.privateKey}\n`
    })
    const authority = split(pem, keyFiles.path(KEY_FILE))
    const certificateFile = join(dataFolder, 'ca.pem')
    await writeFile(`${certificateFile}.new`, `${authority.certificate}\n`)
    await rename(`${certificateFile}.new`, certificateFile)
    return new LocalAuthority(authority, certificateFile, now)
  }

  /** A new server certificate for localhost; its key is never written anywhere. */
  serverCertificate(): Promise<CertifiedKey> {
    const nowMs = this.#now()
    return makeServerCertificate(this.#authority, {
      notBeforeMs: nowMs - BACK_DATED_MS,
      notAfterMs: nowMs + SERVER_LIFETIME_MS,
    })
  }
}

function split(pem: string, file: string): CertifiedKey {
  const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(pem)?.[0]
  const privateKey = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/.exec(pem)?.[0]
  try {
    if (certificate && privateKey && new X509Certificate(certificate).ca) return { certificate, privateKey }
  } catch {
    // Falls through: an unreadable certificate is as useless as a missing one.
  }
  throw new PlatformError(
    `Cannot use the key file '${file}' (${PURPOSE}), as it must hold both in PEM: it is damaged`,
    {
      code: 'key_file_damaged',
      hint: 'Restore it from a copy, or delete it: the next start makes a new one, and clients have to trust the new ca.pem',
    },
  )
}
