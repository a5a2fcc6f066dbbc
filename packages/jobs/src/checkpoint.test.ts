import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Cursor, stepper } from './checkpoint.ts'
import { NO_TRAFFIC } from './engine/engine.ts'
import { CheckpointStore } from './store.ts'
import { temporaryFolder } from './test-support.ts'

async function steps(t: TestContext) {
  const store = await CheckpointStore.open(join(await temporaryFolder(t), 'jobs.db'))
  t.after(() => store.close())
  const { run } = await store.begin('work', 'key', () => 0)
  let saves = 0
  const traffic = () => ({ ...NO_TRAFFIC, apiRequests: (saves += 1) })
  return { store, runId: run.id, step: stepper({ store, runId: run.id, traffic }) }
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
    const { store, runId, step } = await steps(t)
    await step('one', async (cursor: Cursor<number>) => {
      await cursor.save(1, { seen: { E1: 1 } })
      assert.equal((await store.begin('work', 'key', () => 0)).run.traffic.apiRequests, 1)
    })
    assert.deepEqual([...(await store.pageEntries(runId, 'seen', '', 9))], [['E1', 1]])
    assert.equal((await store.begin('work', 'key', () => 0)).run.traffic.apiRequests, 2)
  })

  it('does not confuse its cursor with that of another name', async (t) => {
    const { step } = await steps(t)
    await step('one', async () => 'first')
    await step('One', async ({ value }: Cursor<string>) => assert.equal(value, undefined))
    assert.equal(await step('one', never), 'first')
  })
})
