import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { Client, Pool } from 'pg'
import { systemClock } from '../clock.ts'
import { storeRules } from './conformance.ts'
import { postgresStore } from './postgres-store.ts'

const url = process.env['DATABASE_URL'] ?? ''
const skip = url === '' && 'no PostgreSQL: run by `npm test`, or set DATABASE_URL'
const signal = new AbortController().signal
const pass = (ms: number) => systemClock.sleep(ms)
const NAME = 'a'.repeat(43)

/** A database of its own for one test, or for several that do not meet. */
async function database(t: Pick<TestContext, 'after'>): Promise<string> {
  const name = `tomte_${crypto.randomUUID().replaceAll('-', '')}`
  await statement(url, `create database ${name}`)
  t.after(() => statement(url, `drop database ${name} with (force)`))
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}

async function statement(connectionString: string, text: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

function opened(t: TestContext, connectionString: string, random = () => 1) {
  const make = () => {
    const store = postgresStore({ connectionString, random })
    t.after(() => store.close())
    return store
  }
  return { store: make(), other: make() }
}

describe('postgresStore', { skip }, () => {
  it('does what every store has to do', async (t) => {
    const connectionString = await database(t)
    await Promise.all(
      storeRules.map(({ name, holds }) =>
        t.test(name, async (inner) => holds({ ...opened(inner, connectionString), pass })),
      ),
    )
  })

  it('makes its table once, however many processes begin at the same moment', async (t) => {
    const connectionString = await database(t)
    const stores = Array.from({ length: 10 }, () => opened(t, connectionString).store)
    const leases = await Promise.all(
      stores.map((store, n) => store.lease(NAME, `holder-${n}`, 60_000, signal)),
    )
    assert.deepEqual(leases.filter(Boolean), [true])
  })

  it('works by a pool of the application, and leaves it open', async (t) => {
    const pool = new Pool({ connectionString: await database(t), max: 1 })
    // A pool has ended before its connections have, which the end of the database may cut.
    pool.on('error', () => {})
    const store = postgresStore({ pool })
    await store.put(NAME, Buffer.from('value'), 60_000, signal)
    await store.close()
    const { rows } = await pool.query('select name from tomte_token_store')
    await pool.end()
    assert.equal(rows.length, 1)
  })

  it('deletes what is over when chance says so, and neither what lives nor what is leased', async (t) => {
    const connectionString = await database(t)
    let chance = 1
    const { store } = opened(t, connectionString, () => chance)
    await store.put('over', Buffer.from('value'), 0.001, signal)
    await store.put('living', Buffer.from('value'), 60_000, signal)
    await store.put('leased', Buffer.from('value'), 0.001, signal)
    await store.lease('leased', 'one', 60_000, signal)
    await store.lease('released', 'one', 60_000, signal)
    await store.release('released', 'one', signal)
    const names = async () =>
      (await statement(connectionString, 'select name from tomte_token_store order by name')).map(
        (row) => (row as { readonly name: string }).name,
      )
    assert.deepEqual(await names(), ['leased', 'living', 'over', 'released'])
    chance = 0.005
    await store.put('last', Buffer.from('value'), 60_000, signal)
    assert.deepEqual(await names(), ['last', 'leased', 'living'])
  })

  it('needs no right to make tables where there is one, and says which it lacks where there is none', async (t) => {
    const connectionString = await database(t)
    const role = `daemon_${crypto.randomUUID().replaceAll('-', '')}`
    const password = crypto.randomUUID()
    await statement(connectionString, `create role ${role} login password '${password}'`)
    // After the database, and what was granted in it, is gone.
    t.after(() => statement(url, `drop role ${role}`))
    await statement(connectionString, `revoke create on schema public from public`)
    const own = new URL(connectionString)
    Object.assign(own, { username: role, password })
    const { store } = opened(t, own.href)
    await assert.rejects(store.get(NAME, signal), { code: '42501' })
    await opened(t, connectionString).store.get(NAME, signal)
    await statement(connectionString, `grant select, insert, update, delete on tomte_token_store to ${role}`)
    await store.put(NAME, Buffer.from('value'), 60_000, signal)
    assert.equal((await store.get(NAME, signal))?.value.length, 5)
    await store.close()
  })

  it('goes on after the server has ended its connections', async (t) => {
    const connectionString = await database(t)
    const { store } = opened(t, connectionString)
    await store.put(NAME, Buffer.from('value'), 60_000, signal)
    await statement(
      connectionString,
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await store.get(NAME, signal).catch(() => {})
    assert.equal((await store.get(NAME, signal))?.value.length, 5)
  })
})

describe('postgresStore where there is no PostgreSQL', () => {
  it('fails when nothing listens', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    const store = postgresStore({ connectionString: `postgres://daemon@127.0.0.1:${port}/tokens` })
    await assert.rejects(store.get(NAME, signal), { code: 'ECONNREFUSED' })
    await store.close()
  })

  for (const [address, found] of [
    ['', 'no URL'],
    ['host=db password=secret', 'no URL'],
    ['mysql://daemon:secret@db', 'mysql:'],
  ] as const) {
    it(`is not made with the address '${address}', and does not repeat it`, () => {
      assert.throws(() => postgresStore({ connectionString: address }), {
        name: 'ConfigurationError',
        code: 'store_address_invalid',
        message: `Cannot share tokens by PostgreSQL, as an address that begins with postgres:// is needed: found ${found}`,
      })
    })
  }
})
