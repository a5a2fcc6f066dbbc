import assert from 'node:assert/strict'
import {
  claim,
  claimedRun,
  claimOne,
  type EnginePromise,
  FAULT,
  finish,
  lease,
  queued,
  recordOf,
  settle,
} from './promise-test-support.ts'
import { NO_TRAFFIC } from './engine.ts'

const OPEN = { finished: false, value: 1 } as const
const beat = (run: { id: string; job: string; epoch: number }) => ({ ...run, progress: undefined })

/** What is promised of leases, deaths and ends. */
export const LEASE_PROMISES: readonly EnginePromise[] = [
  {
    it: 'leases a run to one worker until it is given up',
    async holds({ engine, advance }) {
      await claimedRun(engine)
      assert.deepEqual(await claim(engine, 9), [])
      advance(engine.leaseMs - 1)
      assert.deepEqual(await engine.recover(), [])
      assert.deepEqual(await claim(engine, 9), [])
    },
  },
  {
    it: 'extends a lease with every heartbeat, and stores the progress that comes with it',
    async holds({ engine, advance }) {
      const run = await claimedRun(engine)
      const progress = { done: 3, total: 9, what: 'people' }
      for (let beats = 0; beats < 4; beats += 1) {
        advance(engine.leaseMs * 0.6)
        assert.deepEqual(
          await engine.heartbeat([{ ...run, progress: beats === 0 ? progress : undefined }]),
          [],
        )
        assert.deepEqual(await engine.recover(), [])
      }
      assert.deepEqual((await recordOf(engine, run.id)).progress, progress)
    },
  },
  {
    it: 'takes a run back whose lease has run out: a death, no failure, and the next worker goes on with its steps',
    async holds({ engine, advance }) {
      const first = await claimedRun(engine)
      await engine.checkpoints.saveStep(lease(first), 'one', OPEN, {}, NO_TRAFFIC)
      advance(engine.leaseMs + 1)
      const { id, job, tenant } = first
      assert.deepEqual(await engine.recover(), [{ id, job, tenant, deaths: 1, failures: 0, as: 'queued' }])
      const second = await claimOne(engine)
      assert.ok(second.epoch > first.epoch)
      assert.deepEqual([second.deaths, second.failures, second.resumed], [1, 0, true])
      assert.deepEqual(await engine.checkpoints.step(lease(second), 'one'), OPEN)
    },
  },
  {
    it: 'refuses every write of a worker whose run another one has, and leaves what the other wrote',
    async holds({ engine, advance }) {
      const first = await claimedRun(engine)
      advance(engine.leaseMs + 1)
      await engine.recover()
      const save = (value: number) =>
        engine.checkpoints.saveStep(
          lease(first),
          'one',
          { finished: true, value },
          { seen: { a: 1 } },
          NO_TRAFFIC,
        )
      await assert.rejects(save(1), { name: 'JobError', code: 'lease_lost' })
      const second = await claimOne(engine)
      await engine.checkpoints.saveStep(lease(second), 'one', OPEN, {}, NO_TRAFFIC)
      await assert.rejects(save(2), { name: 'JobError', code: 'lease_lost' })
      assert.deepEqual(await engine.checkpoints.step(lease(second), 'one'), OPEN)
      assert.equal((await engine.checkpoints.findEntries(lease(second), 'seen', ['a'])).size, 0)
      for (const how of ['dead', 'cancelled'] as const)
        assert.deepEqual(await settle(engine, first, { as: how }), [first.id])
      assert.deepEqual(await settle(engine, first, { as: 'released' }), [first.id])
      assert.deepEqual(await engine.heartbeat([beat(first), beat(second)]), [
        { id: first.id, why: 'lease lost' },
      ])
      await finish(engine, second)
    },
  },
  {
    it: 'settles those of a batch whose lease holds, and returns the others',
    async holds({ engine, advance }) {
      const lost = await claimedRun(engine, { key: 'lost' })
      advance(engine.leaseMs + 1)
      await engine.recover()
      await claimOne(engine)
      const kept = await claimedRun(engine, { key: 'kept' })
      const settlements = [lost, kept].map((run) => ({
        run,
        as: 'finished' as const,
        result: {},
        traffic: NO_TRAFFIC,
      }))
      assert.deepEqual(await engine.settle(settlements), [lost.id])
      assert.equal((await recordOf(engine, kept.id)).state, 'finished')
      assert.equal((await recordOf(engine, lost.id)).state, 'running')
    },
  },
  {
    it: 'puts a run aside as dead by the fifth death in a row, with its error and its steps',
    async holds({ engine, advance }) {
      await queued(engine)
      let outcome: string[] = []
      for (let death = 1; death <= 5; death += 1) {
        const run = await claimOne(engine)
        if (death === 1) await engine.checkpoints.saveStep(lease(run), 'one', OPEN, {}, NO_TRAFFIC)
        advance(engine.leaseMs + 1)
        outcome = [...outcome, ...(await engine.recover()).map(({ deaths, as }) => `${deaths} ${as}`)]
      }
      assert.deepEqual(outcome, ['1 queued', '2 queued', '3 queued', '4 queued', '5 dead'])
      assert.deepEqual(await claim(engine), [])
      const [dead] = await engine.runs({ states: ['dead'], limit: 10 })
      assert.equal(dead?.error?.code, 'worker_died')
      assert.equal(dead.deaths, 5)
      await engine.retry(dead.id)
      const again = await claimOne(engine)
      assert.deepEqual([again.deaths, again.resumed], [0, true])
      assert.deepEqual(await engine.checkpoints.step(lease(again), 'one'), OPEN)
    },
  },
  {
    it: 'forgets deaths when something is saved, since a run that comes forward is not their cause',
    async holds({ engine, advance }) {
      await queued(engine)
      for (let death = 1; death <= 9; death += 1) {
        const run = await claimOne(engine)
        await engine.checkpoints.saveStep(
          lease(run),
          'one',
          { finished: false, value: death },
          {},
          NO_TRAFFIC,
        )
        advance(engine.leaseMs + 1)
        assert.deepEqual(
          (await engine.recover()).map(({ deaths, as }) => [deaths, as]),
          [[1, 'queued']],
        )
      }
    },
  },
  {
    it: 'makes a failed attempt again at its time, with what was saved, and remembers why it failed',
    async holds({ engine, nowMs, advance }) {
      const run = await claimedRun(engine)
      const traffic = { tokenRequests: 1, apiRequests: 20, retries: 3, milliseconds: 400 }
      await engine.checkpoints.saveStep(lease(run), 'one', OPEN, {}, NO_TRAFFIC)
      await engine.settle([{ run, traffic, as: 'retried', error: FAULT, atMs: nowMs() + 5000 }])
      const waiting = await recordOf(engine, run.id)
      assert.deepEqual([waiting.state, waiting.failures, waiting.error], ['queued', 1, FAULT])
      advance(4999)
      assert.deepEqual(await claim(engine), [])
      advance(1)
      const again = await claimOne(engine)
      assert.deepEqual([again.failures, again.resumed, again.traffic], [1, true, traffic])
    },
  },
  {
    it: 'queues a released run again without a failure, at once or at its time',
    async holds({ engine, nowMs, advance }) {
      const run = await claimedRun(engine)
      await settle(engine, run, { as: 'released' })
      const again = await claimOne(engine)
      assert.deepEqual([again.id, again.failures, again.deaths], [run.id, 0, 0])
      await settle(engine, again, { as: 'released', atMs: nowMs() + 100 })
      assert.deepEqual(await claim(engine), [])
      advance(100)
      assert.equal((await claimOne(engine)).failures, 0)
    },
  },
  {
    it: 'keeps the result and the cost of a finished run, and forgets its steps and its ledger',
    async holds({ engine, nowMs, advance }) {
      const startMs = nowMs()
      const run = await claimedRun(engine)
      await engine.checkpoints.saveStep(lease(run), 'one', OPEN, { seen: { a: 1 } }, NO_TRAFFIC)
      advance(1500)
      const traffic = { tokenRequests: 1, apiRequests: 2, retries: 0, milliseconds: 1500 }
      await engine.settle([{ run, as: 'finished', result: { people: 3 }, traffic }])
      const { state, result, endedAtMs, startedAtMs, ...record } = await recordOf(engine, run.id)
      assert.deepEqual(
        [state, result, startedAtMs, endedAtMs, record.traffic],
        ['finished', { people: 3 }, startMs, startMs + 1500, traffic],
      )
      assert.equal(await engine.checkpoints.step(lease(run), 'one'), undefined)
      assert.equal((await engine.checkpoints.findEntries(lease(run), 'seen', ['a'])).size, 0)
    },
  },
  {
    it: 'ends a run as superseded, whose steps mean nothing any more, and lets the other have its turn',
    async holds({ engine }) {
      const run = await claimedRun(engine)
      await engine.checkpoints.saveStep(lease(run), 'one', OPEN, { seen: { a: 1 } }, NO_TRAFFIC)
      const other = await queued(engine, { key: 'other', others: 'wait' })
      assert.deepEqual(await engine.settle([{ run, as: 'superseded', traffic: NO_TRAFFIC }]), [])
      assert.equal((await recordOf(engine, run.id)).state, 'superseded')
      assert.equal(await engine.checkpoints.step(lease(run), 'one'), undefined)
      assert.equal((await engine.checkpoints.findEntries(lease(run), 'seen', ['a'])).size, 0)
      assert.equal((await claimOne(engine)).id, other)
    },
  },
  {
    it: 'ends a run for good as dead or unconsented, with its error',
    async holds({ engine }) {
      for (const as of ['dead', 'unconsented'] as const) {
        const run = await claimedRun(engine, { key: as })
        assert.deepEqual(await settle(engine, run, { as }), [])
        const record = await recordOf(engine, run.id)
        assert.deepEqual([record.state, record.error], [as, FAULT])
        assert.equal(record.failures, as === 'dead' ? 1 : 0)
      }
      assert.deepEqual(await claim(engine), [])
    },
  },
]
