import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { rm } from 'node:fs/promises'
import { temporaryFolder } from '../test-support.ts'
import { type Database, openDatabase } from './database.ts'
import { ReadCache } from './read-cache.ts'
import { mayConcernTokens } from './token-tables.ts'

/** A query that ends when the test says so. */
function pending<T>() {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  let asked = 0
  const query = () => {
    asked++
    return promise
  }
  return { query, resolve, reject, asked: () => asked }
}

describe('ReadCache', () => {
  let folder: string
  let db: Database
  let drop = () => {}
  before(async () => {
    folder = await temporaryFolder()
    db = await openDatabase(folder, () => drop())
  })
  after(async () => {
    await db.destroy()
    await rm(folder, { recursive: true, force: true })
  })

  it('asks once for what is read often, and once for all who ask at the same time', async () => {
    const cache = new ReadCache(db)
    const { query, resolve, asked } = pending<string>()
    const both = [cache.read('key', query), cache.read('key', query)]
    resolve('found')
    assert.deepEqual(await Promise.all(both), ['found', 'found'])
    assert.equal(await cache.read('key', query), 'found')
    assert.deepEqual([asked(), cache.size], [1, 1])
  })

  it('keeps nothing of a read that fails', async () => {
    const cache = new ReadCache(db)
    const { query, reject } = pending<string>()
    const failed = cache.read('key', query)
    reject(new Error('refused'))
    await assert.rejects(failed, /refused/)
    assert.equal(cache.size, 0)
    assert.equal(await cache.read('key', async () => 'found'), 'found')
  })

  it('answers a read that was under way at a change, and does not keep it', async () => {
    const cache = new ReadCache(db)
    const { query, resolve } = pending<string>()
    const early = cache.read('key', query)
    cache.drop()
    const late = cache.read('key', async () => 'after')
    resolve('before')
    assert.deepEqual([await early, await late], ['before', 'after'])
    assert.equal(await cache.read('key', async () => 'asked again'), 'after')
  })

  it('keeps what was read after a change although a read before it fails', async () => {
    const cache = new ReadCache(db)
    const { query, reject } = pending<string>()
    const early = cache.read('key', query)
    cache.drop()
    await cache.read('key', async () => 'after')
    reject(new Error('refused'))
    await assert.rejects(early, /refused/)
    assert.equal(await cache.read('key', async () => 'asked again'), 'after')
  })

  it('neither keeps nor uses anything while it is not trusted', async () => {
    let trusted = true
    const cache = new ReadCache(db, { isTrusted: () => trusted })
    await cache.read('key', async () => 'kept')
    trusted = false
    assert.equal(await cache.read('key', async () => 'fresh'), 'fresh')
    await cache.read('other', async () => 'fresh')
    assert.equal(cache.size, 1)
    trusted = true
    assert.equal(await cache.read('other', async () => 'asked again'), 'asked again')
  })

  it('holds so many reads and no more, and those longest that are asked for again and again', async () => {
    const cache = new ReadCache(db, { entriesMax: 4 })
    const asked: string[] = []
    const read = (key: string) => cache.read(key, async () => void asked.push(key))
    for (const key of ['shared', 'a', 'shared', 'b', 'shared', 'c', 'shared', 'd', 'shared', 'e']) {
      await read(key)
      assert.ok(cache.size <= 4)
    }
    assert.deepEqual(asked, ['shared', 'a', 'b', 'c', 'd', 'e'])
    await read('a')
    assert.equal(asked.at(-1), 'a')
  })

  it('is dropped by each write before that is acknowledged, by a transaction when it ends, and not by people', async () => {
    const told: string[] = []
    drop = () => told.push('dropped')
    const setting = (name: string) => ({ name, value: 'x' })
    await db.insertInto('setting').values(setting('one')).execute()
    assert.equal(told.length, 1)
    await db.transaction().execute(async (transaction) => {
      await transaction.insertInto('setting').values(setting('two')).execute()
      await transaction.deleteFrom('setting').where('name', '=', 'one').execute()
      assert.equal(told.length, 1)
    })
    assert.equal(told.length, 2)
    await db.selectFrom('setting').selectAll().execute()
    await db.deleteFrom('user').execute()
    assert.equal(told.length, 2)
    await assert.rejects(db.insertInto('setting').values(setting('two')).execute())
    assert.equal(told.length, 3, 'a write that failed may have been done')
  })
})

for (const [sql, concerns] of [
  ['select "a" from "application"', false],
  ['insert into "user" ("id") values (?)', false],
  ['update "user" set "mail" = ?', false],
  ['delete from "application" where "id" = ?', true],
  ['insert into "no_such_table" values (1)', true],
  ['with "x" as (select 1) delete from "user"', true],
  ['drop table "user"', true],
] as const) {
  it(`${concerns ? 'drops' : 'keeps'} what was read at: ${sql}`, () => {
    assert.equal(mayConcernTokens(sql), concerns)
  })
}
