import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rmdir,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../clock.ts'
import { ConfigurationError } from '../errors.ts'
import { ENTRY_MAX_BYTES, type TokenStore } from './store.ts'

/** Where the files are. */
export interface FileStoreOptions {
  /** A folder for this purpose alone; it is made, for its owner alone (0700), if it is missing. */
  readonly folder: string
  readonly clock?: Clock | undefined
}

// The end of an entry's lifetime goes before it: 8 bytes, milliseconds, big-endian.
const END_BYTES = 8
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700
const LEASE_MAX_BYTES = 200
// A lease that claims to last longer than this was written by another clock, or by nobody.
const LEASE_MAX_MS = 60_000
// No token lives longer than a day (wire.md §9): what nobody has touched for two is left over.
const LEFTOVER_MS = 48 * 3_600_000
const PUTS_BETWEEN_SWEEPS = 1_000

/**
 * Shares tokens among processes of one machine by files in a folder: one for each entry, replaced whole by renaming, and one
 * for each lease, made only if there is none. There is nothing to start. Files are for their owner alone (0600).
 *
 * @throws ConfigurationError if no folder is named.
 * @example
 * ```ts
 * import { fileStore, sharedStore } from '@tomte/client/store'
 *
 * const store = sharedStore({
 *   store: fileStore({ folder: '/var/lib/nightly-sync/tokens' }),
 *   keys: [process.env['TOKEN_STORE_KEY'] ?? ''],
 * })
 * ```
 */
export function fileStore({ folder, clock = systemClock }: FileStoreOptions): TokenStore {
  if (!folder) {
    throw new ConfigurationError(
      'Cannot share tokens by files, as a folder for them is needed: found an empty name',
      {
        code: 'store_folder_missing',
        hint: 'Name a folder that every process of the fleet may write to, and nobody else',
      },
    )
  }
  return new FileStore(folder, clock)
}

class FileStore implements TokenStore {
  readonly #folder: string
  readonly #clock: Clock
  #puts = 0

  constructor(folder: string, clock: Clock) {
    this.#folder = folder
    this.#clock = clock
  }

  async get(name: string) {
    const file = await bytesOf(this.#path(name, 'entry'), ENTRY_MAX_BYTES + END_BYTES)
    if (!file || file.length < END_BYTES) return undefined
    const restMs = Number(file.readBigUInt64BE()) - this.#clock.now()
    return restMs > 0 ? { value: file.subarray(END_BYTES), restMs } : undefined
  }

  async put(name: string, value: Uint8Array, lifetimeMs: number): Promise<void> {
    const end = Buffer.alloc(END_BYTES)
    end.writeBigUInt64BE(BigInt(Math.ceil(this.#clock.now() + lifetimeMs)))
    const written = await this.#written(Buffer.concat([end, value]))
    await rename(written, this.#path(name, 'entry'))
    if (this.#puts % PUTS_BETWEEN_SWEEPS === 0) await this.#sweep()
    this.#puts += 1
  }

  async lease(name: string, holder: string, lifetimeMs: number): Promise<boolean> {
    const path = this.#path(name, 'lease')
    const written = await this.#written(Buffer.from(`${Math.ceil(this.#clock.now() + lifetimeMs)} ${holder}`))
    try {
      // A link is made whole and only where there is no file, as O_EXCL would, and is never seen half written.
      if (await linked(written, path)) return true
      if (!this.#isOver(await bytesOf(path, LEASE_MAX_BYTES))) return false
      return await this.#alone(name, async () => {
        // Another taker may have been faster. Renaming leaves no moment without a lease, in which a third could make one.
        if (!this.#isOver(await bytesOf(path, LEASE_MAX_BYTES))) return false
        await rename(written, path)
        return true
      })
    } finally {
      await removed(written)
    }
  }

  async release(name: string, holder: string): Promise<void> {
    const path = this.#path(name, 'lease')
    if (!(await bytesOf(path, LEASE_MAX_BYTES))) return
    await this.#alone(name, async () => {
      const lease = leaseOf(await bytesOf(path, LEASE_MAX_BYTES))
      return lease?.holder === holder && removed(path)
    })
  }

  /** Changes a lease that exists; of several who want to at once one does, and for the others it is as if it still held. */
  async #alone(name: string, change: () => Promise<boolean>): Promise<boolean> {
    const mark = this.#path(name, 'taking')
    if (!(await made(mark))) {
      // Whoever made it has died with it, as it takes no time: the next one may.
      const { mtimeMs } = await stat(mark).catch(() => ({ mtimeMs: Infinity }))
      if (this.#clock.now() - mtimeMs > LEASE_MAX_MS) await rmdir(mark).catch(() => {})
      return false
    }
    try {
      return await change()
    } finally {
      await rmdir(mark).catch(() => {})
    }
  }

  #isOver(bytes: Buffer | undefined): boolean {
    if (!bytes) return false
    const restMs = (leaseOf(bytes)?.endsAtMs ?? 0) - this.#clock.now()
    return restMs <= 0 || restMs > LEASE_MAX_MS
  }

  async #written(bytes: Buffer): Promise<string> {
    const path = this.#path(randomUUID(), 'new')
    const write = () => writeFile(path, bytes, { mode: FILE_MODE, flag: 'wx' })
    await write().catch(async (error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error
      await mkdir(this.#folder, { recursive: true, mode: FOLDER_MODE })
      await write()
    })
    return path
  }

  async #sweep(): Promise<void> {
    const names = await readdir(this.#folder)
    for (const path of names
      .filter((each) => /\.(entry|lease|new)\b/.test(each))
      .map((each) => join(this.#folder, each))) {
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }))
      if (this.#clock.now() - mtimeMs > LEFTOVER_MS) await removed(path)
    }
  }

  #path(name: string, kind: 'entry' | 'lease' | 'new' | 'taking'): string {
    // A name that could lead out of the folder is none of ours.
    if (!/^[\w-]{1,64}$/.test(name)) throw new RangeError('Cannot use a name that is not base64url')
    return join(this.#folder, `${name}.${kind}`)
  }
}

interface Lease {
  readonly endsAtMs: number
  readonly holder: string
}

function leaseOf(bytes: Buffer | undefined): Lease | undefined {
  const [, endsAtMs, holder] = /^(\d{1,16}) (\S+)$/.exec(bytes?.toString('latin1') ?? '') ?? []
  return endsAtMs === undefined || holder === undefined ? undefined : { endsAtMs: Number(endsAtMs), holder }
}

/** The bytes of a file, and none of one that is missing, too large, or no file at all. */
async function bytesOf(path: string, bytesMax: number): Promise<Buffer | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
    const facts = await file.stat()
    return facts.isFile() && facts.size <= bytesMax ? await file.readFile() : Buffer.alloc(0)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  } finally {
    await file?.close()
  }
}

const linked = (from: string, to: string) => unless('EEXIST', link(from, to))
const made = (folder: string) =>
  unless(
    'EEXIST',
    mkdir(folder, { mode: FOLDER_MODE }).then(() => {}),
  )
const removed = (path: string) => unless('ENOENT', unlink(path))

/** Whether it was done; false if that was impossible for the one expected reason. */
async function unless(code: string, done: Promise<void>): Promise<boolean> {
  try {
    await done
    return true
  } catch (error) {
    if (isCode(error, code)) return false
    throw error
  }
}

const isCode = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && error.code === code
