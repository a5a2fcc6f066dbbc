import assert from 'node:assert/strict'
import { NO_TRAFFIC } from './engine.ts'
import {
  claim,
  claimedRun,
  claimOne,
  type EnginePromise,
  finish,
  lease,
  newRun,
  queued,
  recordOf,
  settle,
} from './promise-test-support.ts'

/** What is promised of runs that a person has done in the foreground. */
export const FOREGROUND_PROMISES: readonly EnginePromise[] = [
  {
    it: 'leases what a person asks for at once, so that no worker gets it',
    async holds({ engine }) {
      await engine.pause('work', true)
      const { id, claimed } = await engine.take(newRun({ input: { file: 'a' } }))
      assert.partialDeepStrictEqual(claimed, {
        id,
        input: { file: 'a' },
        failures: 0,
        deaths: 0,
        resumed: false,
      })
      await engine.pause('work', false)
      assert.deepEqual(await claim(engine, 9), [])
      assert.equal((await recordOf(engine, id)).state, 'running')
      assert.ok(claimed)
      await finish(engine, claimed, { done: 1 })
      assert.deepEqual((await recordOf(engine, id)).result, { done: 1 })
    },
  },
  {
    it: 'gives a person the unfinished run of the same work, or the one that was put aside last, where it stands',
    async holds({ engine, nowMs }) {
      const id = await queued(engine, { notBeforeMs: nowMs() + 60_000 })
      const first = (await engine.take(newRun())).claimed ?? assert.fail('not claimed')
      await engine.checkpoints.saveStep(lease(first), 'one', { finished: false, value: 7 }, {}, NO_TRAFFIC)
      assert.deepEqual(await settle(engine, first, { as: 'dead' }), [])
      const again = await engine.take(newRun())
      assert.partialDeepStrictEqual(again.claimed, { id, failures: 0, resumed: true })
      assert.ok(again.claimed && again.claimed.epoch > first.epoch)
      assert.equal((await engine.checkpoints.step(lease(again.claimed), 'one'))?.value, 7)
      const save = engine.checkpoints.saveStep(
        lease(first),
        'one',
        { finished: true, value: 8 },
        {},
        NO_TRAFFIC,
      )
      await assert.rejects(save, { code: 'lease_lost' })
      await finish(engine, again.claimed)
      assert.notEqual((await engine.take(newRun())).id, id)
    },
  },
  {
    it: 'takes up what was put aside only if nothing else of the job and tenant came after it',
    async holds({ engine }) {
      const aside = await claimedRun(engine)
      await settle(engine, aside, { as: 'dead' })
      const other = await claimedRun(engine, { key: 'other' })
      await finish(engine, other)
      const taken = await engine.take(newRun())
      assert.ok(![aside.id, other.id].includes(taken.id))
      assert.equal((await recordOf(engine, aside.id)).state, 'dead')
    },
  },
  {
    it: 'leases a queued run by its id, be it due, waiting or paused or not, and nothing that is not queued',
    async holds({ engine, nowMs }) {
      const later = await queued(engine, { notBeforeMs: nowMs() + 60_000 })
      const waits = await queued(engine, { key: 'second', others: 'wait' })
      const third = await queued(engine, { key: 'third', others: 'wait' })
      await engine.pause('work', true)
      for (const id of [later, waits]) {
        const claimed = await engine.claimRun(id)
        assert.equal(claimed?.id, id)
        assert.equal(await engine.claimRun(id), undefined)
        await finish(engine, claimed)
        assert.equal(await engine.claimRun(id), undefined)
      }
      assert.equal(await engine.claimRun('99'), undefined)
      await engine.pause('work', false)
      assert.equal((await claimOne(engine)).id, third)
    },
  },
]
