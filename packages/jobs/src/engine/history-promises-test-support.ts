import assert from 'node:assert/strict'
import {
  claim,
  claimedRun,
  claimOne,
  type EnginePromise,
  FAULT,
  finish,
  lease,
  newRun,
  queued,
  recordOf,
  settle,
} from './promise-test-support.ts'
import { NO_TRAFFIC, type RunQuery } from './engine.ts'

/** What is promised to people: listing, retrying, cancelling, schedules, and forgetting. */
export const HISTORY_PROMISES: readonly EnginePromise[] = [
  {
    it: 'lists runs newest first, by job, tenant, state and parent, and page by page',
    async holds({ engine }) {
      const keys = ['1', '2', '3', '4', '5']
      const made = (await engine.enqueue(keys.map((key) => newRun({ key })))).map(({ id }) => id)
      const other = await queued(engine, { job: 'other', tenant: 'fabrikam.example' })
      const child = await queued(engine, { job: 'other', parent: made[0] })
      const listed = async (query: Partial<RunQuery>) =>
        (await engine.runs({ limit: 100, ...query })).map(({ id }) => id)
      const newest = made.toReversed()
      assert.deepEqual(await listed({}), [child, other, ...newest])
      assert.deepEqual(await listed({ job: 'work' }), newest)
      assert.deepEqual(await listed({ tenant: 'fabrikam.example' }), [other])
      assert.deepEqual(await listed({ parent: made[0] }), [child])
      assert.deepEqual(await listed({ states: ['finished', 'dead'] }), [])
      const [first] = await claim(engine)
      assert.deepEqual(await listed({ states: ['running'] }), [first?.id])
      const pages = []
      for (let before: string | undefined; pages.length < 9; ) {
        const page: string[] = await listed({ job: 'work', limit: 2, before })
        if (page.length === 0) break
        pages.push(page)
        before = page.at(-1)
      }
      assert.deepEqual(pages, [newest.slice(0, 2), newest.slice(2, 4), newest.slice(4)])
    },
  },
  {
    it: 'knows no run by an id that is none',
    async holds({ engine }) {
      for (const id of ['', '0', '-1', '999999', 'x', "1' or '1", '9'.repeat(40)]) {
        assert.equal(await engine.run(id), undefined)
        for (const act of [() => engine.retry(id), () => engine.cancel(id)])
          await assert.rejects(act, { name: 'JobError', code: 'run_unknown' })
        assert.deepEqual(await engine.runs({ before: id, limit: 10 }), [])
      }
    },
  },
  {
    it: 'queues an ended run again with its steps, and forgets its failures',
    async holds({ engine, nowMs, advance }) {
      const run = await claimedRun(engine)
      const step = { finished: true, value: 'done' }
      await engine.checkpoints.saveStep(lease(run), 'one', step, {}, NO_TRAFFIC)
      await settle(engine, run, { as: 'dead' })
      advance(1000)
      const { state, failures, error, endedAtMs } = await engine.retry(run.id)
      assert.deepEqual([state, failures, error, endedAtMs], ['queued', 0, undefined, undefined])
      const again = await claimOne(engine)
      assert.deepEqual([again.id, again.failures, again.dueAtMs], [run.id, 0, nowMs()])
      assert.deepEqual(await engine.checkpoints.step(lease(again), 'one'), step)
    },
  },
  {
    it: 'retries no run that has not ended, and none whose work another run has taken up',
    async holds({ engine }) {
      const run = await claimedRun(engine)
      await assert.rejects(engine.retry(run.id), { name: 'JobError', code: 'run_unfinished' })
      await settle(engine, run, { as: 'dead' })
      const next = await queued(engine)
      await assert.rejects(engine.retry(run.id), { name: 'JobError', code: 'run_unfinished' })
      assert.equal((await recordOf(engine, run.id)).state, 'dead')
      await engine.cancel(next)
      await engine.retry(run.id)
    },
  },
  {
    it: 'cancels a queued run at once, and tells the worker of a running one to stop',
    async holds({ engine }) {
      const waiting = await queued(engine)
      assert.equal((await engine.cancel(waiting)).state, 'cancelled')
      assert.deepEqual(await claim(engine), [])
      const run = await claimedRun(engine)
      assert.deepEqual(await engine.heartbeat([{ ...run, progress: undefined }]), [])
      assert.equal((await engine.cancel(run.id)).state, 'running')
      assert.deepEqual(await engine.heartbeat([{ ...run, progress: undefined }]), [
        { id: run.id, why: 'cancelled' },
      ])
      await settle(engine, run, { as: 'cancelled' })
      assert.equal((await recordOf(engine, run.id)).state, 'cancelled')
      await assert.rejects(engine.cancel(run.id), { name: 'JobError', code: 'run_ended' })
    },
  },
  {
    it: 'ends a run that was to be cancelled when its worker dies, and forgets the wish when it is retried',
    async holds({ engine, advance }) {
      const run = await claimedRun(engine)
      await engine.cancel(run.id)
      advance(engine.leaseMs + 1)
      assert.deepEqual(
        (await engine.recover()).map(({ as }) => as),
        ['cancelled'],
      )
      await engine.retry(run.id)
      const again = await claimOne(engine)
      assert.deepEqual(await engine.heartbeat([{ ...again, progress: undefined }]), [])
    },
  },
  {
    it: 'counts what is queued and running, and since when the oldest is due',
    async holds({ engine, nowMs, advance }) {
      assert.deepEqual(await engine.depth(), [])
      await queued(engine, { key: 'one' })
      await claimOne(engine)
      advance(500)
      const dueAtMs = nowMs()
      await queued(engine, { key: 'two' })
      advance(500)
      await queued(engine, { key: 'three' })
      await finish(engine, await claimedRun(engine, { job: 'other' }))
      assert.deepEqual(await engine.depth(), [{ job: 'work', queued: 2, running: 1, oldestDueAtMs: dueAtMs }])
    },
  },
  {
    it: 'stores a schedule for whoever knows the one before, and for nobody else',
    async holds({ engine }) {
      const first = { job: 'work', definition: '{"cron":"* * * * *"}', version: 1, lastFiringMs: 60_000 }
      const later = { ...first, lastFiringMs: 120_000 }
      const other = { ...first, definition: '{"cron":"0 * * * *"}', version: 2 }
      assert.deepEqual(await engine.schedules(), [])
      assert.equal(await engine.saveSchedule(later, first), false)
      assert.equal(await engine.saveSchedule(first, undefined), true)
      assert.equal(await engine.saveSchedule(other, undefined), false)
      assert.equal(await engine.saveSchedule(later, first), true)
      assert.equal(await engine.saveSchedule(other, first), false)
      assert.equal(await engine.saveSchedule(other, { ...later, version: 3 }), false)
      assert.deepEqual(await engine.schedules(), [later])
      assert.equal(await engine.saveSchedule(other, later), true)
      assert.deepEqual(await engine.schedules(), [other])
    },
  },
  {
    it: 'forgets runs that ended before a time with all that belongs to them, and no other',
    async holds({ engine, nowMs, advance }) {
      const old = await claimedRun(engine, { key: 'old' })
      await engine.checkpoints.saveStep(
        lease(old),
        'one',
        { finished: true, value: 1 },
        { a: { k: 1 } },
        NO_TRAFFIC,
      )
      await settle(engine, old, { as: 'dead' })
      const unfinished = await queued(engine, { key: 'unfinished' })
      advance(1000)
      const cutMs = nowMs()
      const young = await queued(engine, { job: 'other', key: 'young' })
      await finish(engine, await claimOne(engine, 'other'))
      assert.equal(await engine.prune(cutMs), 1)
      assert.equal(await engine.prune(cutMs), 0)
      assert.equal(await engine.run(old.id), undefined)
      assert.equal(await engine.checkpoints.step(lease(old), 'one'), undefined)
      assert.equal((await engine.checkpoints.findEntries(lease(old), 'a', ['k'])).size, 0)
      assert.deepEqual(
        (await engine.runs({ limit: 10 })).map(({ id }) => id),
        [young, unfinished],
      )
      await claimOne(engine)
    },
  },
  {
    it: 'keeps errors as they were told',
    async holds({ engine }) {
      const run = await claimedRun(engine)
      await engine.settle([{ run, as: 'dead', error: { code: 'bare', message: 'x' }, traffic: NO_TRAFFIC }])
      assert.deepEqual((await recordOf(engine, run.id)).error, { code: 'bare', message: 'x' })
      await engine.retry(run.id)
      await settle(engine, await claimOne(engine), { as: 'unconsented' })
      assert.deepEqual((await recordOf(engine, run.id)).error, FAULT)
    },
  },
]
