import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Cursor, ledger, stepper } from './checkpoint.ts'
import { EmbeddedEngine } from './engine/embedded.ts'
import { NO_TRAFFIC } from './engine/engine.ts'
import { claimedRun, lease } from './engine/promise-test-support.ts'
import { temporaryFolder } from './test-support.ts'

async function steps(t: TestContext, signal = new AbortController().signal) {
  const engine = await EmbeddedEngine.open(join(await temporaryFolder(t), 'jobs.db'))
  t.after(() => engine.close())
  const run = lease(await claimedRun(engine))
  let saves = 0
  const traffic = () => ({ ...NO_TRAFFIC, apiRequests: (saves += 1) })
  const { checkpoints } = engine
  const cost = async () => (await engine.run(run.id))?.traffic.apiRequests
  return {
    cost,
    checkpoints,
    run,
    step: stepper({ checkpoints, run, traffic, signal }),
    entries: ledger({ checkpoints, run }),
  }
}

const never = () => assert.fail('a finished step must not run again')

describe('a step', () => {
  const results: readonly (readonly [string, unknown, unknown])[] = [
    ['an object', { people: [1, 'two', null] }, { people: [1, 'two', null] }],
    ['a number', 0, 0],
    ['an empty text', '', ''],
    ['false', false, false],
    ['null', null, null],
    ['nothing', undefined, null],
  ]
  for (const [what, returned, stored] of results) {
    it(`that has returned ${what} returns it again without running`, async (t) => {
      const { step } = await steps(t)
      assert.deepEqual(await step('one', async () => returned), returned)
      assert.deepEqual(await step('one', never), stored)
    })
  }

  it('starts without a cursor, and goes on from what it saved last when it is interrupted', async (t) => {
    const { step } = await steps(t)
    const interrupted = new Error('interrupted')
    await assert.rejects(
      step('one', async (cursor: Cursor<{ line: number }>) => {
        assert.equal(cursor.value, undefined)
        await cursor.save({ line: 20 })
        await cursor.save({ line: 40 })
        throw interrupted
      }),
      interrupted,
    )
    const result = await step('one', async ({ value }: Cursor<{ line: number }>) => ({ went: 'on', value }))
    assert.deepEqual(result, { went: 'on', value: { line: 40 } })
    assert.deepEqual(await step('one', never), { went: 'on', value: { line: 40 } })
  })

  it('starts again without a cursor when it was interrupted before it saved', async (t) => {
    const { step } = await steps(t)
    await assert.rejects(
      step('one', async () => {
        throw new RangeError('at once')
      }),
      { name: 'RangeError', message: 'at once' },
    )
    assert.equal(await step('one', async ({ value }: Cursor<number>) => value ?? 'no cursor'), 'no cursor')
  })

  it('that saved an undefined cursor is given undefined, and one that saved 0 is given 0', async (t) => {
    const { step } = await steps(t)
    for (const [name, saved] of [
      ['undefined', undefined],
      ['zero', 0],
    ] as const) {
      await assert.rejects(
        step(name, async (cursor: Cursor<number | undefined>) => {
          await cursor.save(saved)
          throw new Error('interrupted')
        }),
      )
      await step(name, async ({ value }: Cursor<number | undefined>) => assert.equal(value, saved))
    }
  })

  it('saves its ledger entries and the traffic with every cursor, and the traffic once more at its end', async (t) => {
    const { cost, checkpoints, run, step } = await steps(t)
    await step('one', async (cursor: Cursor<number>) => {
      await cursor.save(1, { seen: { E1: 1 } })
      assert.equal(await cost(), 1)
    })
    assert.deepEqual([...(await checkpoints.pageEntries(run, 'seen', '', 9))], [['E1', 1]])
    assert.equal(await cost(), 2)
  })

  it('does not confuse its cursor with that of another name', async (t) => {
    const { step } = await steps(t)
    await step('one', async () => 'first')
    await step('One', async ({ value }: Cursor<string>) => assert.equal(value, undefined))
    assert.equal(await step('one', never), 'first')
  })

  it('stops a run that is to stop at its next save, once that is on the disk, and starts no further step', async (t) => {
    const stop = new AbortController()
    const reason = new Error('the daemon stops')
    const { step, checkpoints, run } = await steps(t, stop.signal)
    await step('finished', async () => 'before')
    await assert.rejects(
      step('one', async (cursor: Cursor<number>) => {
        await cursor.save(1)
        stop.abort(reason)
        await cursor.save(2)
        assert.fail('it must not go on')
      }),
      reason,
    )
    assert.deepEqual(await checkpoints.step(run, 'one'), { finished: false, value: 2 })
    await assert.rejects(step('two', never), reason)
    assert.equal(await step('finished', never), 'before')
  })
})

async function listed(pairs: AsyncIterable<readonly [string, unknown]>): Promise<string[]> {
  const keys = []
  for await (const [key] of pairs) keys.push(key)
  return keys
}

describe('the ledger', () => {
  for (const size of [0, 1, 499, 500, 501, 1000, 1203]) {
    it(`goes through a collection of ${size} in the order of its keys`, async (t) => {
      const { checkpoints, run, entries } = await steps(t)
      const keys = Array.from({ length: size }, (_, index) => `E${String(index).padStart(6, '0')}`)
      const people = Object.fromEntries(keys.toReversed().map((key, index) => [key, index]))
      const step = { finished: false, value: null }
      await checkpoints.saveStep(run, 'one', step, { people, other: { stray: 1 } }, NO_TRAFFIC)
      assert.deepEqual(await listed(entries.all('people')), keys)
    })
  }

  it('keeps keys apart that hold a NUL character', async (t) => {
    const { checkpoints, run, entries } = await steps(t)
    const step = { finished: false, value: null }
    await checkpoints.saveStep(run, 'one', step, { 'a\0b': { a: 1, 'a\0': 2, 'a\0b': 3 } }, NO_TRAFFIC)
    assert.deepEqual(await listed(entries.all('a\0b')), ['a', 'a\0', 'a\0b'])
    assert.equal((await entries.find('a\0b', ['a\0'])).get('a\0'), 2)
  })
})
