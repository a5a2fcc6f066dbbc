// Why: a person who looks a refusal up must read what the platform really says.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { REFUSALS } from '../packages/platform/src/token/refusals.ts'
import { errorPage, ERRORS_FILE } from './error-docs.ts'
import { root } from './files.ts'

const page = readFileSync(join(root, ERRORS_FILE), 'utf8')

describe('docs/errors.md', () => {
  it('is what tools/error-docs.ts makes of the table; run it after a change', () => {
    assert.equal(page, errorPage())
  })

  it('has one row of six cells for every refusal', () => {
    const rows = page.split('\n').filter((line) => /^\| \d/.test(line))
    assert.deepEqual(
      rows.map((row) => row.split(/(?<!\\)\|/)[1]?.trim()),
      Object.keys(REFUSALS),
    )
    for (const row of rows) assert.equal(row.split(/(?<!\\)\|/).length, 8, row)
  })
})
