import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { ledger } from './checkpoint.ts'
import { NO_TRAFFIC } from './engine/engine.ts'
import { CheckpointStore } from './store.ts'
import { temporaryFolder } from './test-support.ts'

const at = (ms: number) => () => ms
const open = { finished: false, value: null }

async function storeIn(t: TestContext) {
  const store = await CheckpointStore.open(join(await temporaryFolder(t), 'made', 'jobs.db'))
  t.after(() => store.close())
  return store
}

async function begunRun(t: TestContext) {
  const store = await storeIn(t)
  const { run } = await store.begin('work', 'key', at(0))
  return { store, runId: run.id, entries: ledger({ store, runId: run.id }) }
}

async function listed(pairs: AsyncIterable<readonly [string, unknown]>): Promise<string[]> {
  const keys = []
  for await (const [key] of pairs) keys.push(key)
  return keys
}

describe('CheckpointStore.begin', () => {
  it('begins a run, and gives it back as not resumed while nothing has been saved in it', async (t) => {
    const store = await storeIn(t)
    const first = await store.begin('work', 'key', at(5))
    assert.deepEqual(first, {
      run: { id: 1, job: 'work', key: 'key', traffic: NO_TRAFFIC },
      resumed: false,
    })
    const again = await store.begin('work', 'key', at(6))
    assert.deepEqual([again.run.id, again.resumed], [1, false])
  })

  it('resumes a run in which a step was saved, with the traffic saved last', async (t) => {
    const store = await storeIn(t)
    const { run } = await store.begin('work', 'key', at(5))
    const traffic = { tokenRequests: 1, apiRequests: 20, retries: 3, milliseconds: 400 }
    await store.saveStep(run.id, 'one', open, {}, traffic)
    const again = await store.begin('work', 'key', at(6))
    assert.deepEqual([again.run.id, again.run.traffic, again.resumed], [run.id, traffic, true])
  })

  it('begins anew after a run of the same key has finished', async (t) => {
    const store = await storeIn(t)
    const { run } = await store.begin('work', 'key', at(5))
    await store.saveStep(run.id, 'one', { finished: true, value: 1 }, { seen: { E1: 1 } }, NO_TRAFFIC)
    await store.finish(run.id, { done: 1 }, NO_TRAFFIC, at(6))
    const next = await store.begin('work', 'key', at(7))
    assert.deepEqual([next.run.id, next.resumed], [2, false])
    assert.equal(await store.step(next.run.id, 'one'), undefined)
    assert.equal((await store.findEntries(next.run.id, 'seen', ['E1'])).size, 0)
  })

  it('drops an unfinished run when the key has changed, even if the key comes back', async (t) => {
    const store = await storeIn(t)
    const { run } = await store.begin('work', 'monday', at(5))
    await store.saveStep(run.id, 'one', open, {}, NO_TRAFFIC)
    assert.deepEqual((await store.begin('work', 'tuesday', at(6))).resumed, false)
    const back = await store.begin('work', 'monday', at(7))
    assert.deepEqual([back.run.id, back.resumed], [3, false])
  })

  it('keeps the unfinished runs of other jobs', async (t) => {
    const store = await storeIn(t)
    const { run } = await store.begin('work', 'key', at(5))
    await store.saveStep(run.id, 'one', open, {}, NO_TRAFFIC)
    await store.begin('other', 'elsewhere', at(6))
    assert.deepEqual((await store.begin('work', 'key', at(7))).run.id, run.id)
  })
})

