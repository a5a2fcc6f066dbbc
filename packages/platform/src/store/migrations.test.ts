import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Kysely, sql } from 'kysely'
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
    await sql`insert into tenant values ('tenant', 'Kept', 7)`.execute(earlier)
    await earlier
      .insertInto('application')
      .values({ ...ids, ...texts, ...rest, created_at_ms: 7 })
      .execute()
    // In the words of the first release, which knew of one kind of credential.
    await sql`insert into key_credential values ('key', 'id', 'Kept', 'A1', 'A256', 'DER', 1, 2)`.execute(
      earlier,
    )
    await earlier.destroy()

    const db = await openDatabase(folder)
    const rows = await db.selectFrom('application').selectAll().execute()
    const keys = await db.selectFrom('key_credential').selectAll().execute()
    const tenants = await db.selectFrom('tenant').selectAll().execute()
    const secrets = await db.selectFrom('password_credential').selectAll().execute()
    const federated = await db.selectFrom('federated_credential').selectAll().execute()
    await db.destroy()
    assert.deepEqual(
      keys.map((row) => ({ ...row })),
      [
        {
          key_id: 'key',
          application_id: 'id',
          display_name: 'Kept',
          thumbprint_sha1: 'A1',
          thumbprint_sha256: 'A256',
          certificate: 'DER',
          start_at_ms: 1,
          end_at_ms: 2,
          service_principal_id: null,
        },
      ],
    )
    assert.deepEqual([secrets, federated], [[], []])
    assert.deepEqual(
      tenants.map((row) => ({ ...row })),
      [{ id: 'tenant', display_name: 'Kept', created_at_ms: 7, refuses_repeated_assertions: 0 }],
    )
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [
        {
          ...ids,
          ...texts,
          ...rest,
          created_at_ms: 7,
          redirect_uris: '[]',
          properties: '{}',
          is_disabled: 0,
        },
      ],
    )
  })

  it('is left as it was by a migration that fails, and migrates once the reason is gone', async (t) => {
    const folder = join(await temporaryFolder(), 'stopped')
    t.after(() => rm(folder, { recursive: true, force: true }))
    await mkdir(folder, { recursive: true })
    const file = join(folder, 'platform.db')
    const earlier = new Kysely<Schema>({ dialect: sqliteDialect(openSqlite(file)) })
    const provider = { getMigrations: async () => MIGRATIONS }
    await new Migrator({ db: earlier, provider }).migrateTo('0001-first')
    // In the way of the second table that a later migration makes: its first is made by then.
    await sql`create table federated_credential (id text)`.execute(earlier)
    await earlier.destroy()

    await assert.rejects(openDatabase(folder), { name: 'PlatformError' })
    const left = openSqlite(file)
    const made = left
      .prepare("select count(*) as n from sqlite_master where name = 'password_credential'")
      .get()
    left.exec('drop table federated_credential')
    left.close()
    assert.equal(made?.['n'], 0)
    await (await openDatabase(folder)).destroy()
  })
})
