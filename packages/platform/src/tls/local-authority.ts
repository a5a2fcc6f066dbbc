import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Now } from '../clock.ts'
import { errorCode, PlatformError } from '../errors.ts'
import type { KeyFiles } from '../key-files.ts'
import { parseCertifiedKey } from './certified-key-file.ts'
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
    const authority = parseCertifiedKey(pem, {
      file: keyFiles.path(KEY_FILE),
      purpose: PURPOSE,
      hint: 'Restore it from a copy, or delete it: the next start makes a new one, and clients have to trust the new ca.pem',
      authority: true,
    })
    const certificateFile = join(dataFolder, 'ca.pem')
    await publish(certificateFile, `${authority.certificate}\n`)
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

async function publish(file: string, text: string): Promise<void> {
  try {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  } catch (error) {
    const full = errorCode(error) === 'ENOSPC'
    const found = full ? 'the disk is full' : error instanceof Error ? error.message : String(error)
    throw new PlatformError(
      `Cannot write '${file}', as clients read the certificate authority there: ${found}`,
      {
        code: full ? 'disk_full' : 'data_folder_unusable',
        hint: full ? 'Free some space and start again' : 'Check the permissions of the data folder',
        cause: error,
      },
    )
  }
}
