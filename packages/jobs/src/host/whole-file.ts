import { lstat, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { backUpExists, backUpFolderMissing, backUpUnwritable } from '../back-up-faults.ts'

/**
 * Writes a new file, readable by this account alone (0600): it is under its name once it is whole and on the disk, or not at all.
 *
 * @param write Fills the file that it is given, which is there and empty.
 * @returns its size in bytes.
 * @throws JobError `backup_exists`, `backup_folder_missing`, `disk_full`, `backup_unwritable`; and what `write` throws.
 */
export async function writeWholeFile(
  file: string,
  write: (temporary: string) => Promise<void>,
): Promise<number> {
  const folder = dirname(file)
  const temporary = join(folder, `.${basename(file)}.${process.pid}`)
  await requireNothing(file)
  await rm(temporary, { force: true })
  const handle = await open(temporary, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? backUpFolderMissing(file, folder) : backUpUnwritable(file, error)
  })
  try {
    await write(temporary)
    await handle.sync()
    const { size } = await handle.stat()
    await handle.close()
    await requireNothing(file)
    await rename(temporary, file)
    await syncFolder(folder)
    return size
  } catch (error) {
    await handle.close().catch(() => {})
    for (const left of [temporary, `${temporary}-journal`]) await rm(left, { force: true })
    throw isOfFile(error) ? backUpUnwritable(file, error) : error
  }
}

async function requireNothing(file: string): Promise<void> {
  const found = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw backUpUnwritable(file, error)
  })
  if (found !== undefined) throw backUpExists(file)
}

/** So that the name is on the disk too; where a folder cannot be opened, as on Windows, the system sees to that. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Whether the system, or SQLite on its behalf, could not write. */
const isOfFile = (error: unknown): boolean =>
  error instanceof Error && ('syscall' in error || 'errcode' in error)
