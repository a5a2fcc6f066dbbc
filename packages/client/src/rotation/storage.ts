import { type FileHandle, open, readFile, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigurationError } from '../errors.ts'

/** The credential that the application uses, the one that replaces it, and the one that was replaced. */
export type Slot = 'current' | 'next' | 'previous'

/**
 * Where a rotation keeps a credential, such as a vault. What it finds there and in the registration is all that it goes by after
 * a crash, so a slot has to be read as it was last saved.
 */
export interface CredentialStorage {
  /** What was saved, and `undefined` if there is nothing. */
  load(slot: Slot): Promise<Uint8Array | undefined>
  /** Replaces a slot, whole or not at all, and resolves when it would survive a loss of power. */
  save(slot: Slot, content: Uint8Array): Promise<void>
  /** Empties a slot, which may be empty already. */
  remove(slot: Slot): Promise<void>
  /** Removes what a save has left that was interrupted. */
  clear?(): Promise<void>
}

const FILE_MODE = 0o600
const SIZE_MAX_BYTES = 1024 * 1024

/**
 * Keeps a credential in a file, the next one beside it as `FILE.next`, the one before as `FILE.previous`. Files are for their
 * owner alone (0600), written whole, synced and renamed. A link is followed, and stays.
 *
 * @throws ConfigurationError from its functions if a file cannot be read or written.
 * @example
 * ```ts
 * import { credentialFiles } from '@tomte/client/rotation'
 * const storage = credentialFiles('/var/lib/nightly-sync/daemon.pem')
 * ```
 */
export function credentialFiles(file: string): CredentialStorage {
  const target = () => realFile(file)
  const pathOf = async (slot: Slot) => {
    const path = await target()
    return slot === 'current' ? path : `${path}.${slot}`
  }
  const partOf = async () => `${await target()}.part`
  return {
    async load(slot) {
      const path = await pathOf(slot)
      return attempted('read', path, () => contentOf(path))
    },
    async save(slot, content) {
      const [path, part] = await Promise.all([pathOf(slot), partOf()])
      await attempted('write', path, async () => {
        await writeSynced(part, content)
        await rename(part, path)
        await syncFolder(path)
      })
    },
    async remove(slot) {
      const path = await pathOf(slot)
      await attempted('remove', path, async () => {
        await rm(path, { force: true })
        await syncFolder(path)
      })
    },
    async clear() {
      const part = await partOf()
      await attempted('remove', part, () => rm(part, { force: true }))
    },
  }
}

/** Where a file is that may be named by a link. @throws ConfigurationError if it is not there. */
export function realFile(file: string): Promise<string> {
  return realpath(file).catch((error: unknown) => {
    throw unusable('read', file, error)
  })
}

async function contentOf(path: string): Promise<Uint8Array | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    const { size } = await handle.stat()
    if (size > SIZE_MAX_BYTES) throw new RangeError(`it is larger than ${SIZE_MAX_BYTES} bytes`)
    return await readFile(handle)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  } finally {
    await handle?.close()
  }
}

async function writeSynced(path: string, content: Uint8Array): Promise<void> {
  // What a crash has left may be open to others; a new file is not.
  await rm(path, { force: true })
  const handle = await open(path, 'wx', FILE_MODE)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A rename is lasting once the folder is synced. Windows has no such thing, and does not need it. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function attempted<Done>(action: string, path: string, work: () => Promise<Done>): Promise<Done> {
  try {
    return await work()
  } catch (error) {
    throw unusable(action, path, error)
  }
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

function unusable(action: string, path: string, error: unknown): ConfigurationError {
  const found = error instanceof RangeError ? error.message : (codeOf(error) ?? 'unknown error')
  return new ConfigurationError(
    `Cannot ${action} the credential file '${path}', as a rotation replaces it: ${found}`,
    {
      code: 'credential_file_unusable',
      hint: 'Let the application own the file and its folder, or hand over a `storage` of your own',
    },
  )
}