describe('CheckpointStore.saveStep', () => {
  it('writes step, entries and traffic together, and over what was there', async (t) => {
    const { store, runId } = await begunRun(t)
    await store.saveStep(runId, 'one', { finished: false, value: 1 }, { seen: { E1: 1, E2: 2 } }, NO_TRAFFIC)
    const traffic = { ...NO_TRAFFIC, apiRequests: 7 }
    await store.saveStep(runId, 'one', { finished: true, value: [2] }, { seen: { E2: 'two' } }, traffic)
    assert.deepEqual(await store.step(runId, 'one'), { finished: true, value: [2] })
    const found = await store.findEntries(runId, 'seen', ['E1', 'E2', 'E3'])
    assert.deepEqual(
      [...found],
      [
        ['E1', 1],
        ['E2', 'two'],
      ],
    )
    assert.deepEqual((await store.begin('work', 'key', at(9))).run.traffic, traffic)
  })

  it('writes nothing at all when the last of its rows cannot be written', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    await (await CheckpointStore.open(file)).close()
    const database = new DatabaseSync(file)
    database.exec(`create trigger refuse before insert on entry when new.key = 'refused'
      begin select raise(abort, 'refused by the trigger'); end`)
    database.close()
    const store = await CheckpointStore.open(file)
    t.after(() => store.close())
    const { run } = await store.begin('work', 'key', at(0))
    await store.saveStep(run.id, 'one', { finished: false, value: 1 }, {}, NO_TRAFFIC)
    const entries = { seen: { E1: 1, refused: 2 } }
    const traffic = { ...NO_TRAFFIC, retries: 1 }
    const refusal = {
      name: 'JobError',
      code: 'checkpoints_unusable',
      message: `Cannot use the checkpoints in '${file}', as the file must be readable and writable: refused by the trigger`,
      hint: 'Check the data folder and its permissions',
    }
    await assert.rejects(
      store.saveStep(run.id, 'one', { finished: true, value: 2 }, entries, traffic),
      refusal,
    )
    assert.deepEqual(await store.step(run.id, 'one'), { finished: false, value: 1 })
    assert.equal((await store.findEntries(run.id, 'seen', ['E1'])).size, 0)
    assert.deepEqual((await store.begin('work', 'key', at(9))).run.traffic, NO_TRAFFIC)
    await store.saveStep(run.id, 'one', { finished: true, value: 2 }, { seen: { E1: 1 } }, traffic)
    assert.deepEqual(await store.step(run.id, 'one'), { finished: true, value: 2 })
  })

  it('refuses an entry under the empty key, which going through the collection would pass over', async (t) => {
    const { store, runId } = await begunRun(t)
    await assert.rejects(store.saveStep(runId, 'one', open, { seen: { E1: 1, '': 2 } }, NO_TRAFFIC), {
      name: 'JobError',
      code: 'ledger_key_empty',
      message: 'Cannot save an entry of the ledger, as each needs a key: the key is empty',
    })
    assert.equal(await store.step(runId, 'one'), undefined)
  })

  it('keeps an undefined value or entry as null', async (t) => {
    const { store, runId } = await begunRun(t)
    await store.saveStep(
      runId,
      'one',
      { finished: true, value: undefined },
      { a: { k: undefined } },
      NO_TRAFFIC,
    )
    assert.deepEqual(await store.step(runId, 'one'), { finished: true, value: null })
    assert.deepEqual([...(await store.findEntries(runId, 'a', ['k']))], [['k', null]])
  })

  it('keeps everything when the file is closed and opened again', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    const first = await CheckpointStore.open(file)
    const { run } = await first.begin('work', 'key', at(1))
    await first.saveStep(
      run.id,
      'one',
      { finished: false, value: { line: 3 } },
      { a: { k: 'v' } },
      NO_TRAFFIC,
    )
    await first.close()
    const second = await CheckpointStore.open(file)
    t.after(() => second.close())
    assert.equal((await second.begin('work', 'key', at(2))).resumed, true)
    assert.deepEqual(await second.step(run.id, 'one'), { finished: false, value: { line: 3 } })
    assert.deepEqual([...(await second.pageEntries(run.id, 'a', '', 10))], [['k', 'v']])
  })
})

