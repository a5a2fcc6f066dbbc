import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JobRules } from './daemon.ts'
import type { RunRecord } from './engine/engine.ts'
import { nextFirings, startScheduler } from './scheduler.ts'
import { daemonWith, WorkerStage } from './worker-test-support.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const hourly: JobRules = { schedule: '0 * * * *' }
const daemonOn = (rules: JobRules) => daemonWith(async () => ({}), rules)

/** Starts a scheduler and waits until it has looked at everything. */
async function schedule(stage: WorkerStage, rules: JobRules) {
  const scheduler = startScheduler({
    engine: stage.engine,
    daemon: daemonOn(rules),
    surroundings: { tenant: 'contoso.example' },
    tell: (event) => void stage.events.push(event),
    clock: stage.clock,
  })
  await settled(stage)
  return scheduler
}

const settled = (stage: WorkerStage) => stage.until(() => stage.clock.waiting > 0, 'asleep')

/** Lets time pass as a scheduler sees it, minute by minute. */
async function pass(stage: WorkerStage, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += MINUTE_MS) {
    stage.clock.advance(MINUTE_MS)
    await settled(stage)
  }
}

const firings = (runs: readonly RunRecord[]) =>
  runs
    .map(({ firingMs, state }) => `${new Date(firingMs ?? 0).toISOString().slice(11, 16)} ${state}`)
    .toReversed()
const fired = async (stage: WorkerStage) => firings(await stage.engine.runs({ limit: 100 }))

