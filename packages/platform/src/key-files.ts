import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, PlatformError } from './errors.ts'

/** A file that holds a secret, and what it is for. */
export interface KeyFile {
  readonly file: string
  readonly purpose: string
}

/** The folder of the files that hold secrets: the only place where any is in clear, readable by its owner alone. */
export class KeyFiles {
  readonly folder: string
  readonly #listed = new Map<string, KeyFile>()

  constructor(dataFolder: string) {
    this.folder = join(dataFolder, 'keys')
  }

  /** Every key file that has been read or written, for the list that people are shown. */
  get list(): readonly KeyFile[] {
    return [...this.#listed.values()]
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Returns the file's text, or `undefined` if there is no such file. */
  async read(name: string, purpose: string): Promise<string | undefined> {
    const file = this.path(name)
    try {
      const text = await readFile(file, 'utf8')
      this.#listed.set(name, { file, purpose })
      return text
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw unusable(file, purpose, error)
    }
  }

  /** Writes the file whole or not at all, synced, with mode 0600. */
  async write(name: string, purpose: string, text: string): Promise<void> {
    const file = this.path(name)
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 })
      await chmod(this.folder, 0o700)
      const half = `${file}.new`
      const handle = await open(half, 'w', 0o600)
      try {
        // The file may be there since a crash, with any mode.
        await handle.chmod(0o600)
        await handle.writeFile(text)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(half, file)
      this.#listed.set(name, { file, purpose })
    } catch (error) {
      throw unusable(file, purpose, error)
    }
  }

  /** Returns the file's text, made and written first if there is none. */
  async ensure(name: string, purpose: string, make: () => string | Promise<string>): Promise<string> {
    const known = await this.read(name, purpose)
    if (known !== undefined) return known
    const made = await make()
    await this.write(name, purpose, made)
    return made
  }
}

function unusable(file: string, purpose: string, error: unknown): PlatformError {
  const found = error instanceof Error ? error.message : String(error)
  const full = errorCode(error) === 'ENOSPC'
  return new PlatformError(
    `Cannot use the key file '${file}' (${purpose}), as it must be readable and writable: ${full ? 'the disk is full' : found}`,
    {
      code: full ? 'disk_full' : 'key_file_unusable',
      hint: full ? 'Free some space and start again' : 'Check the permissions of the data folder',
      cause: error,
    },
  )
}
