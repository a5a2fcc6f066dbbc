// What a fleet promises beyond what every engine does: several processes on one database, and a database that goes away.
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { TestClock } from '../../test-support.ts'
import { type ClaimedRun, NO_TRAFFIC } from '../engine.ts'
import { FleetEngine, type FleetOptions } from '../fleet.ts'
import { emptyDatabase, type OwnDatabase, ownDatabase, statement } from '../postgres-test-support.ts'
import {
  claim,
  claimedRun,
  claimOne,
  finish,
  lease,
  newRun,
  queued,
  recordOf,
} from '../promise-test-support.ts'

const server = process.env['DATABASE_URL'] ?? ''
const OPEN = { finished: false, value: 1 } as const

describe('engines of a fleet', { skip: server === '' && 'DATABASE_URL names no PostgreSQL' }, () => {
  let database: OwnDatabase
  before(async () => {
    database = await ownDatabase(server)
    await (await FleetEngine.open(database.url)).close()
  })
  after(() => database.remove())

  /** Engines on one empty store, as two processes have them. */
  async function open(t: TestContext, count: number, options: FleetOptions = {}): Promise<FleetEngine[]> {
    await emptyDatabase(database.url)
    const engines = await Promise.all(
      Array.from({ length: count }, (_, n) =>
        FleetEngine.open(database.url, { worker: `worker ${n}`, ...options }),
      ),
    )
    t.after(() => Promise.all(engines.map((engine) => engine.close())))
    return engines
  }

  const cutConnections = () =>
    statement(
      database.url,
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )

  it('claim each run once between them', async (t) => {
    const engines = await open(t, 2)
    const runs = Array.from({ length: 200 }, (_, n) => newRun({ key: `k${n}`, tenant: `t${n % 7}` }))
    await engines[0]?.enqueue(runs)
    const claimed = await Promise.all(
      engines.flatMap((engine) => Array.from({ length: 20 }, () => claim(engine, 10))),
    )
    assert.equal(new Set(claimed.flat().map(({ id }) => id)).size, 200)
    assert.equal(claimed.flat().length, 200)
  })

  it('take over what a silent one had, and let it write nothing more', async (t) => {
    const clock = new TestClock()
    const [silent, other] = (await open(t, 2, { clock })) as [FleetEngine, FleetEngine]
    const first = await claimedRun(silent)
    clock.advance(silent.leaseMs + 1)
    assert.equal((await other.recover()).length, 1)
    assert.deepEqual(await silent.recover(), [])
    const second = await claimOne(other)
    const save = silent.checkpoints.saveStep(lease(first), 'one', OPEN, {}, NO_TRAFFIC)
    await assert.rejects(save, { name: 'JobError', code: 'lease_lost' })
    await finish(other, second)
    assert.deepEqual(await silent.heartbeat([{ ...first, progress: undefined }]), [
      { id: first.id, why: 'lease lost' },
    ])
    assert.equal((await recordOf(silent, first.id)).worker, 'worker 1')
  })

  it('give the epoch of an ended run to no later one of it', async (t) => {
    const [engine] = (await open(t, 1)) as [FleetEngine]
    const first = await claimedRun(engine)
    await engine.cancel(first.id)
    await engine.settle([{ run: first, as: 'cancelled', traffic: NO_TRAFFIC }])
    await engine.retry(first.id)
    const second = await claimOne(engine)
    assert.ok(second.epoch > first.epoch)
    const save = engine.checkpoints.saveStep(lease(first), 'one', OPEN, {}, NO_TRAFFIC)
    await assert.rejects(save, { name: 'JobError', code: 'lease_lost' })
  })

  it('wake one another', async (t) => {
    const [waiting, other] = (await open(t, 2)) as [FleetEngine, FleetEngine]
    const forever = 2 ** 31 - 1
    // The first wait ends as soon as the engine hears of others.
    await waiting.waitForWork(forever, t.signal)
    const woken = waiting.waitForWork(forever, t.signal)
    await queued(other)
    await woken
    await claimOne(waiting)
  })

  it('keep what daemons of different names have apart', async (t) => {
    const [engine] = (await open(t, 1)) as [FleetEngine]
    const other = await FleetEngine.open(database.url, { name: 'Another one, of älvsjö' })
    t.after(() => other.close())
    const id = await queued(engine)
    assert.deepEqual(await claim(other, 9), [])
    assert.deepEqual(await other.runs({ limit: 9 }), [])
    assert.equal((await claimOne(engine)).id, id)
  })

  it('take jobs of any name', async (t) => {
    const [engine] = (await open(t, 1)) as [FleetEngine]
    for (const job of ['sync users', 'a.20.b', "o'hara", 'éléphant', '🐘', 'x/y', 'plain_1-2']) {
      const run = await claimedRun(engine, { job })
      assert.equal(run.job, job)
      assert.deepEqual(
        (await engine.runs({ job, limit: 2 })).map((record) => record.job),
        [job],
      )
      await engine.pause(job, true)
      assert.deepEqual(await engine.paused(), [job])
      await engine.pause(job, false)
      await finish(engine, run)
    }
  })

  it('go on after all their connections have been cut, and do nothing twice', async (t) => {
    const [engine] = (await open(t, 1)) as [FleetEngine]
    const run = await claimedRun(engine)
    const acts: readonly (readonly [string, () => Promise<unknown>])[] = [
      [
        'heartbeat',
        async () => assert.deepEqual(await engine.heartbeat([{ ...run, progress: undefined }]), []),
      ],
      ['save', () => engine.checkpoints.saveStep(lease(run), 'one', OPEN, {}, NO_TRAFFIC)],
      ['settle', () => finish(engine, run)],
      ['enqueue', () => queued(engine, { key: 'next' })],
      ['claim', () => claimOne(engine)],
    ]
    for (const [, act] of acts) {
      await cutConnections()
      await act()
    }
    assert.equal((await recordOf(engine, run.id)).state, 'finished')
  })

  it('are told that a run is settled when they ask again, as the answer was lost on its way', async (t) => {
    const [engine] = (await open(t, 1)) as [FleetEngine]
    const run = await claimedRun(engine)
    await finish(engine, run, { people: 3 })
    await finish(engine, run, { people: 3 })
    const again = await claimedRun(engine, { key: 'again' })
    const retried = { run: again, as: 'retried', atMs: 0, error: { code: 'x', message: 'x' } } as const
    for (const time of ['first', 'second'])
      assert.deepEqual(await engine.settle([{ ...retried, traffic: NO_TRAFFIC }]), [], time)
    assert.equal((await claimOne(engine)).failures, 1)
  })

  it('say disk_full when the disk of the database is, and have written nothing of it', async (t) => {
    const [engine] = (await open(t, 1)) as [FleetEngine]
    const run = await claimedRun(engine)
    await fillDisk(t)
    const save = engine.checkpoints.saveStep(lease(run), 'one', OPEN, { seen: { a: 1 } }, NO_TRAFFIC)
    await assert.rejects(save, { name: 'JobError', code: 'disk_full' })
    assert.equal(await engine.checkpoints.step(lease(run), 'one'), undefined)
  })

  /** PostgreSQL itself raises the error that it raises for a full disk. */
  async function fillDisk(t: TestContext): Promise<void> {
    const schema = 'tomte_jobs_daemon'
    await statement(
      database.url,
      `create function ${schema}.full_disk() returns trigger language plpgsql as
         $$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
       create trigger full_disk before insert on ${schema}.entry execute function ${schema}.full_disk()`,
    )
    t.after(() => statement(database.url, `drop function ${schema}.full_disk() cascade`))
  }

  it('give up on a server that stays away, and no error names the password', async () => {
    const away = new URL(database.url)
    away.port = '1'
    const wrong = new URL(database.url)
    wrong.password = 'wr0ng-Passw0rd'
    for (const [address, code] of [
      [away, 'database_unreachable'],
      [wrong, 'database_login_refused'],
    ] as const) {
      const fault: unknown = await FleetEngine.open(address.href).catch((error: unknown) => error)
      assert.ok(fault instanceof Error && 'code' in fault)
      assert.equal(fault.code, code)
      for (const secret of [wrong.password, new URL(database.url).password])
        assert.ok(!`${fault.message} ${fault.stack} ${String(fault.cause)}`.includes(secret))
    }
    for (const address of ['postgres://h', 'mysql://u:secret@h/d', 'secret'])
      await assert.rejects(
        FleetEngine.open(address),
        ({ code, message }: { code?: string; message?: string }) =>
          code === 'database_address_invalid' && message?.includes('secret') === false,
      )
  })

  it('let every small tenant start within twice its turn, however much a large one has queued', async (t) => {
    const [engine] = (await open(t, 1)) as [FleetEngine]
    const small = Array.from({ length: 40 }, (_, n) => `small${n}`)
    await engine.enqueue(Array.from({ length: 1_500 }, (_, n) => newRun({ key: `k${n}`, tenant: 'large' })))
    await engine.enqueue(small.map((tenant) => newRun({ tenant })))
    const order: ClaimedRun[] = []
    for (let count = 0; count < 20; count += 1) order.push(...(await claim(engine, 5)))
    for (const [n, tenant] of small.entries()) {
      const position = order.findIndex((run) => run.tenant === tenant) + 1
      assert.ok(position > 0 && position <= 2 * (n + 2), `${tenant} started as number ${position}`)
    }
  })
})
