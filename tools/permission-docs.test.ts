// Why: who asks an administrator for a permission reads the page, and the guard reads the table.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { PERMISSIONS } from '../packages/platform/src/graph/permissions.ts'
import { root } from './files.ts'
import { permissionPage, PERMISSIONS_FILE } from './permission-docs.ts'

const page = readFileSync(join(root, PERMISSIONS_FILE), 'utf8')

describe('docs/permissions.md', () => {
  it('is what tools/permission-docs.ts makes of the table; run it after a change', () => {
    assert.equal(page, permissionPage())
  })

  it('has one row for every route', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| `'))
    assert.deepEqual(
      rows.map((row) => /^\| `([^`]+)` \| [^|]+ \|$/.exec(row)?.[1]),
      Object.keys(PERMISSIONS),
    )
  })
})
