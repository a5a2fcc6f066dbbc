import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Now } from '../clock.ts'
import { errorCode, PlatformError } from '../errors.ts'
import type { KeyFiles } from '../key-files.ts'
import { parseCertifiedKey } from './certified-key-file.ts'
import {
  type CertifiedKey,
  makeLocalAuthority,
  makeNamedAuthority,
  makeServerCertificate,
} from './certificates.ts'

const DAY_MS = 24 * 60 * 60 * 1000
// Browsers refuse server certificates that live longer than 398 days; this one is made anew at every start.
const SERVER_LIFETIME_MS = 90 * DAY_MS
const AUTHORITY_LIFETIME_MS = 10 * 365 * DAY_MS
const BACK_DATED_MS = DAY_MS

/** An authority, and the names for which its server certificates are; none mean this machine's own. */
interface Kind {
  readonly keyFile: string
  readonly purpose: string
  readonly certificateFile: string
  readonly commonName: string
  readonly names?: readonly string[]
}

const OWN: Kind = {
  keyFile: 'certificate-authority.pem',
  purpose: 'private certificate authority: certificate and key',
  certificateFile: 'ca.pem',
  commonName: 'tomte local certificate authority',
}

/** The login hosts of the global cloud (wire.md §2), as which the platform answers if it is told to. */
export const REAL_HOSTS: readonly string[] = [
  'login.microsoftonline.com',
  'login.windows.net',
  'login.microsoft.com',
  'sts.windows.net',
]

const REAL: Kind = {
  keyFile: 'real-hosts-authority.pem',
  purpose: 'private certificate authority for the names of login hosts: certificate and key',
  certificateFile: 'real-hosts-ca.pem',
  commonName: 'tomte certificate authority for login hosts',
  names: REAL_HOSTS,
}

/** The data folder's own certificate authority: made once, and written without its key to `ca.pem` for clients to trust. */
export class LocalAuthority {
  /** The certificate that clients trust, PEM. */
  readonly certificate: string
  /** Where that certificate is, for `NODE_EXTRA_CA_CERTS`. */
  readonly certificateFile: string
  readonly #authority: CertifiedKey
  readonly #now: Now
  readonly #names: readonly string[] | undefined

  private constructor(
    authority: CertifiedKey,
    certificateFile: string,
    now: Now,
    names: readonly string[] | undefined,
  ) {
    this.certificate = authority.certificate
    this.certificateFile = certificateFile
    this.#authority = authority
    this.#now = now
    this.#names = names
  }

  /** Opens the authority for localhost and the loopback addresses. */
  static open(dataFolder: string, keyFiles: KeyFiles, now: Now): Promise<LocalAuthority> {
    return LocalAuthority.#open(dataFolder, keyFiles, now, OWN)
  }

  /** Opens the authority for {@link REAL_HOSTS}, which is another one: nobody has to trust it who does not want them here. */
  static openForRealHosts(dataFolder: string, keyFiles: KeyFiles, now: Now): Promise<LocalAuthority> {
    return LocalAuthority.#open(dataFolder, keyFiles, now, REAL)
  }

  static async #open(dataFolder: string, keyFiles: KeyFiles, now: Now, kind: Kind): Promise<LocalAuthority> {
    const { keyFile, purpose, commonName, names } = kind
    const pem = await keyFiles.ensure(keyFile, purpose, async () => {
      const nowMs = now()
      const validity = { notBeforeMs: nowMs - BACK_DATED_MS, notAfterMs: nowMs + AUTHORITY_LIFETIME_MS }
      const made = names
        ? await makeNamedAuthority(commonName, validity, names)
        : await makeLocalAuthority(commonName, validity)
      return `${made.certificate}\n${made.privateKey}\n`
    })
    const authority = parseCertifiedKey(pem, {
      file: keyFiles.path(keyFile),
      purpose,
      hint: `Restore it from a copy, or delete it: the next start makes a new one, and clients have to trust the new ${kind.certificateFile}`,
      authority: true,
    })
    const certificateFile = join(dataFolder, kind.certificateFile)
    await publish(certificateFile, `${authority.certificate}\n`)
    return new LocalAuthority(authority, certificateFile, now, names)
  }

  /** A new server certificate for the authority's names; its key is never written anywhere. */
  serverCertificate(): Promise<CertifiedKey> {
    const nowMs = this.#now()
    const validity = { notBeforeMs: nowMs - BACK_DATED_MS, notAfterMs: nowMs + SERVER_LIFETIME_MS }
    return makeServerCertificate(this.#authority, validity, this.#names)
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
