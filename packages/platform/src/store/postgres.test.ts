// What is PostgreSQL's alone: starts that cannot be, replicas that start at once, connections that are lost.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { Client } from 'pg'
import { makeSealingKey } from '../discovery/sealing.ts'
import { startPlatform } from '../platform.ts'
import { assertGraphError, assertRefused, temporaryFolder, World } from '../test-support.ts'
import { type OwnDatabase, ownDatabase, statement } from './postgres-test-support.ts'
import { readAddress } from './postgres-errors.ts'
import { LOCKS } from './postgres-triggers.ts'
import { openStore, type Store } from './store.ts'

const server = process.env['DATABASE_URL'] ?? ''
const noPostgres = server === '' && 'no PostgreSQL: run by `npm test`, or set DATABASE_URL'

let home: string
let folders = 0
const folder = () => join(home, `data-${++folders}`)
before(async () => {
  home = await temporaryFolder()
})
after(() => rm(home, { recursive: true, force: true }))

const place = (url: string) => new URL(url).host

describe('the address of a PostgreSQL', () => {
  for (const [address, found] of [
    ['', 'no URL'],
    ['host=db password=hunter2', 'no URL'],
    ['mysql://tomte:hunter2@db/name', 'mysql:'],
    ['postgres://tomte:hunter2@db', 'postgres: without host or name of a database'],
    ['postgres:///name?password=hunter2', 'postgres: without host or name of a database'],
  ] as const) {
    it(`is refused as '${address}', and not repeated`, () => {
      assert.throws(() => readAddress(address), {
        name: 'PlatformError',
        code: 'database_address_invalid',
        message: `Cannot keep the platform's data in PostgreSQL, as an address like postgres://user:password@host/name is needed: found ${found}`,
        hint: 'Check the address given with --database',
      })
    })
  }

  it('is refused before anything is written where nothing listens', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    other.close()
    const dataFolder = folder()
    const start = startPlatform({
      dataFolder,
      port: 0,
      database: `postgres://tomte:hunter2@127.0.0.1:${port}/name`,
    })
    await assert.rejects(start, {
      name: 'PlatformError',
      code: 'database_unreachable',
      message: `Cannot open the database at 127.0.0.1:${port}/name, as its server must answer: connect ECONNREFUSED 127.0.0.1:${port}`,
      hint: 'Start the server, or check host, port and network of the address given with --database',
    })
    assert.deepEqual(await readdir(dataFolder), [])
  })
})

describe('a platform on PostgreSQL', { skip: noPostgres }, () => {
  let own: OwnDatabase
  before(async () => {
    own = await ownDatabase(server)
  })
  after(() => own.remove())

  const changed = (change: (url: URL) => void) => {
    const url = new URL(own.url)
    change(url)
    return url.href
  }
  const failing = async (database: string, facts: { readonly code: string; readonly message: string }) => {
    await assert.rejects(openStore({ dataFolder: folder(), database }), { name: 'PlatformError', ...facts })
  }

  it('says that a password is wrong, without saying which', () =>
    failing(
      changed((url) => (url.password = 'hunter2')),
      {
        code: 'database_login_refused',
        message: `Cannot open the database at ${place(own.url)}/${own.name}, as its server must let the user in: password authentication failed for user "tomte"`,
      },
    ))

  it('says that a database does not exist', () =>
    failing(
      changed((url) => (url.pathname = '/no_such')),
      {
        code: 'database_missing',
        message: `Cannot open the database at ${place(own.url)}/no_such, as it must exist: database "no_such" does not exist`,
      },
    ))

  it('says that a database holds texts in another encoding', async () => {
    const ascii = await ownDatabase(server, "template template0 encoding 'SQL_ASCII' locale 'C'")
    await failing(ascii.url, {
      code: 'database_encoding',
      message:
        "Cannot keep the platform's data in this PostgreSQL, as its encoding must be UTF8: found the encoding SQL_ASCII",
    })
    await ascii.remove()
  })

  it('says that its user may make no tables', async () => {
    const role = `poor_${own.name}`
    await statement(own.url, `create role ${role} login password 'x'`)
    await statement(own.url, 'revoke create on schema public from public')
    await failing(
      changed((url) => Object.assign(url, { username: role, password: 'x' })),
      {
        code: 'database_rights_missing',
        message: `Cannot open the database at ${place(own.url)}/${own.name}, as its user must own the tables of the platform, or be allowed to create them: permission denied for schema public`,
      },
    )
    await statement(own.url, `drop role ${role}`)
  })
})

