// People of an earlier release: found by what they could not be found by then, and part of the first delta query.
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

describe('people of an earlier release', () => {
  it('get folded copies of their properties and a place in the order of changes, however many they are', async (t) => {
    const folder = join(await temporaryFolder(), 'earlier')
    t.after(() => rm(folder, { recursive: true, force: true }))
    await mkdir(folder, { recursive: true })
    const earlier = new Kysely<Schema>({ dialect: sqliteDialect(openSqlite(join(folder, 'platform.db'))) })
    const migrator = new Migrator({ db: earlier, provider: { getMigrations: async () => MIGRATIONS } })
    assert.equal((await migrator.migrateTo('0001-first')).error, undefined)
    await sql`insert into tenant values ('t', 'Tenant', 1)`.execute(earlier)
    await sql`
      with recursive number(n) as (select 1 union all select n + 1 from number where n < 2500)
      insert into "user" (id, tenant_id, account_enabled, display_name, user_principal_name, user_principal_name_key,
        mail_nickname, business_phones, must_change_password, created_at_ms, surname)
      select 'id' || n, 't', 1, 'Åsa ' || n, 'U' || n, 'u' || n, 'U' || n,
        case when n % 2 = 0 then '["+46 A"]' else '[]' end, 0, n, case when n % 2 = 0 then 'ÖBERG' end
      from number`.execute(earlier)
    await earlier.destroy()

    const db = await openDatabase(folder)
    t.after(() => db.destroy())
    const rows = await db
      .selectFrom('user')
      .select(['display_name_key', 'surname_key', 'mail_key', 'business_phones_key', 'change'])
      .orderBy('seq')
      .execute()
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      Array.from({ length: 2500 }, (_, index) => ({
        display_name_key: `åsa ${index + 1}`,
        surname_key: index % 2 === 1 ? 'öberg' : null,
        mail_key: null,
        business_phones_key: index % 2 === 1 ? '\u001f+46 a\u001f' : '\u001f',
        change: index + 1,
      })),
    )
    const counters = await db.selectFrom('change_counter').selectAll().execute()
    assert.deepEqual(
      counters.map((row) => ({ ...row })),
      [{ tenant_id: 't', value: 2500 }],
    )
  })
})
