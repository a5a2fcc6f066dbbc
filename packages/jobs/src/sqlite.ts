import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { JobError } from './errors.ts'

// The primary result codes of SQLite, https://www.sqlite.org/rescode.html
const SQLITE = { busy: 5, locked: 6, corrupt: 11, full: 13, notADatabase: 26 } as const

/**
 * Opens the file that holds checkpoints, for this process alone, synced to the disk on every commit.
 *
 * @throws JobError if it cannot be used, another process holds it, or it is damaged.
 */
export function openSqlite(file: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    database = new DatabaseSync(file)
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    database.exec('BEGIN IMMEDIATE; COMMIT')
    const intact = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (intact !== 'ok') throw damaged(file, String(intact))
    return database
  } catch (error) {
    database?.close()
    throw explain(file, error)
  }
}

const resultOf = (error: unknown): number =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0

/** Whether somebody else uses what was asked for. */
export const isBusy = (error: unknown): boolean =>
  resultOf(error) === SQLITE.busy || resultOf(error) === SQLITE.locked

/** Whether a file is no database, or no longer a whole one. */
export const isDamage = (error: unknown): boolean =>
  resultOf(error) === SQLITE.corrupt || resultOf(error) === SQLITE.notADatabase

/** Whether there is no space left, be it SQLite that says so or the system. */
export const isFull = (error: unknown): boolean =>
  resultOf(error) === SQLITE.full || (error instanceof Error && 'code' in error && error.code === 'ENOSPC')

/** Says what went wrong with the checkpoint file in words a person can act on. */
export function explain(file: string, error: unknown): Error {
  if (error instanceof JobError) return error
  const found = error instanceof Error ? error.message : String(error)
  if (isBusy(error)) {
    return new JobError(
      `Cannot open the checkpoints in '${file}', as one daemon at a time may use them: another process holds the file`,
      {
        code: 'checkpoints_held',
        hint: 'Wait until the other run has ended, or give this daemon a data folder of its own',
        cause: error,
      },
    )
  }
  if (isDamage(error)) return damaged(file, found)
  if (isFull(error)) {
    return new JobError(
      `Cannot save the checkpoint in '${file}', as free space is needed: the disk is full`,
      {
        code: 'disk_full',
        hint: 'Free some space and run again: the run goes on where its last checkpoint stands',
        cause: error,
      },
    )
  }
  return new JobError(
    `Cannot use the checkpoints in '${file}', as the file must be readable and writable: ${found}`,
    {
      code: 'checkpoints_unusable',
      hint: 'Check the data folder and its permissions',
      cause: error,
    },
  )
}

function damaged(file: string, found: string): JobError {
  return new JobError(
    `Cannot open the checkpoints in '${file}', as the file must be intact: ${oneLine(found)}`,
    {
      code: 'checkpoints_damaged',
      hint: 'Restore the file from a copy, or move it away: the next run then starts from the beginning',
    },
  )
}

/** SQLite reports damage in several lines, the first of them a heading. */
const oneLine = (text: string) => text.replace(/^\*\*\*.*\n/, '').replaceAll('\n', '; ')
