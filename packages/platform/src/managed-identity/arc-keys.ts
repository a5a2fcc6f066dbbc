import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PlatformError } from '../errors.ts'
import { sameSecret } from './secret.ts'

// SDKs that ask at once get a file each; more than this are nobody's honest work.
const OPEN_MAX = 32

/** The key files of Azure Arc: who can read one has the rights of this user, and that is the proof (wire.md §10.3). */
export class ArcKeys {
  readonly folder: string
  readonly #open = new Map<string, string>()

  constructor(folder: string) {
    this.folder = resolve(folder)
  }

  /** Writes a new key, mode 0600, and returns its path; the oldest of 32 goes. @throws PlatformError */
  async challenge(): Promise<string> {
    const file = join(this.folder, `${randomUUID()}.key`)
    const secret = randomBytes(32).toString('base64url')
    this.#open.set(file, secret)
    const [oldest] = this.#open.keys()
    if (this.#open.size > OPEN_MAX && oldest !== undefined) await this.#remove(oldest)
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 })
      await writeFile(file, secret, { mode: 0o600, flag: 'wx' })
      // The process may have been started with a mask that takes the owner's rights away.
      await chmod(file, 0o600)
      return file
    } catch (error) {
      this.#open.delete(file)
      throw new PlatformError(
        `Cannot write the key file '${file}', as Azure Arc proves its callers by it: ${error instanceof Error ? error.message : String(error)}`,
        { code: 'key_file_unusable', hint: 'Check the permissions of its folder', cause: error },
      )
    }
  }

  /** Whether the header holds the content of a key file; a key opens once. */
  async opens(authorization: string): Promise<boolean> {
    const sent = /^Basic ([\w-]{1,200})$/i.exec(authorization)?.[1]
    if (sent === undefined) return false
    let opened: string | undefined
    for (const [file, secret] of this.#open) if (sameSecret(sent, secret)) opened = file
    if (opened === undefined) return false
    await this.#remove(opened)
    return true
  }

  /** Removes the keys that nobody has used. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((file) => this.#remove(file)))
  }

  async #remove(file: string): Promise<void> {
    this.#open.delete(file)
    await rm(file, { force: true })
  }
}
