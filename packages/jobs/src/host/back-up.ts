import { access, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join, resolve } from 'node:path'
import type { Environment } from '@tomte/client'
import { backUpByDatabase, backUpCut, nothingToBackUp } from '../back-up-faults.ts'
import { copyDatabase } from '../engine/embedded-back-up.ts'
import { withServiceCredentials } from '../service/credentials.ts'
import { openSqlite } from '../sqlite.ts'
import { type DaemonAddress, readAddress } from './address-file.ts'
import { isThere, type Refusal, refusalOf } from './remote-desk.ts'
import { writeWholeFile } from './whole-file.ts'

/** What is to be backed up, and where to. */
export interface BackUpOptions {
  /** The folder that has `jobs.db`. */
  readonly dataFolder: string
  /** A new file in a folder that is there. */
  readonly file: string
  readonly environment: Environment
  /** What the daemon is started with in place of SQLite; default: `TOMTE_DATABASE_URL` of the environment. */
  readonly databaseUrl?: string | undefined
  /** Ends it; nothing is left behind then. */
  readonly signal?: AbortSignal | undefined
}

/** A back-up that has been written. */
export interface BackUp {
  /** Its whole path. */
  readonly file: string
  readonly bytes: number
}

/**
 * Writes a whole, consistent copy of a daemon's SQLite database to a new file, readable by this account alone (0600) and synced to
 * the disk. A daemon that runs makes the copy while it works, with what it commits meanwhile; without one the file itself is copied.
 * The file is under its name once it is whole, or not at all. A daemon takes at most an hour to make it.
 *
 * @throws JobError `backup_exists`, `backup_folder_missing`, `backup_unwritable`, `disk_full`, of the daemon `backup_running`,
 * `backup_stopped` and `backup_cut`; `backup_nothing` where there is no database, `backup_by_database` for one on PostgreSQL,
 * `checkpoints_held` while another program than a daemon uses it.
 * @example
 * ```ts
 * import { backUp } from '@tomte/jobs'
 * const file = `nightly-${new Date().toISOString().slice(0, 10)}.db`
 * const { bytes } = await backUp({ dataFolder: '.tomte', file, environment: process.env })
 * console.log(`${bytes} bytes`)
 * ```
 */
export async function backUp(options: BackUpOptions): Promise<BackUp> {
  const { dataFolder, signal = new AbortController().signal } = options
  const address = await readAddress(dataFolder)
  const daemon = address !== undefined && (await isThere(address)) ? address : undefined
  const database = join(dataFolder, 'jobs.db')
  if (daemon === undefined) await requireFile(database, options)
  const file = resolve(options.file)
  const bytes = await writeWholeFile(file, (temporary) =>
    daemon === undefined ? copyFile(database, temporary, signal) : takeCopy(daemon, temporary, signal),
  )
  return { file, bytes }
}

async function requireFile(database: string, { environment, databaseUrl }: BackUpOptions): Promise<void> {
  if (databaseUrl ?? (await withServiceCredentials(environment))['TOMTE_DATABASE_URL'])
    throw backUpByDatabase()
  await access(database).catch(() => {
    throw nothingToBackUp(database)
  })
}

async function copyFile(file: string, target: string, signal: AbortSignal): Promise<void> {
  const database = openSqlite(file)
  try {
    await copyDatabase(database, file, { target, signal })
  } finally {
    database.close()
  }
}

const MADE_WITHIN_MS = 3_600_000
const SILENCE_MAX_MS = 60_000
const REFUSAL_MAX_BYTES = 64 * 1024

async function takeCopy(address: DaemonAddress, target: string, signal: AbortSignal): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(MADE_WITHIN_MS)])
  const incoming = await answerOf(address, limited).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : backUpCut(error)
  })
  if (incoming.statusCode !== 200) throw refusalOf(await refusalIn(incoming), incoming.statusCode ?? 0)
  await writeFile(target, receivedOf(incoming, signal), { flag: 'r+' })
}

function answerOf({ origin, token }: DaemonAddress, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    request(new URL('/backup', origin), { method: 'POST', agent: false, headers, signal })
      .once('error', reject)
      .once('response', resolve)
      .end()
  })
}

/** @throws JobError `backup_cut`, or the signal's reason, where the answer ends before it should. */
async function* receivedOf(incoming: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer> {
  incoming.setTimeout(SILENCE_MAX_MS, () => incoming.destroy(new Error('nothing came for 60 s')))
  try {
    for await (const chunk of incoming) yield chunk as Buffer
  } catch (error) {
    throw signal.aborted ? signal.reason : backUpCut(error)
  }
}

async function refusalIn(incoming: IncomingMessage): Promise<Refusal | undefined> {
  let text = ''
  for await (const chunk of incoming) {
    text += String(chunk)
    if (text.length > REFUSAL_MAX_BYTES) return undefined
  }
  try {
    return (JSON.parse(text) as { readonly error?: Refusal }).error
  } catch {
    return undefined
  }
}
