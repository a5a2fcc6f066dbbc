import type { FileHandle } from 'node:fs/promises'
import { JobError } from '@tomte/jobs'

/** A line that is longer than this is cut, and its row rejected: no person needs so much. */
export const LINE_LENGTH_MAX = 65_536

/**
 * Reads a text file line by line, from its beginning, holding one line in memory at a time.
 *
 * @throws JobError if the file is not UTF-8 text.
 */
export async function* readLines(handle: FileHandle, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = ''
  const decode = (chunk?: Buffer) => {
    try {
      const text = decoder.decode(chunk, { stream: chunk !== undefined })
      if (!text.includes('\0')) return text
    } catch {
      // Falls through: what is no UTF-8 is no text that could be read safely.
    }
    throw new JobError(
      `Cannot read the people in '${name}', as it must be CSV text in UTF-8: it holds bytes that are no such text`,
      {
        code: 'people_file_not_text',
        hint: 'Export it again as CSV in UTF-8; a spreadsheet itself (.xlsx) cannot be read',
      },
    )
  }
  for await (const chunk of handle.createReadStream({ start: 0, autoClose: false })) {
    const [rest = '', ...starts] = decode(chunk as Buffer).split('\n')
    line = append(line, rest)
    for (const start of starts) {
      yield withoutReturn(line)
      line = append('', start)
    }
  }
  line = append(line, decode())
  if (line !== '') yield withoutReturn(line)
}

const withoutReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)

// Two more than fit: one may be a CR that is no part of the line.
const append = (line: string, text: string) => (line + text).slice(0, LINE_LENGTH_MAX + 2)
