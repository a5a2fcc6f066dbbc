// A job that a person runs in the foreground while the workers of a fleet are about.
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import type { Cursor } from './checkpoint.ts'
import type { Daemon } from './daemon.ts'
import { type ClaimedRun, NO_TRAFFIC } from './engine/engine.ts'
import { FleetEngine } from './engine/fleet.ts'
import { emptyDatabase, type OwnDatabase, ownDatabase, statement } from './engine/postgres-test-support.ts'
import { claimedRun, finish, recordOf } from './engine/promise-test-support.ts'
import type { JobError } from './errors.ts'
import type { JobEvent } from './events.ts'
import { keepLease } from './foreground.ts'
import { requestedRun } from './new-run.ts'
import { runJob, type RunOptions } from './runner.ts'
import { surroundingsOf } from './surroundings.ts'
import { daemonOf, ENVIRONMENT, TestClock } from './test-support.ts'
import { startWorker } from './worker.ts'

const server = process.env['DATABASE_URL'] ?? ''

describe('a job in the foreground of a fleet', {
  skip: server === '' && 'DATABASE_URL names no PostgreSQL',
}, () => {
  let database: OwnDatabase
  before(async () => {
    database = await ownDatabase(server)
    await (await FleetEngine.open(database.url)).close()
  })
  after(() => database.remove())

  async function opened(t: TestContext, clock?: TestClock): Promise<FleetEngine> {
    await emptyDatabase(database.url)
    const engine = await FleetEngine.open(database.url, { worker: 'another', clock })
    t.after(() => engine.close())
    return engine
  }

  /** A worker of another process, as far as the database can tell. */
  async function working(t: TestContext, engine: FleetEngine, daemon: Daemon) {
    const events: JobEvent['type'][] = []
    const surroundings = await surroundingsOf(daemon, { environment: ENVIRONMENT })
    const worker = startWorker({ engine, daemon, surroundings, tell: ({ type }) => void events.push(type) })
    t.after(() => worker.stop(0))
    return events
  }

  const run = (daemon: Daemon, more: Partial<RunOptions> = {}) =>
    runJob(daemon, 'work', {
      input: {},
      dataFolder: 'nowhere',
      environment: { ...ENVIRONMENT, TOMTE_DATABASE_URL: database.url },
      ...more,
    })

  const ofDaemon = async (daemon: Daemon) =>
    requestedRun(daemon, 'work', { input: {}, tenant: ENVIRONMENT.AZURE_TENANT_ID })

  it('is done here and by no worker, and stands in the history of all', async (t) => {
    const engine = await opened(t)
    const here: string[] = []
    const daemon = daemonOf(
      async ({ runId, progress }) => (here.push(runId), progress(2, 2, 'rows'), { rows: 2 }),
    )
    const events = await working(
      t,
      engine,
      daemonOf(async () => assert.fail('a worker has it')),
    )
    const shown: string[] = []
    const { result } = await run(daemon, { progress: (...how) => void shown.push(how.join(' ')) })
    assert.partialDeepStrictEqual(result, { rows: 2, tokenRequests: 0 })
    assert.deepEqual(shown, ['2 2 rows'])
    const [record] = await engine.runs({ limit: 9 })
    assert.partialDeepStrictEqual(record, { id: here[0], state: 'finished' })
    assert.deepEqual(events, [])
  })

  it('is put aside when it fails or is stopped, out of the reach of workers, and goes on here the next time', async (t) => {
    const engine = await opened(t)
    const stop = new AbortController()
    const from: number[] = []
    const daemon = daemonOf(async ({ step, signal }) => ({
      pieces: await step('pieces', async (cursor: Cursor<number>) => {
        const piece = cursor.value ?? 0
        from.push(piece)
        await cursor.save(piece + 1)
        if (piece === 0) throw Object.assign(new Error('Cannot reach the file'), { code: 'file_away' })
        if (piece === 1) stop.abort(new Error('a person stopped it'))
        signal.throwIfAborted()
        return piece
      }),
    }))
    const events = await working(
      t,
      engine,
      daemonOf(async () => assert.fail('a worker has it')),
    )
    await assert.rejects(run(daemon), { code: 'file_away' })
    assert.partialDeepStrictEqual(await engine.runs({ limit: 9 }), [
      { state: 'dead', error: { code: 'file_away', message: 'Cannot reach the file' } },
    ])
    await assert.rejects(run(daemon, { signal: stop.signal }), { message: 'a person stopped it' })
    const log: string[] = []
    const { result } = await run(daemon, { log: (line) => void log.push(line) })
    assert.partialDeepStrictEqual(result, { pieces: 2 })
    assert.deepEqual(log, ['Resuming the run that was interrupted, from its last checkpoint'])
    assert.deepEqual(from, [0, 1, 2])
    assert.equal((await engine.runs({ limit: 9 })).length, 1)
    assert.deepEqual(events, [])
  })

  it('shows how far the worker is that has the same work already, and how it ends there', async (t) => {
    const engine = await opened(t)
    const daemon = daemonOf(async () => assert.fail('it was done twice'))
    const ends = [
      (theirs: ClaimedRun) => finish(engine, theirs, { rows: 9 }),
      (theirs: ClaimedRun) =>
        engine.settle([
          { run: theirs, as: 'dead', error: { code: 'file_away', message: 'Cannot' }, traffic: NO_TRAFFIC },
        ]),
      async (theirs: ClaimedRun) => {
        await engine.cancel(theirs.id)
        await engine.settle([{ run: theirs, as: 'cancelled', traffic: NO_TRAFFIC }])
      },
    ]
    const outcomes: unknown[] = []
    for (const end of ends) {
      await emptyDatabase(database.url)
      const theirs = await claimedRun(engine, await ofDaemon(daemon))
      await engine.heartbeat([{ ...theirs, progress: { done: 1, total: 9, what: 'rows' } }])
      const shown: string[] = []
      const progress = (...how: readonly unknown[]) => {
        shown.push(how.join(' '))
        void end(theirs)
      }
      const log = (line: string) => void shown.push(line)
      const outcome = run(daemon, { progress, log }).then(
        ({ result }) => (result as unknown as { rows: number }).rows,
        ({ code }: JobError) => code,
      )
      outcomes.push(await outcome)
      assert.equal(shown[0], `Another worker has the run ${theirs.id}: here is how far it is`)
      assert.equal(shown[1], '1 9 rows')
    }
    assert.deepEqual(outcomes, [9, 'file_away', 'run_cancelled'])
  })

  it('leaves the worker at work when whoever looks on has seen enough', async (t) => {
    const engine = await opened(t)
    const daemon = daemonOf(async () => assert.fail('it was done twice'))
    const theirs = await claimedRun(engine, await ofDaemon(daemon))
    const stop = new AbortController()
    const reason = new Error('enough')
    await assert.rejects(run(daemon, { signal: stop.signal, log: () => stop.abort(reason) }), {
      code: 'run_elsewhere',
      message: `Stopped looking: another worker goes on with the run ${theirs.id}`,
      cause: reason,
    })
    assert.equal((await recordOf(engine, theirs.id)).state, 'running')
  })

  it('takes over what a worker had that is dead', async (t) => {
    const engine = await opened(t)
    const daemon = daemonOf(async () => ({ done: true }))
    const theirs = await claimedRun(engine, await ofDaemon(daemon))
    const silence = `update tomte_jobs_daemon_queue.job set heartbeat_on = now() - interval '1 minute'`
    await statement(database.url, silence)
    const { result } = await run(daemon)
    assert.partialDeepStrictEqual(result, { done: true })
    assert.partialDeepStrictEqual(await recordOf(engine, theirs.id), { state: 'finished', deaths: 1 })
  })

  it('keeps its lease by heartbeats with its progress, and is told when it has lost it or a person has cancelled it', async (t) => {
    const clock = new TestClock()
    const engine = await opened(t, clock)
    const beats = async (run: ClaimedRun, times: number) => {
      const lease = keepLease(engine, run, { clock, progress: () => ({ done: 1, total: 2, what: 'rows' }) })
      for (let beat = 0; beat < times; beat += 1) {
        clock.advance(engine.leaseMs / 3)
        while (clock.waiting === 0 && !lease.signal.aborted) await engine.paused()
      }
      lease.end()
      return lease.signal
    }
    const run = await claimedRun(engine)
    assert.equal((await beats(run, 9)).aborted, false)
    assert.deepEqual(await engine.recover(), [])
    assert.partialDeepStrictEqual(await recordOf(engine, run.id), { progress: { done: 1 } })
    await engine.cancel(run.id)
    assert.equal((await beats(run, 1)).reason.code, 'run_cancelled')
    clock.advance(engine.leaseMs + 1)
    await engine.recover()
    assert.equal((await beats(run, 1)).reason.code, 'run_lease_lost')
  })
})
