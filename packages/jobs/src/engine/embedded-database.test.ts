import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openSqlite } from '../sqlite.ts'
import { temporaryFolder } from '../test-support.ts'
import { EmbeddedDatabase } from './embedded-database.ts'

async function openDatabase(t: TestContext): Promise<EmbeddedDatabase> {
  const file = join(await temporaryFolder(t), 'jobs.db')
  const sqlite = openSqlite(file)
  t.after(() => sqlite.close())
  sqlite.exec('create table line (text text not null)')
  return new EmbeddedDatabase(sqlite, file)
}

const lines = (db: EmbeddedDatabase) =>
  db.all<{ text: string }>('select text from line order by rowid').map(({ text }) => text)

describe('EmbeddedDatabase.commit', () => {
  it('does the work of one turn of the event loop in one transaction, in its order', async (t) => {
    const db = await openDatabase(t)
    const write = (text: string) =>
      db.commit(() => {
        db.change('insert into line values (?)', text)
        return lines(db)
      })
    const seen = [write('first'), write('second')]
    assert.deepEqual(lines(db), [], 'nothing is done before the turn ends')
    assert.deepEqual(await Promise.all(seen), [['first'], ['first', 'second']])
  })

  it('undoes the work that throws, and keeps what shares its commit', async (t) => {
    const db = await openDatabase(t)
    const kept = db.commit(() => db.change('insert into line values (?)', 'kept'))
    const thrown = db.commit(() => {
      db.change('insert into line values (?)', 'undone')
      throw new Error('changed its mind')
    })
    const after = db.commit(() => db.change('insert into line values (?)', 'kept, too'))
    const [first, second, third] = await Promise.allSettled([kept, thrown, after])
    assert.deepEqual([first.status, second.status, third.status], ['fulfilled', 'rejected', 'fulfilled'])
    assert.match(String(second.status === 'rejected' && second.reason), /changed its mind/)
    assert.deepEqual(lines(db), ['kept', 'kept, too'])
  })

  it('commits at once what waits when it is told to', async (t) => {
    const db = await openDatabase(t)
    const written = db.commit(() => db.change('insert into line values (?)', 'in time'))
    db.flush()
    assert.deepEqual(lines(db), ['in time'])
    assert.equal(await written, 1)
  })
})