describe('the ledger', () => {
  for (const size of [0, 1, 499, 500, 501, 1000, 1203]) {
    it(`goes through a collection of ${size} in the order of its keys`, async (t) => {
      const { store, runId, entries } = await begunRun(t)
      const keys = Array.from({ length: size }, (_, index) => `E${String(index).padStart(6, '0')}`)
      const shuffled = Object.fromEntries([...keys].reverse().map((key, index) => [key, index]))
      await store.saveStep(runId, 'one', open, { people: shuffled, other: { stray: 1 } }, NO_TRAFFIC)
      assert.deepEqual(await listed(entries.all('people')), keys)
    })
  }

  it('gives pages after a key, whether or not that key is there', async (t) => {
    const { store, runId, entries } = await begunRun(t)
    await store.saveStep(runId, 'one', open, { a: { b: 1, d: 2, f: 3 } }, NO_TRAFFIC)
    const keysAfter = async (after: string, limit: number) => [
      ...(await entries.page('a', after, limit)).keys(),
    ]
    assert.deepEqual(await keysAfter('', 2), ['b', 'd'])
    assert.deepEqual(await keysAfter('b', 9), ['d', 'f'])
    assert.deepEqual(await keysAfter('c', 1), ['d'])
    assert.deepEqual(await keysAfter('f', 9), [])
    assert.deepEqual([...(await entries.page('nothing', '', 9))], [])
  })

  it('keeps keys of odd characters apart, in the order of their UTF-8 bytes', async (t) => {
    const keys = ['\n', ' ', '%', "'", '100', '99', '__proto__', 'a', 'a\0', 'a\0b', 'a_', 'constructor']
    const odd = [...keys, 'e\u0301', 'o"hara', '\u00e9', '\u{ffff}', '\u{1f600}']
    const { store, runId, entries } = await begunRun(t)
    const values = Object.fromEntries(odd.map((key, index) => [key, { index }]))
    await store.saveStep(runId, 'one', open, { 'odd\'"\0name': values }, NO_TRAFFIC)
    assert.deepEqual(await listed(entries.all('odd\'"\0name')), odd)
    const found = await entries.find('odd\'"\0name', odd)
    assert.deepEqual(
      odd.map((key) => found.get(key)),
      odd.map((_, index) => ({ index })),
    )
  })

  it('finds among more keys than SQLite takes in one statement', async (t) => {
    const { store, runId, entries } = await begunRun(t)
    await store.saveStep(runId, 'one', open, { a: { k0: 'first', k39999: 'last' } }, NO_TRAFFIC)
    const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}`)
    assert.deepEqual(
      [...(await entries.find('a', keys))],
      [
        ['k0', 'first'],
        ['k39999', 'last'],
      ],
    )
    assert.equal((await entries.find('a', [])).size, 0)
  })

  it('holds the entries of its own run alone', async (t) => {
    const { store, runId, entries } = await begunRun(t)
    await store.saveStep(runId, 'one', open, { a: { k: 1 } }, NO_TRAFFIC)
    const { run } = await store.begin('other', 'key', at(1))
    const others = ledger({ store, runId: run.id })
    assert.deepEqual(await listed(others.all('a')), [])
    assert.deepEqual(await listed(entries.all('a')), ['k'])
  })
})

describe('CheckpointStore after a run', () => {
  const kept = async (store: CheckpointStore, runId: number) => [
    await store.step(runId, 'one'),
    (await store.findEntries(runId, 'seen', ['a'])).size,
  ]

  it('forgets the steps and the ledger of a finished run', async (t) => {
    const { store, runId } = await begunRun(t)
    await store.saveStep(runId, 'one', open, { seen: { a: 1 } }, NO_TRAFFIC)
    assert.equal((await kept(store, runId))[1], 1)
    await store.finish(runId, {}, NO_TRAFFIC, at(9))
    assert.deepEqual(await kept(store, runId), [undefined, 0])
  })

  it('forgets those of a superseded run and keeps those of another job', async (t) => {
    const { store, runId } = await begunRun(t)
    const other = await store.begin('other work', 'key', at(1))
    for (const id of [runId, other.run.id])
      await store.saveStep(id, 'one', open, { seen: { a: 1 } }, NO_TRAFFIC)
    await store.begin('work', 'changed key', at(2))
    assert.deepEqual(await kept(store, runId), [undefined, 0])
    assert.deepEqual(await kept(store, other.run.id), [open, 1])
  })
})
