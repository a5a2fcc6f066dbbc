import { writeFileSync } from 'node:fs'
import { COLUMNS } from '../job/person.ts'
import { type Company, company, SEED } from './population.ts'

/** Where the committed export lies: beside the example, as if HR had dropped it there. */
export const PEOPLE_CSV = new URL('../people.csv', import.meta.url)

/** Writes as spreadsheets do: byte order mark, CRLF after each line, quotes only where RFC 4180 has them. */
export function peopleCsv({ rows }: Company): string {
  const lines = [COLUMNS, ...rows].map((row) => row.map(field).join(','))
  return `\uFEFF${lines.join('\r\n')}\r\n`
}

function field(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

if (import.meta.main) writeFileSync(PEOPLE_CSV, peopleCsv(company(SEED)))
