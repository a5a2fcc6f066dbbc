import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { anotherProcess, TestClock, temporaryFolder } from '../test-support.ts'
import { EmbeddedEngine } from './embedded.ts'
import { NO_TRAFFIC } from './engine.ts'
import { claimedRun, claimOne, finish, lease, newRun, queued } from './promise-test-support.ts'
import { FORMAT_VERSION } from './run-tables.ts'

/** The tables of the first release, as its own statements made them, with a run of each state. */
const FIRST_RELEASE = `
  create table run (
    id integer primary key autoincrement, job text not null, key text not null, state text not null,
    traffic text not null, result text, started_at_ms integer not null, ended_at_ms integer);
  create table step (
    run_id integer not null, name text not null, finished integer not null, value text not null,
    primary key (run_id, name)) without rowid;
  create table entry (
    run_id integer not null, collection text not null, key text not null, value text not null,
    primary key (run_id, collection, key)) without rowid;
  insert into run values
    (1, 'work', 'contoso.example k1', 'finished', '{"tokenRequests":1,"apiRequests":2,"retries":0,"milliseconds":5}',
      '{"people":3}', 1000, 2000),
    (2, 'work', 'contoso.example k2', 'superseded', '{"tokenRequests":0,"apiRequests":0,"retries":0,"milliseconds":0}',
      null, 3000, 4000),
    (7, 'work', 'contoso.example k 7', 'running', '{"tokenRequests":1,"apiRequests":9,"retries":1,"milliseconds":50}',
      null, 5000, null);
  insert into step values (7, 'people', 0, '{"line":40}');
  insert into entry values (7, 'seen', 'E1', '1')`

async function firstRelease(t: TestContext): Promise<string> {
  const file = join(await temporaryFolder(t), 'jobs.db')
  const database = new DatabaseSync(file)
  database.exec(FIRST_RELEASE)
  database.close()
  return file
}

async function openIn(t: TestContext, file: string, clock = new TestClock()): Promise<EmbeddedEngine> {
  const engine = await EmbeddedEngine.open(file, { clock })
  t.after(() => engine.close())
  return engine
}

