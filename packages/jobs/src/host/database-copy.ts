import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { backUpRunning, backUpUnwritable } from '../back-up-faults.ts'
import type { Engine } from '../engine/engine.ts'

/** A whole copy of a daemon's database, to be read once. */
export interface DatabaseCopy {
  readonly bytes: number
  readonly stream: Readable
}

// Of a daemon that was killed while it copied there is one file at most.
const FILE = 'jobs.db.copy'

/**
 * Makes copies, one at a time, in the data folder, where the daemon may write wherever a service manager lets it; whoever asked
 * reads the copy and puts it where he may write. Its file has no name any more when it is read.
 *
 * @throws JobError `backup_running`, and what {@link Engine.backUp} throws.
 */
export function databaseCopier(
  engine: Pick<Engine, 'backUp'>,
  dataFolder: string,
): (signal: AbortSignal) => Promise<DatabaseCopy> {
  const target = join(dataFolder, FILE)
  const forget = async () => {
    for (const file of [target, `${target}-journal`]) await rm(file, { force: true })
  }
  let isCopying = false
  return async (signal) => {
    if (isCopying) throw backUpRunning()
    isCopying = true
    try {
      await forget()
      const file = await open(target, 'wx+', 0o600)
      try {
        await engine.backUp(target, signal)
        const { size } = await file.stat()
        return { bytes: size, stream: file.createReadStream({ start: 0 }) }
      } catch (error) {
        await file.close()
        throw error
      } finally {
        await forget()
      }
    } catch (error) {
      throw signal.aborted ? error : backUpUnwritable(target, error)
    } finally {
      isCopying = false
    }
  }
}
