import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { temporaryFolder } from '../test-support.ts'
import { type Database, openDatabase } from './database.ts'
import { keptQuery } from './kept-query.ts'

describe('a kept query', () => {
  let folder: string
  let db: Database
  let built = 0
  const named = keptQuery(['name', 'value'], (from, { name, value }) => {
    built++
    return from
      .selectFrom('setting')
      .select('setting.value')
      .where((is) => is.or([is('name', '=', name), is('value', '=', value)]))
      .where('value', '<>', 'hidden')
      .orderBy('name')
  })
  before(async () => {
    folder = await temporaryFolder()
    db = await openDatabase(folder)
    const rows = ['one', 'two', 'three'].map((name) => ({ name, value: `the ${name}` }))
    await db.insertInto('setting').values(rows).execute()
  })
  after(async () => {
    await db.destroy()
    await rm(folder, { recursive: true, force: true })
  })

  it('is built once, and finds what each use of it asks for, at the same time too', async () => {
    built = 0
    const found = await Promise.all([
      named(db, { name: 'one', value: 'the two' }),
      named(db, { name: 'three', value: null }),
      named(db, { name: 'nobody', value: null }),
    ])
    assert.deepEqual(
      found.map((rows) => rows.map(({ value }) => value)),
      [['the one', 'the two'], ['the three'], []],
    )
    assert.equal(built, 1)
  })

  it('is another one for a database that changes what is asked', async () => {
    built = 0
    let asked = 0
    const changed = db.withPlugin({
      transformQuery: ({ node }) => {
        asked++
        return node
      },
      transformResult: async ({ result }) => result,
    })
    const [row] = await named(changed, { name: 'one', value: null })
    assert.equal(row?.value, 'the one')
    assert.equal(built, 1)
    assert.ok(asked > 0)
  })

  it('finds what is committed alone, as it waits for the end of a transaction', async () => {
    const added = (value: string) => named(db, { name: 'added', value }).then((rows) => rows.length)
    const undone = new Error('undone')
    let [whileOpen, afterwards] = [added('-'), added('-')]
    await assert.rejects(
      db.transaction().execute(async (transaction) => {
        await transaction.insertInto('setting').values({ name: 'added', value: 'for a moment' }).execute()
        whileOpen = added('-')
        throw undone
      }),
      undone,
    )
    assert.equal(await whileOpen, 0)
    await db.transaction().execute(async (transaction) => {
      await transaction.insertInto('setting').values({ name: 'added', value: 'for good' }).execute()
      afterwards = added('-')
    })
    assert.equal(await afterwards, 1)
  })
})