describe('EmbeddedEngine.open', () => {
  it('takes over what the first release kept: results, and unfinished runs with their steps, put aside', async (t) => {
    const file = await firstRelease(t)
    await (await EmbeddedEngine.open(file)).close()
    const engine = await openIn(t, file)
    const runs = await engine.runs({ limit: 10 })
    assert.deepEqual(
      runs.map(({ id, tenant, key, state }) => [id, tenant, key, state]),
      [
        ['7', 'contoso.example', 'k 7', 'dead'],
        ['2', 'contoso.example', 'k2', 'superseded'],
        ['1', 'contoso.example', 'k1', 'finished'],
      ],
    )
    assert.deepEqual([runs[2]?.result, runs[2]?.traffic.apiRequests], [{ people: 3 }, 2])
    assert.equal(runs[0]?.error?.code, 'run_interrupted')
    await engine.retry('7')
    const run = await claimOne(engine)
    assert.deepEqual([run.id, run.resumed, run.traffic.apiRequests], ['7', true, 9])
    assert.deepEqual(await engine.checkpoints.step(lease(run), 'people'), {
      finished: false,
      value: { line: 40 },
    })
    assert.deepEqual(await engine.checkpoints.pageEntries(lease(run), 'seen', '', 9), new Map([['E1', 1]]))
    assert.equal(await queued(engine, { key: 'new' }), '8')
  })

  it('refuses the store of a newer release, and leaves it as it is', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    await (await EmbeddedEngine.open(file)).close()
    const database = new DatabaseSync(file)
    database.exec(`update format set version = ${FORMAT_VERSION + 1}`)
    database.close()
    const refusal = {
      name: 'JobError',
      code: 'store_newer',
      message: `Cannot open the checkpoints in '${file}', as their format must be ${FORMAT_VERSION} or lower: it is ${FORMAT_VERSION + 1}, of a newer release`,
      hint: 'Run the newer release, or restore the copy that was made before it was installed',
    }
    await assert.rejects(EmbeddedEngine.open(file), refusal)
    await assert.rejects(EmbeddedEngine.open(file), refusal)
  })

  it('takes back at once what a process that was killed was at, as a death of its worker', async (t) => {
    const folder = await temporaryFolder(t)
    const holder = anotherProcess(
      t,
      `import { EmbeddedEngine } from './engine/embedded.ts'
      globalThis.engine = await EmbeddedEngine.open(process.argv[1] + '/jobs.db')
      await engine.enqueue([{ job: 'work', tenant: 'contoso.example', input: {}, key: 'key' }])
      await engine.claim([{ job: 'work', runs: 1 }])
      console.log('claimed')
      setInterval(() => {}, 1000)`,
      folder,
    )
    await holder.printed(/claimed/)
    holder.child.kill('SIGKILL')
    await holder.ended
    const engine = await openIn(t, join(folder, 'jobs.db'))
    const lost = await engine.recover()
    assert.deepEqual(
      lost.map(({ deaths, as }) => [deaths, as]),
      [[1, 'queued']],
    )
    assert.equal((await claimOne(engine)).deaths, 1)
  })

  it('leaves nothing of a transaction that failed in its middle', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    await (await EmbeddedEngine.open(file)).close()
    const database = new DatabaseSync(file)
    database.exec(`create trigger refuse before insert on entry when new.key = 'refused'
      begin select raise(abort, 'refused by the trigger'); end`)
    database.close()
    const engine = await openIn(t, file)
    const run = await claimedRun(engine)
    const save = (entries: Record<string, number>) =>
      engine.checkpoints.saveStep(
        lease(run),
        'one',
        { finished: true, value: 2 },
        { seen: entries },
        NO_TRAFFIC,
      )
    await assert.rejects(save({ E1: 1, refused: 2 }), {
      name: 'JobError',
      code: 'checkpoints_unusable',
      message: `Cannot use the checkpoints in '${file}', as the file must be readable and writable: refused by the trigger`,
    })
    assert.equal(await engine.checkpoints.step(lease(run), 'one'), undefined)
    assert.equal((await engine.checkpoints.findEntries(lease(run), 'seen', ['E1'])).size, 0)
    await save({ E1: 1 })
    await finish(engine, run)
  })
})

describe('EmbeddedEngine.prune', () => {
  it('forgets the turns of tenants that have passed, and keeps those that are still to come', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    const engine = await EmbeddedEngine.open(file, { clock: new TestClock() })
    const tenants = Array.from({ length: 30 }, (_, at) => `tenant${at}`)
    await engine.enqueue(
      [...tenants, 'later', 'later', 'later'].map((tenant, at) => newRun({ tenant, key: `k${at}` })),
    )
    for (const run of await engine.claim([{ job: 'work', runs: 32 }])) await finish(engine, run)
    await engine.prune(0)
    await engine.close()
    const database = new DatabaseSync(file)
    const left = database
      .prepare('select tenant from turn')
      .all()
      .map((row) => row['tenant'])
    database.close()
    assert.deepEqual(left, ['', 'later'])
  })

  it('looks past runs that have not ended, and past those queued while the clock was ahead', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    const clock = new TestClock()
    const engine = await openIn(t, file, clock)
    await queued(engine, { key: 'waits', notBeforeMs: clock.now() + 1e9 })
    const startMs = clock.now()
    clock.advance(3_600_000)
    await queued(engine, { key: 'ahead', notBeforeMs: clock.now() + 1e9 })
    clock.jump(startMs - clock.now())
    await queued(engine, { key: 'old' })
    await finish(engine, await claimOne(engine))
    clock.advance(60_000)
    assert.equal(await engine.prune(clock.now()), 1)
    assert.deepEqual(
      (await engine.runs({ limit: 9 })).map(({ key }) => key),
      ['ahead', 'waits'],
    )
  })
})
