import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { temporaryFolder } from '../test-support.ts'
import { type OwnDatabase, ownDatabase } from './postgres-test-support.ts'
import { prune, requireRetention } from './pruning.ts'
import { openStore, type Store } from './store.ts'

const server = process.env['DATABASE_URL'] ?? ''
const noPostgres = server === '' && 'no PostgreSQL: run by `npm test`, or set DATABASE_URL'
const DAY_MS = 24 * 60 * 60 * 1000
const NOW_MS = Date.UTC(2026, 8, 21)

const STORES: readonly (readonly [name: string, skip: string | false, own?: () => Promise<OwnDatabase>])[] = [
  ['SQLite', false],
  ['PostgreSQL', noPostgres, () => ownDatabase(server)],
]

describe('the retention of the audit', () => {
  it('is a whole number of days from 1 to 3650', () => {
    for (const days of [1, 30, 3650, undefined]) requireRetention(days)
    for (const days of [0, -1, 1.5, 3651, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => requireRetention(days), {
        name: 'PlatformError',
        code: 'audit_retention_invalid',
        message: `Cannot keep the audit for this long, as a whole number of days from 1 to 3650 is needed: found ${days}`,
      })
  })
})

for (const [name, skip, own] of STORES) {
  describe(`what goes by itself on ${name}`, { skip }, () => {
    let folder: string
    let database: OwnDatabase | undefined
    let store: Store
    beforeEach(async () => {
      folder = await temporaryFolder()
      database = await own?.()
      store = await openStore({ dataFolder: folder, database: database?.url })
    })
    afterEach(async () => {
      await store.close()
      await database?.remove()
      await rm(folder, { recursive: true, force: true })
    })

    const pruneAt = (nowMs: number, auditRetentionDays = 30) =>
      prune({ db: store.db, now: () => nowMs, auditRetentionDays })
    const audits = async (times: readonly number[]) => {
      const texts = { activity: '', category: '', operation: '', initiated_by: '{}', target: '{}' }
      const rows = times.map((at_ms) => ({ id: randomUUID(), tenant_id: 't', at_ms, ...texts }))
      await store.db
        .insertInto('directory_audit')
        .values(rows.map((row) => ({ ...row, correlation_id: '', target_id: null })))
        .execute()
    }
    const left = async () => {
      const rows = await store.db.selectFrom('directory_audit').select('at_ms').orderBy('at_ms').execute()
      return rows.map(({ at_ms }) => at_ms)
    }

    it('is what was audited longer ago than stated, however much it is, and nothing else', async () => {
      const cutMs = NOW_MS - 30 * DAY_MS
      await audits([...Array.from({ length: 1_203 }, () => cutMs - 1), cutMs, NOW_MS])
      await pruneAt(NOW_MS)
      assert.deepEqual(await left(), [cutMs, NOW_MS])
      await pruneAt(NOW_MS, 7)
      assert.deepEqual(await left(), [NOW_MS])
      await pruneAt(NOW_MS + 7 * DAY_MS + 1, 7)
      assert.deepEqual(await left(), [])
    })

    it('is a sign-in of more than 30 days ago', async () => {
      const texts = { tenant_id: 't', event: '', ip_address: '', correlation_id: '', credential_kind: '' }
      const nothing = { app_id: null, service_principal_id: null, resource_app_id: null }
      for (const at_ms of [NOW_MS - 30 * DAY_MS - 1, NOW_MS - 30 * DAY_MS])
        await store.db
          .insertInto('sign_in')
          .values({
            ...texts,
            ...nothing,
            id: randomUUID(),
            at_ms,
            error_code: 0,
            credential_key_id: null,
            conditional_access: '',
            applied_policies: null,
          })
          .execute()
      await pruneAt(NOW_MS, 3650)
      const rows = await store.db.selectFrom('sign_in').select('at_ms').execute()
      assert.deepEqual(
        rows.map(({ at_ms }) => at_ms),
        [NOW_MS - 30 * DAY_MS],
      )
    })

    it('is a used assertion, a session and wrong passwords once their time is over', async () => {
      const { db } = store
      for (const [digest, expires_at_ms] of [
        ['over', NOW_MS - 1],
        ['not over', NOW_MS],
      ] as const) {
        await db.insertInto('used_assertion').values({ digest, expires_at_ms }).execute()
        await db
          .insertInto('portal_session')
          .values({ digest, user_id: null, ends_at_ms: expires_at_ms })
          .execute()
        await db
          .insertInto('portal_attempt')
          .values({
            name_digest: digest,
            failed_at_ms: '[]',
            failures: 1,
            locked_until_ms: 0,
            last_at_ms: expires_at_ms - DAY_MS,
          })
          .execute()
      }
      await pruneAt(NOW_MS)
      assert.deepEqual(
        [
          (await db.selectFrom('used_assertion').select('digest').execute()).map((row) => row.digest),
          (await db.selectFrom('portal_session').select('digest').execute()).map((row) => row.digest),
          (await db.selectFrom('portal_attempt').select('name_digest').execute()).map(
            (row) => row.name_digest,
          ),
        ],
        [['not over'], ['not over'], ['not over']],
      )
    })
  })
}
