import assert from 'node:assert/strict'
import { claimedRun, claimOne, type EnginePromise, lease, settle } from './promise-test-support.ts'
import { NO_TRAFFIC } from './engine.ts'

/** What is promised of steps, cursors and ledgers. */
export const CHECKPOINT_PROMISES: readonly EnginePromise[] = [
  {
    it: 'writes step, entries and traffic together, over what was there',
    async holds({ engine }) {
      const run = await claimedRun(engine)
      const { checkpoints } = engine
      const traffic = { ...NO_TRAFFIC, apiRequests: 7 }
      assert.equal(await checkpoints.step(lease(run), 'one'), undefined)
      const first = { seen: { E1: 1, E2: 2 } }
      await checkpoints.saveStep(lease(run), 'one', { finished: false, value: 1 }, first, NO_TRAFFIC)
      const second = { seen: { E2: 'two' } }
      await checkpoints.saveStep(lease(run), 'one', { finished: true, value: [2] }, second, traffic)
      assert.deepEqual(await checkpoints.step(lease(run), 'one'), { finished: true, value: [2] })
      const found = await checkpoints.findEntries(lease(run), 'seen', ['E2', 'E1', 'E3'])
      assert.deepEqual(
        found,
        new Map<string, unknown>([
          ['E1', 1],
          ['E2', 'two'],
        ]),
      )
      assert.deepEqual((await engine.run(run.id))?.traffic, traffic)
    },
  },
  {
    it: 'keeps an undefined value or entry as null, and refuses an entry under the empty key',
    async holds({ engine }) {
      const run = await claimedRun(engine)
      const { checkpoints } = engine
      const nothing = { finished: true, value: undefined }
      await checkpoints.saveStep(lease(run), 'one', nothing, { a: { k: undefined } }, NO_TRAFFIC)
      assert.deepEqual(await checkpoints.step(lease(run), 'one'), { finished: true, value: null })
      assert.deepEqual(await checkpoints.findEntries(lease(run), 'a', ['k']), new Map([['k', null]]))
      const empty = { a: { k: 1, '': 2 } }
      await assert.rejects(checkpoints.saveStep(lease(run), 'two', nothing, empty, NO_TRAFFIC), {
        name: 'JobError',
        code: 'ledger_key_empty',
      })
      assert.equal(await checkpoints.step(lease(run), 'two'), undefined)
    },
  },
  {
    it: 'keeps steps and entries of runs, names and collections apart',
    async holds({ engine }) {
      const one = await claimedRun(engine, { key: 'one' })
      const two = await claimedRun(engine, { key: 'two' })
      const { checkpoints } = engine
      const step = { finished: false, value: 1 }
      await checkpoints.saveStep(lease(one), 'step', step, { a: { k: 1 } }, NO_TRAFFIC)
      assert.equal(await checkpoints.step(lease(one), 'Step'), undefined)
      assert.equal(await checkpoints.step(lease(two), 'step'), undefined)
      assert.equal((await checkpoints.findEntries(lease(one), 'A', ['k'])).size, 0)
      assert.equal((await checkpoints.findEntries(lease(two), 'a', ['k'])).size, 0)
      assert.equal((await checkpoints.pageEntries(lease(two), 'a', '', 9)).size, 0)
    },
  },
  {
    it: 'pages a collection in the order of the UTF-8 bytes of its keys, after a key that need not be there',
    async holds({ engine }) {
      const run = await claimedRun(engine)
      const { checkpoints } = engine
      const keys = ['\n', ' ', '%', "'", '100', '99', 'B', '__proto__', 'a', 'a_', 'b', 'constructor']
      const odd = [...keys, 'e\u0301', 'o"hara', '\u00e9', '\uffff', '\u{1f600}']
      const entries = Object.fromEntries(odd.toReversed().map((key, index) => [key, { index }]))
      await checkpoints.saveStep(lease(run), 's', { finished: false, value: 0 }, { odd: entries }, NO_TRAFFIC)
      const page = async (after: string, limit: number) => [
        ...(await checkpoints.pageEntries(lease(run), 'odd', after, limit)).keys(),
      ]
      assert.deepEqual(await page('', 100), odd)
      assert.deepEqual(await page('', 2), ['\n', ' '])
      assert.deepEqual(await page('9', 2), ['99', 'B'])
      assert.deepEqual(await page('\u{1f600}', 2), [])
      const found = await checkpoints.findEntries(lease(run), 'odd', odd)
      assert.deepEqual(new Set(found.keys()), new Set(odd))
    },
  },
  {
    it: 'finds among 40,000 keys, and among none',
    async holds({ engine }) {
      const run = await claimedRun(engine)
      const entries = { a: { k0: 'first', k39999: 'last' } }
      const step = { finished: false, value: 0 }
      await engine.checkpoints.saveStep(lease(run), 's', step, entries, NO_TRAFFIC)
      const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}`)
      const found = await engine.checkpoints.findEntries(lease(run), 'a', keys)
      assert.deepEqual(
        found,
        new Map([
          ['k0', 'first'],
          ['k39999', 'last'],
        ]),
      )
      assert.equal((await engine.checkpoints.findEntries(lease(run), 'a', [])).size, 0)
    },
  },
  {
    it: 'remembers the highest version of the job that has saved something',
    async holds({ engine }) {
      let run = await claimedRun(engine)
      const save = (version: number) =>
        engine.checkpoints.saveStep(lease(run, version), 'one', { finished: false, value: 0 }, {}, NO_TRAFFIC)
      for (const [version, remembered] of [
        [2, 2],
        [5, 5],
        [3, 5],
      ] as const) {
        await save(version)
        await settle(engine, run, { as: 'released' })
        run = await claimOne(engine)
        assert.equal(run.version, remembered)
      }
    },
  },
]
