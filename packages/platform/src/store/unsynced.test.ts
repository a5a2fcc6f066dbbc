import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { temporaryFolder } from '../test-support.ts'
import { type Database, openDatabase } from './database.ts'
import { unsynced } from './unsynced.ts'

const NORMAL = 1
const FULL = 2

describe('a transaction that does not wait for the disk', () => {
  let folder: string
  let db: Database
  before(async () => {
    folder = await temporaryFolder()
    db = await openDatabase(folder)
  })
  after(async () => {
    await db.destroy()
    await rm(folder, { recursive: true, force: true })
  })

  const syncing = async (on: Database) => {
    const { rows } = await sql<{ synchronous: number }>`select synchronous from pragma_synchronous`.execute(
      on,
    )
    return rows[0]?.synchronous
  }
  const put = (on: Database, name: string) => on.insertInto('setting').values({ name, value: '' }).execute()
  const names = async () => (await db.selectFrom('setting').select('name').execute()).map(({ name }) => name)

  it('is written, and those after it are synced again', async () => {
    const within = await unsynced(db, async (transaction) => {
      await put(transaction, 'one')
      return syncing(transaction)
    })
    assert.deepEqual([within, await syncing(db)], [NORMAL, FULL])
    assert.deepEqual(await names(), ['one'])
  })

  it('that fails is undone, and those after it are synced again', async () => {
    const failing = unsynced(db, async (transaction) => {
      await put(transaction, 'two')
      throw new RangeError('no')
    })
    await assert.rejects(failing, new RangeError('no'))
    assert.equal(await syncing(db), FULL)
    assert.deepEqual(await names(), ['one'])
  })

  it('lets nobody else write meanwhile', async () => {
    const seen: (number | undefined)[] = []
    await Promise.all([
      unsynced(db, async (transaction) => {
        await put(transaction, 'three')
        await new Promise((resolve) => setImmediate(resolve))
        seen.push(await syncing(transaction))
      }),
      syncing(db).then((mode) => seen.push(mode)),
    ])
    assert.deepEqual(seen, [NORMAL, FULL])
  })
})