describe('replicas of a platform', { skip: noPostgres }, () => {
  let own: OwnDatabase
  let first: World
  before(async () => {
    own = await ownDatabase(server)
  })
  after(async () => {
    await first.stop()
    await own.remove()
  })

  it('may start at once on a new database, and make one tenant, one key and one operator', async () => {
    const shared = folder()
    const worlds = await Promise.all(
      Array.from({ length: 4 }, () => World.start(shared, { database: own.url })),
    )
    first = worlds[0] ?? assert.fail('none')
    assert.equal(new Set(worlds.map(({ platform }) => platform.operator.clientId)).size, 1)
    for (const table of ['tenant', 'signing_key', 'domain']) {
      const [row] = await statement(own.url, `select count(*)::int as count from ${table}`)
      assert.deepEqual([table, row?.['count']], [table, 1])
    }
    const app = await worlds[1]?.operator()
    assert.ok(app)
    const token = await first.token(app)
    for (const world of worlds)
      assert.equal((await world.graph('GET', '/organization', undefined, token)).status, 200)
    await Promise.all(worlds.slice(1).map((world) => world.stop()))
  })

  it('are refused without the keys of the database, before they make keys of their own', async () => {
    const dataFolder = folder()
    await assert.rejects(startPlatform({ dataFolder, port: 0, database: own.url }), {
      name: 'PlatformError',
      code: 'replica_keys_missing',
      message: `Cannot join the other replicas of this database, as their keys are needed in ${join(dataFolder, 'keys')}: the file 'signing-key-encryption.key' is missing`,
      hint: 'Copy the folder keys of a replica that runs: all replicas of one database have the same keys',
    })
    assert.deepEqual(await readdir(dataFolder), [])
  })

  it('are refused with another sealing key', async () => {
    const dataFolder = folder()
    await mkdir(dataFolder)
    await cp(join(first.folder, 'keys'), join(dataFolder, 'keys'), { recursive: true })
    await writeFile(join(dataFolder, 'keys', 'signing-key-encryption.key'), makeSealingKey())
    await assert.rejects(startPlatform({ dataFolder, port: 0, database: own.url }), {
      name: 'PlatformError',
      code: 'signing_key_sealed',
      hint: 'Copy the folder keys of a replica that runs: all replicas of one database have the same keys',
    })
  })

  it('join with a copy of the keys, and sign with a key that another has made', async () => {
    const dataFolder = folder()
    await mkdir(dataFolder)
    await cp(join(first.folder, 'keys'), join(dataFolder, 'keys'), { recursive: true })
    const second = await World.start(dataFolder, { database: own.url })
    const kid = await first.platform.rotateSigningKey()
    const kids = async () => {
      const { keys } = (await second.send(`/${second.tenantId}/discovery/v2.0/keys`)).body
      return (keys as { readonly kid: string }[]).map((key) => key.kid)
    }
    while (!(await kids()).includes(kid));
    await second.stop()
  })

  it('answer 503 while a statement takes too long, and go on afterwards', async () => {
    const url = new URL(own.url)
    url.searchParams.set('statement_timeout', '200')
    const late = await World.start(first.folder, { database: url.href })
    const blocking = new Client({ connectionString: own.url })
    await blocking.connect()
    assert.equal((await late.graph('GET', '/users')).status, 200)
    await blocking.query('begin; lock table "user", application, tenant in access exclusive mode')
    const refused = await late.graph('GET', '/users')
    assertGraphError(
      refused,
      503,
      'ServiceNotAvailable',
      'The database of the platform did not answer in time.',
    )
    const form = { ...late.form(await late.operator()), client_id: crypto.randomUUID() }
    assertRefused(late, await late.postForm(form), 90033, 'A transient error has occurred. Please try again.')
    assert.equal((await late.postForm(late.form(await late.operator()))).status, 200, 'from memory')
    await blocking.query('rollback')
    await blocking.end()
    assert.equal((await late.graph('GET', '/users')).status, 200)
    await late.stop()
  })

  it('read while writes wait for another replica, and then do all of them', async (t) => {
    const store = await openForTest(t, own.url)
    const holder = await holdTransactions(t, own.url)
    const written: number[] = []
    const writes = Array.from({ length: 40 }, (_, index) =>
      store.db.transaction().execute(async (begun) => {
        await begun
          .insertInto('setting')
          .values({ name: `turn ${index}`, value: '' })
          .execute()
        written.push(index)
      }),
    )
    await holder.waiting(2)
    const reads = await Promise.all(
      Array.from({ length: 20 }, () => store.db.selectFrom('tenant').select('id').execute()),
    )
    assert.equal(reads.length, 20)
    assert.deepEqual(written, [])
    await holder.release()
    await Promise.all(writes)
    assert.equal(new Set(written).size, 40)
  })

  it('answer 503 for a write before which too many wait', async (t) => {
    const store = await openForTest(t, own.url)
    const holder = await holdTransactions(t, own.url)
    const write = () =>
      store.db.transaction().execute((begun) => begun.selectFrom('tenant').select('id').execute())
    const waiting = Array.from({ length: 1_002 }, write)
    await holder.waiting(2)
    await assert.rejects(write(), {
      name: 'StoreUnavailable',
      statusCode: 503,
      message: 'The database of the platform has no room for this request.',
    })
    await holder.release()
    assert.equal((await Promise.all(waiting)).length, 1_002)
  })

  it('go on with a connection on which a write has waited for another replica in vain', async (t) => {
    const url = new URL(own.url)
    url.searchParams.set('statement_timeout', '500')
    const store = await openForTest(t, url.href)
    const holder = await holdTransactions(t, own.url)
    const write = () =>
      store.db.transaction().execute((begun) => begun.selectFrom('tenant').select('id').execute())
    await assert.rejects(write(), {
      name: 'StoreUnavailable',
      message: 'The database of the platform did not answer in time.',
    })
    assert.equal((await store.db.selectFrom('tenant').select('id').execute()).length, 1)
    await holder.release()
    assert.equal((await write()).length, 1)
  })

  it('answer 200 or 503 while connections are lost, and 200 afterwards', async () => {
    const asked = Array.from({ length: 40 }, () => first.graph('GET', '/users'))
    const ends = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
    await statement(own.url, ends)
    const statuses = new Set((await Promise.all(asked)).map(({ status }) => status))
    assert.deepEqual(
      [...statuses].filter((status) => status !== 200 && status !== 503),
      [],
    )
    while ((await first.graph('GET', '/users')).status === 503);
    assert.equal((await first.graph('GET', '/users')).status, 200)
  })
})