describe('a scheduler', () => {
  it('makes a run at every firing, and none for the time before it was first seen', async (t) => {
    const stage = await WorkerStage.open(t)
    const scheduler = await schedule(stage, { ...hourly, overlap: 'queue', priority: 7 })
    assert.deepEqual(await fired(stage), [])
    assert.deepEqual(scheduler.next(), [{ job: 'work', atMs: Date.UTC(2026, 0, 5, 13) }])
    await pass(stage, 2 * HOUR_MS)
    assert.deepEqual(await fired(stage), ['13:00 queued', '14:00 queued'])
    const [run] = await stage.engine.runs({ limit: 1 })
    assert.deepEqual([run?.tenant, run?.priority, run?.input], ['contoso.example', 7, {}])
    await scheduler.stop()
  })

  it('skips a firing that meets its own unfinished run, and tells so', async (t) => {
    const stage = await WorkerStage.open(t)
    const scheduler = await schedule(stage, hourly)
    await pass(stage, 2 * HOUR_MS)
    assert.deepEqual(await fired(stage), ['13:00 queued', '14:00 skipped'])
    assert.equal(stage.event('run_skipped').firingMs, Date.UTC(2026, 0, 5, 14))
    await scheduler.stop()
  })

  it('catches up once on what passed while nothing ran, or not at all', async (t) => {
    for (const missed of ['once', 'skip'] as const) {
      const stage = await WorkerStage.open(t)
      await (await schedule(stage, { ...hourly, missed })).stop()
      stage.clock.advance(5 * HOUR_MS + 10 * MINUTE_MS)
      const scheduler = await schedule(stage, { ...hourly, missed })
      assert.deepEqual(await fired(stage), missed === 'once' ? ['17:00 queued'] : [])
      const { firings: count, caughtUp, lastFiringMs } = stage.event('schedule_missed')
      assert.deepEqual([count, caughtUp, lastFiringMs], [5, missed === 'once', Date.UTC(2026, 0, 5, 17)])
      await scheduler.stop()
      await (await schedule(stage, { ...hourly, missed })).stop()
      assert.equal((await fired(stage)).length, missed === 'once' ? 1 : 0)
    }
  })

  it('fires nothing twice and loses nothing when the clock jumps an hour ahead and back', async (t) => {
    const stage = await WorkerStage.open(t)
    const scheduler = await schedule(stage, { ...hourly, overlap: 'queue' })
    stage.clock.jump(HOUR_MS)
    await pass(stage, 10 * MINUTE_MS)
    assert.deepEqual(await fired(stage), ['13:00 queued'])
    stage.clock.jump(-HOUR_MS)
    await pass(stage, 2 * HOUR_MS)
    assert.deepEqual(await fired(stage), ['13:00 queued', '14:00 queued'])
    await scheduler.stop()
  })

  it('goes on after a clock that had been years ahead, and tells so', async (t) => {
    const stage = await WorkerStage.open(t)
    const years = 3650 * 24 * HOUR_MS
    stage.clock.jump(years)
    await (await schedule(stage, hourly)).stop()
    stage.clock.jump(-years)
    const scheduler = await schedule(stage, hourly)
    await pass(stage, HOUR_MS)
    assert.deepEqual(await fired(stage), ['13:00 queued'])
    assert.equal(stage.event('clock_set_back').job, 'work')
    await scheduler.stop()
  })

  it('has one run of a firing, however many processes fire it', async (t) => {
    const stage = await WorkerStage.open(t)
    const both = [await schedule(stage, hourly), await schedule(stage, hourly)]
    await pass(stage, HOUR_MS)
    await stage.until(() => stage.clock.waiting === 2, 'both asleep')
    assert.deepEqual(await fired(stage), ['13:00 queued'])
    for (const each of both) await each.stop()
  })

  it('lets the daemon count that was started last, of two with other schedules, and tells the other', async (t) => {
    const stage = await WorkerStage.open(t)
    const rules = { ...hourly, overlap: 'queue' } as const
    const first = await schedule(stage, rules)
    const second = await schedule(stage, { ...rules, schedule: '30 * * * *' })
    for (let passed = 0; passed < 2 * HOUR_MS; passed += MINUTE_MS) {
      stage.clock.advance(MINUTE_MS)
      await stage.until(() => stage.clock.waiting === 2, 'both asleep')
    }
    assert.deepEqual(await fired(stage), ['12:30 queued', '13:30 queued'])
    const { ours, theirs } = stage.event('schedule_conflict')
    assert.match(ours, /"cron":"0 \* \* \* \*"/)
    assert.match(theirs, /"cron":"30 \* \* \* \*"/)
    await first.stop()
    await second.stop()
  })

  it('never lets older code of a job take over the schedule of newer code', async (t) => {
    const stage = await WorkerStage.open(t)
    await (await schedule(stage, { ...hourly, version: 2 })).stop()
    const older = await schedule(stage, { schedule: '* * * * *', version: 1 })
    await pass(stage, 10 * MINUTE_MS)
    assert.deepEqual(await fired(stage), [])
    stage.event('schedule_conflict')
    await older.stop()
  })

  it('decides by the definition before what that has missed, when the schedule is changed', async (t) => {
    const stage = await WorkerStage.open(t)
    await (await schedule(stage, hourly)).stop()
    stage.clock.advance(90 * MINUTE_MS)
    const scheduler = await schedule(stage, { schedule: '45 * * * *' })
    assert.deepEqual(await fired(stage), ['13:00 queued'])
    await pass(stage, 15 * MINUTE_MS)
    assert.deepEqual(await fired(stage), ['13:00 queued', '13:45 skipped'])
    await scheduler.stop()
  })

  it('makes the run that fans out, of a job that works in each tenant', async (t) => {
    const stage = await WorkerStage.open(t)
    const scheduler = await schedule(stage, { ...hourly, tenants: 'each' })
    await pass(stage, HOUR_MS)
    assert.equal((await stage.engine.runs({ limit: 1 }))[0]?.tenant, '*')
    await scheduler.stop()
  })

  it('asks again when the engine does not answer', async (t) => {
    const stage = await WorkerStage.open(t)
    const { engine } = stage
    let fails = true
    const scheduler = startScheduler({
      engine: new Proxy(engine, {
        get: (of, name) => {
          if (name === 'schedules' && fails) return () => Promise.reject(new Error('the connection is lost'))
          const value: unknown = Reflect.get(of, name)
          return typeof value === 'function' ? (value.bind(of) as unknown) : value
        },
      }),
      daemon: daemonOn(hourly),
      surroundings: { tenant: 'contoso.example' },
      tell: (event) => void stage.events.push(event),
      clock: stage.clock,
    })
    await settled(stage)
    assert.equal(stage.event('engine_failed').error.message, 'the connection is lost')
    fails = false
    stage.clock.advance(5_000)
    await settled(stage)
    await pass(stage, HOUR_MS)
    assert.deepEqual(await fired(stage), ['13:00 queued'])
    await scheduler.stop()
  })
})

describe('nextFirings', () => {
  it('says when each job with a schedule is done next', () => {
    const nowMs = Date.UTC(2026, 0, 5, 12)
    assert.deepEqual(nextFirings(daemonOn(hourly), nowMs), [{ job: 'work', atMs: nowMs + HOUR_MS }])
    assert.deepEqual(nextFirings(daemonOn({}), nowMs), [])
  })
})
