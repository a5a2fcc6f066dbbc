import { JobError } from './errors.ts'
import { isFull } from './sqlite.ts'

/** Says why a back-up could not be written, in words a person can act on. */
export function backUpUnwritable(file: string, error: unknown): Error {
  if (error instanceof JobError) return error
  if (isFull(error)) {
    return new JobError(`Cannot write the back-up '${file}', as free space is needed: the disk is full`, {
      code: 'disk_full',
      hint: 'Free some space there; nothing of the back-up is left behind',
      cause: error,
    })
  }
  return new JobError(
    `Cannot write the back-up '${file}', as its folder must be writable: ${messageOf(error)}`,
    {
      code: 'backup_unwritable',
      hint: 'Check the folder and its permissions',
      cause: error,
    },
  )
}

export const backUpExists = (file: string): JobError =>
  new JobError(`Cannot write the back-up '${file}', as nothing may be replaced: there is such a file`, {
    code: 'backup_exists',
    hint: 'Choose another name, for example with the date in it',
  })

export const backUpFolderMissing = (file: string, folder: string): JobError =>
  new JobError(`Cannot write the back-up '${file}', as its folder must be there: '${folder}' is not`, {
    code: 'backup_folder_missing',
    hint: 'Make the folder, or choose another',
  })

export const nothingToBackUp = (database: string): JobError =>
  new JobError(`Cannot back up '${database}', as the daemon must have run once: there is no such file`, {
    code: 'backup_nothing',
    hint: 'Name the folder with --data',
  })

export const backUpByDatabase = (): JobError =>
  new JobError(
    'Cannot copy the database of the daemon, as SQLite keeps its runs in one file: it is on PostgreSQL',
    {
      code: 'backup_by_database',
      hint: "Take pg_dump, with --schema='tomte_jobs_NAME*'",
    },
  )

export const backUpRunning = (): JobError =>
  new JobError('Cannot begin another back-up, as the daemon makes one at a time: one is being made', {
    code: 'backup_running',
    hint: 'Wait until it is done',
  })

export const backUpStopped = (): JobError =>
  new JobError('Cannot go on with the back-up, as the database must be open: it is closed', {
    code: 'backup_stopped',
    hint: 'Back up again once the daemon runs, or while it is stopped',
  })

export const backUpCut = (error: unknown): JobError =>
  new JobError(`Cannot take the back-up from the daemon, as it must come whole: ${messageOf(error)}`, {
    code: 'backup_cut',
    cause: error,
    hint: 'Look at the log of the daemon, and back up again',
  })

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'something that is no error')