async function openForTest(t: TestContext, database: string): Promise<Store> {
  const store = await openStore({ dataFolder: folder(), database })
  t.after(() => store.close())
  return store
}

/** Keeps every transaction waiting, as another replica would whose transaction does not end. */
async function holdTransactions(t: TestContext, url: string) {
  const holder = new Client({ connectionString: url })
  await holder.connect()
  await holder.query('begin')
  await holder.query('select pg_advisory_xact_lock($1, $2)', [LOCKS.family, LOCKS.transaction])
  t.after(() => holder.end())
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and not granted and database =
    (select oid from pg_database where datname = current_database())`
  return {
    /** Returns when this many connections wait. */
    waiting: async (connections: number) => {
      while ((await holder.query(waiting)).rows.length < connections);
    },
    release: () => holder.query('rollback'),
  }
}

describe('what is kept in memory of a PostgreSQL', { skip: noPostgres }, () => {
  it('is emptied and unused while nothing is heard of changes, and used again when it is', async () => {
    const own = await ownDatabase(server)
    const [one, other] = [
      await openStore({ dataFolder: folder(), database: own.url }),
      await openStore({ dataFolder: folder(), database: own.url }),
    ]
    let asked = 0
    const read = () =>
      one.cache.read('settings', async (db) => {
        asked++
        return (await db.selectFrom('setting').select('name').execute()).map(({ name }) => name)
      })
    // Each has a connection that it keeps.
    await other.db.selectFrom('setting').select('name').execute()
    await read()
    assert.deepEqual(await read(), [])
    assert.equal(asked, 1, 'kept')

    // Nobody gets in any more, and who listens is thrown out; other connections go on.
    await statement(server, `alter database ${own.name} allow_connections false`)
    await statement(
      server,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and query in ('select 1', 'listen tomte_change')`,
      [own.name],
    )
    while (one.cache.size > 0) await read()
    await other.db.insertInto('setting').values({ name: 'changed', value: 'x' }).execute()
    const before = asked
    assert.deepEqual(await read(), ['changed'])
    assert.deepEqual(await read(), ['changed'])
    assert.deepEqual([asked - before, one.cache.size], [2, 0], 'unused')

    await statement(server, `alter database ${own.name} allow_connections true`)
    while (one.cache.size === 0) await read()
    const back = asked
    await read()
    assert.equal(asked, back, 'used again')
    await other.db.insertInto('setting').values({ name: 'changed again', value: 'x' }).execute()
    while ((await read()).length === 1);
    await Promise.all([one.close(), other.close()])
    await own.remove()
  })
})
