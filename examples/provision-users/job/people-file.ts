import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { JobError } from '@tomte/jobs'
import { readLines } from './lines.ts'
import { COLUMNS, type Person, type Rejected, readPerson } from './person.ts'
import { readRecords } from './records.ts'

/** An HR export that has been read through once: it is text, has the right columns, and holds people. */
export interface PeopleFile {
  readonly rows: number
  /** Tells one export from the next. */
  readonly sha256: string
  /** Reads the rows in the order of the file, leaving out the first `skip`. */
  people(skip: number): AsyncGenerator<Person | Rejected>
  close(): Promise<void>
}

/**
 * Opens an HR export and reads it through, so that whatever is wrong with it as a whole is known before anything is changed.
 *
 * @throws JobError if it is missing, unreadable, empty, no UTF-8 text, or has other columns than those needed.
 */
export async function openPeopleFile(file: string): Promise<PeopleFile> {
  const handle = await openFile(file)
  try {
    const before = await handle.stat()
    if (!before.isFile()) throw unreadable(file, 'it is not a file')
    const sha256 = await hash(handle)
    let rows = 0
    for await (const _ of readRows(handle, file)) rows += 1
    if (rows === 0) throw unfit(file, 'it is empty below its header')
    return {
      rows,
      sha256,
      async *people(skip) {
        let position = 0
        for await (const row of readRows(handle, file)) {
          if (position >= skip) yield row
          position += 1
        }
        const { mtimeMs, size } = await handle.stat()
        if (mtimeMs !== before.mtimeMs || size !== before.size) throw changed(file)
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file)
  } catch (error) {
    throw unreadable(
      file,
      error instanceof Error && 'code' in error && error.code === 'ENOENT'
        ? 'there is no such file'
        : String(error),
    )
  }
}

async function hash(handle: FileHandle): Promise<string> {
  const sha256 = createHash('sha256')
  for await (const chunk of handle.createReadStream({ start: 0, autoClose: false }))
    sha256.update(chunk as Buffer)
  return sha256.digest('hex')
}

async function* readRows(handle: FileHandle, file: string): AsyncGenerator<Person | Rejected> {
  let columns: readonly string[] = []
  for await (const record of readRecords(readLines(handle, file), () => columns.length)) {
    if (columns.length === 0) {
      columns = readHeader(file, 'fields' in record ? record.fields : [])
    } else if ('problem' in record) {
      yield { line: record.line, employeeId: '', reason: record.problem }
    } else {
      yield readPerson(
        record.line,
        Object.fromEntries(columns.map((column, index) => [column, record.fields[index] ?? ''])),
      )
    }
  }
  if (columns.length === 0) throw unfit(file, 'it is empty')
}

function readHeader(file: string, fields: readonly string[]): readonly string[] {
  const columns = fields.map((field) => field.trim())
  const unknown = columns.filter((column) => !COLUMNS.some((known) => known === column))
  const missing = COLUMNS.filter((column) => !columns.includes(column))
  if (missing.length === COLUMNS.length)
    throw unfit(file, `its first line is no header but '${columns.join(',').slice(0, 80)}'`)
  if (unknown.length > 0)
    throw unfit(
      file,
      `it has the unknown column ${unknown.map((column) => `'${column.slice(0, 40)}'`).join(', ')}`,
    )
  if (missing.length > 0) throw unfit(file, `it lacks the column ${missing.join(', ')}`)
  if (columns.length > COLUMNS.length) throw unfit(file, 'a column stands there twice')
  return columns
}

function unreadable(file: string, found: string): JobError {
  return new JobError(`Cannot read the people in '${file}', as a CSV file is needed there: ${found}`, {
    code: 'people_file_unreadable',
    hint: 'Give the path of the HR export as file=PATH',
  })
}

function unfit(file: string, found: string): JobError {
  return new JobError(
    `Cannot read the people in '${file}', as its first line must name the columns ${COLUMNS.join(', ')}, with people below: ${found}`,
    {
      code: 'people_file_unfit',
      hint: 'Export it again with these columns; nothing has been changed',
    },
  )
}

function changed(file: string): JobError {
  return new JobError(
    `Cannot finish with '${file}', as it must stay the same while it is read: it was changed`,
    {
      code: 'people_file_changed',
      hint: 'Run again: the changed file is read from its beginning',
    },
  )
}
