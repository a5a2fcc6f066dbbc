import { CsvError, parse } from 'csv-parse/sync'
import { LINE_LENGTH_MAX } from './lines.ts'

/** One row of a CSV file, with the number of its first line; or why that line is no row. */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string }

// A quoted field may hold line breaks, but a quotation mark that nobody closed must not swallow the rows after it.
const RECORD_LINES_MAX = 20

/**
 * Puts lines together to CSV records (RFC 4180) of `width` fields. A row that is broken is given back as a problem with
 * its line, and reading goes on with the line after it, so that one row never costs another. Empty lines are no rows.
 */
export async function* readRecords(
  lines: AsyncIterable<string>,
  width: () => number,
): AsyncGenerator<CsvRecord> {
  let number = 0
  let held: string[] = []
  for await (const line of lines) {
    held.push(line)
    number += 1
    for (let next = take(held, width()); next; next = take(held, width())) {
      const first = number - held.length + 1
      held = held.slice(next.lines)
      if (next.record) yield { line: first, ...next.record }
    }
  }
  while (held.length > 0) {
    const next = takeLast(held, width())
    const first = number - held.length + 1
    held = held.slice(next.lines)
    if (next.record) yield { line: first, ...next.record }
  }
}

type Content = { readonly fields: readonly string[] } | { readonly problem: string }

interface Taken {
  readonly lines: number
  readonly record?: Content
}

/** Takes a record off the front of the lines, or `undefined` if more lines are needed to know. */
function take(lines: readonly string[], width: number): Taken | undefined {
  const [first] = lines
  if (first === undefined) return undefined
  if (first.trim() === '') return { lines: 1 }
  if (first.length > LINE_LENGTH_MAX)
    return { lines: 1, record: { problem: `the line is longer than ${LINE_LENGTH_MAX} characters` } }
  if (balanced(first)) return alone(first, width)
  // What was cut off a line is unknown, so that it may not be the rest of a row.
  if (lines.some((line) => line.length > LINE_LENGTH_MAX)) return alone(first, width)
  const end = lines.findIndex((_, index) => index > 0 && balanced(lines.slice(0, index + 1).join('\n')))
  if (end === -1) return lines.length < RECORD_LINES_MAX ? undefined : alone(first, width)
  const joined = parseRecord(lines.slice(0, end + 1).join('\n'), width)
  return 'fields' in joined ? { lines: end + 1, record: joined } : alone(first, width)
}

const takeLast = (lines: readonly string[], width: number): Taken =>
  take(lines, width) ?? alone(lines[0] ?? '', width)

const alone = (line: string, width: number): Taken => ({ lines: 1, record: parseRecord(line, width) })

const balanced = (text: string) => text.split('"').length % 2 === 1

const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is opened and not closed',
  CSV_INVALID_CLOSING_QUOTE: 'a quoted field goes on after its closing quotation mark',
  INVALID_OPENING_QUOTE: 'a quotation mark stands inside a field that is not quoted',
}

function parseRecord(text: string, width: number): Content {
  try {
    // Lines end where readLines ends them: a CR alone must not end a row, whose rest would be lost.
    const [fields = []] = parse(text, { relax_column_count: true, record_delimiter: '\n' })
    if (width === 0 || fields.length === width) return { fields }
    return { problem: `the row has ${fields.length} fields, and ${width} are needed` }
  } catch (error) {
    const code = error instanceof CsvError ? error.code : ''
    return { problem: PROBLEMS[code] ?? 'the row is not CSV' }
  }
}
