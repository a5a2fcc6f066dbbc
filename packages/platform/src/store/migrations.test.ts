import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { temporaryFolder } from '../test-support.ts'
import { openDatabase } from './database.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Schema } from './schema.ts'
import { openSqlite, sqliteDialect } from './sqlite.ts'

describe('a data folder of an earlier release', () => {
  it('is brought to this one with everything in it', async (t) => {
    const folder = join(await temporaryFolder(), 'earlier')
    t.after(() => rm(folder, { recursive: true, force: true }))
    await mkdir(folder, { recursive: true })
    const earlier = new Kysely<Schema>({ dialect: sqliteDialect(openSqlite(join(folder, 'platform.db'))) })
    const migrator = new Migrator({ db: earlier, provider: { getMigrations: async () => MIGRATIONS } })
    const { error } = await migrator.migrateTo('0001-first')
    assert.equal(error, undefined)
    const texts = { identifier_uris: '[]', app_roles: '[]', required_resource_access: '[]' }
    const ids = { id: 'id', app_id: 'app', tenant_id: 'tenant' }
    const rest = { display_name: 'Kept', sign_in_audience: 'AzureADMyOrg', requested_access_token_version: 2 }
    await earlier
      .insertInto('application')
      .values({ ...ids, ...texts, ...rest, created_at_ms: 7 })
      .execute()
    await earlier.destroy()

    const db = await openDatabase(folder)
    const rows = await db.selectFrom('application').selectAll().execute()
    await db.destroy()
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [{ ...ids, ...texts, ...rest, created_at_ms: 7, redirect_uris: '[]' }],
    )
  })
})
