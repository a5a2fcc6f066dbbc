// Writes docs/errors.md from the table of refusals that the token endpoint and the look-up page read. error-docs.test.ts holds
// the page equal to the table.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Evidence, REFUSALS } from '../packages/platform/src/token/refusals.ts'
import { root } from './files.ts'

export const ERRORS_FILE = 'docs/errors.md'

const EVIDENCE: Readonly<Record<Evidence, string>> = {
  observed: 'A',
  documented: 'B',
  assumed: 'C',
}

const HEAD = `# Refusals of the token endpoint

Made of \`packages/platform/src/token/refusals.ts\` by \`tools/error-docs.ts\`. The platform explains each at \`/error?code={number}\`, which \`error_uri\` of
an answer leads to. Programs branch on \`error\` and the status, never on number or text.

Known: A as Entra ID has been seen to answer, B as its documentation has it, C neither.

| AADSTS | Status | \`error\` | Known | Says | What to do |
|---|---|---|---|---|---|
`

/** The page of every refusal, by number. */
export function errorPage(): string {
  const rows = Object.entries(REFUSALS).map(([number, { status, error, known, text, remedy }]) => {
    const cells = [number, String(status), `\`${error}\``, EVIDENCE[known], cell(text), cell(remedy)]
    return `| ${cells.join(' | ')} |\n`
  })
  return `${HEAD}${rows.join('')}`
}

/** A text inside a table of Markdown, where bars and braces would mean something. */
const cell = (text: string) => text.replaceAll(/[|<>_*]/g, (sign) => `\\${sign}`)

if (process.argv[1] === import.meta.filename) writeFileSync(join(root, ERRORS_FILE), errorPage())
