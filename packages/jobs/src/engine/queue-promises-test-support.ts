import assert from 'node:assert/strict'
import {
  claim,
  claimedRun,
  claimOne,
  type EnginePromise,
  finish,
  newRun,
  queued,
  recordOf,
  settle,
} from './promise-test-support.ts'
import { NO_TRAFFIC } from './engine.ts'

const ids = (runs: readonly { readonly id: string }[]) => runs.map(({ id }) => id)

/** What is promised of making runs and of the order in which they start. */
export const QUEUE_PROMISES: readonly EnginePromise[] = [
  {
    it: 'gives a claimed run all that was asked of it',
    async holds({ engine, nowMs }) {
      const startMs = nowMs()
      const id = await queued(engine, { input: { file: 'a', rows: [1, null] }, firingMs: 60_000 })
      const run = await claimOne(engine)
      assert.deepEqual(run, {
        id,
        job: 'work',
        tenant: 'contoso.example',
        input: { file: 'a', rows: [1, null] },
        key: 'key',
        firingMs: 60_000,
        parent: undefined,
        epoch: run.epoch,
        failures: 0,
        deaths: 0,
        version: 0,
        dueAtMs: startMs,
        resumed: false,
        traffic: NO_TRAFFIC,
        leasedUntilMs: startMs + engine.leaseMs,
      })
    },
  },
  {
    it: 'returns the unfinished run of the same job, tenant and key, queued or running, in place of a new one',
    async holds({ engine }) {
      const id = await queued(engine)
      assert.deepEqual(await engine.enqueue([newRun({ input: { other: 1 } })]), [{ id, as: 'known' }])
      const run = await claimOne(engine)
      assert.deepEqual(run.input, {})
      assert.deepEqual(await engine.enqueue([newRun()]), [{ id, as: 'known' }])
      await finish(engine, run)
      assert.notEqual(await queued(engine), id)
    },
  },
  {
    it: 'takes the same key of another job or tenant for other work, and knows it again within one request',
    async holds({ engine }) {
      const requests = [{}, { job: 'other' }, { tenant: 'fabrikam.example' }, {}].map(newRun)
      const made = await engine.enqueue(requests)
      assert.deepEqual(
        made.map(({ as }) => as),
        ['queued', 'queued', 'queued', 'known'],
      )
      assert.equal(new Set(ids(made)).size, 3)
      assert.equal(made[3]?.id, made[0]?.id)
    },
  },
  {
    it: 'has one run of each firing of a job and tenant, even after it has ended',
    async holds({ engine }) {
      const run = await claimedRun(engine, { key: 'one', firingMs: 1000 })
      await finish(engine, run)
      assert.deepEqual(await engine.enqueue([newRun({ key: 'two', firingMs: 1000 })]), [
        { id: run.id, as: 'known' },
      ])
      await queued(engine, { key: 'one', firingMs: 2000 })
      await queued(engine, { key: 'one', firingMs: 1000, tenant: 'fabrikam.example' })
      await queued(engine, { key: 'one', firingMs: 1000, job: 'other' })
    },
  },
  {
    it: 'has one run of a parent in each tenant, even after it has ended',
    async holds({ engine }) {
      const parent = await claimedRun(engine, { tenant: '*' })
      const child = await claimedRun(engine, { parent: parent.id })
      await finish(engine, child)
      assert.deepEqual(await engine.enqueue([newRun({ parent: parent.id, key: 'new' })]), [
        { id: child.id, as: 'known' },
      ])
      await queued(engine, { parent: parent.id, tenant: 'fabrikam.example' })
      assert.equal(child.parent, parent.id)
    },
  },
  {
    it: 'skips a run that meets another unfinished one of its job and tenant, and keeps that in the history',
    async holds({ engine, nowMs }) {
      const first = await claimedRun(engine, { key: 'one' })
      const [skipped] = await engine.enqueue([newRun({ key: 'two', firingMs: 5000, others: 'skip' })])
      assert.equal(skipped?.as, 'skipped')
      const record = await recordOf(engine, skipped.id)
      assert.deepEqual([record.state, record.endedAtMs, record.firingMs], ['skipped', nowMs(), 5000])
      await queued(engine, { key: 'two', tenant: 'fabrikam.example', others: 'skip' })
      await finish(engine, first)
      await queued(engine, { key: 'two', others: 'skip' })
      assert.equal((await claim(engine, 9)).length, 2)
    },
  },
  {
    it: 'supersedes unfinished runs of the same job and tenant with another key, whose writes then fail',
    async holds({ engine }) {
      const running = await claimedRun(engine, { key: 'one' })
      const second = await queued(engine, { key: 'two' })
      const elsewhere = await queued(engine, { key: 'two', tenant: 'fabrikam.example' })
      const third = await queued(engine, { key: 'three', others: 'supersede' })
      assert.equal((await recordOf(engine, running.id)).state, 'superseded')
      assert.equal((await recordOf(engine, second)).state, 'superseded')
      assert.deepEqual(new Set(ids(await claim(engine, 9))), new Set([elsewhere, third]))
      const settlement = { run: running, as: 'finished', result: {}, traffic: NO_TRAFFIC } as const
      assert.deepEqual(await engine.settle([settlement]), [running.id])
      assert.deepEqual(await engine.heartbeat([{ ...running, progress: undefined }]), [
        { id: running.id, why: 'lease lost' },
      ])
    },
  },
  {
    it: 'lets runs that wait for others start one after another, in the order in which they were made',
    async holds({ engine, nowMs, advance }) {
      const made = []
      for (const key of ['one', 'two', 'three']) made.push(await queued(engine, { key, others: 'wait' }))
      await queued(engine, { key: 'one', tenant: 'fabrikam.example', others: 'wait' })
      const [first, elsewhere] = await claim(engine, 9)
      assert.ok(first && elsewhere)
      assert.deepEqual([first.id, elsewhere.tenant], [made[0], 'fabrikam.example'])
      await settle(engine, first, { as: 'retried', atMs: nowMs() + 1000 })
      assert.deepEqual(await claim(engine, 9), [])
      advance(1000)
      await settle(engine, await claimOne(engine), { as: 'dead' })
      await engine.cancel(made[1] ?? '')
      assert.equal((await claimOne(engine)).id, made[2])
    },
  },
  {
    it: 'starts higher priorities first, and within a priority those that were made first',
    async holds({ engine }) {
      const made = await engine.enqueue(
        [0, -100, 5, 100, 5].map((priority, at) => newRun({ key: `k${at}`, priority })),
      )
      const order = [3, 2, 4, 0, 1].map((at) => made[at]?.id)
      for (const id of order) assert.deepEqual(ids(await claim(engine)), [id])
    },
  },
  {
    it: 'lets tenants take turns, however many runs one of them has queued before the others',
    async holds({ engine }) {
      await engine.enqueue(Array.from({ length: 50 }, (_, at) => newRun({ key: `k${at}`, tenant: 'huge' })))
      const small = ['a', 'b', 'c'].flatMap((tenant) => [
        newRun({ tenant, key: 'one' }),
        newRun({ tenant, key: 'two' }),
      ])
      await engine.enqueue(small)
      const tenants = []
      for (let count = 0; count < 10; count += 1)
        tenants.push(...(await claim(engine)).map((run) => run.tenant))
      assert.deepEqual(tenants.slice(0, 8), ['huge', 'a', 'b', 'c', 'huge', 'a', 'b', 'c'])
      assert.deepEqual(tenants.slice(8), ['huge', 'huge'])
    },
  },
  {
    it: 'lets a tenant that comes late take its turn at once, and not make up for the time before',
    async holds({ engine }) {
      const runsOf = (tenant: string, count: number) =>
        Array.from({ length: count }, (_, at) => newRun({ key: `k${at}`, tenant }))
      await engine.enqueue(runsOf('early', 40))
      assert.equal((await claim(engine, 20)).length, 20)
      await engine.enqueue(runsOf('late', 20))
      const order = (await claim(engine, 12)).map((run) => run.tenant)
      assert.ok(order.slice(0, 2).includes('late'), order.join(' '))
      const late = order.filter((tenant) => tenant === 'late').length
      assert.ok(late >= 5 && late <= 7, order.join(' '))
    },
  },
  {
    it: 'lets a tenant that always makes one more run not keep the others from theirs',
    async holds({ engine }) {
      await engine.enqueue(['a', 'b', 'a', 'b'].map((tenant, at) => newRun({ key: `k${at}`, tenant })))
      const order = []
      for (let at = 0; at < 12; at += 1) {
        await queued(engine, { key: `more${at}`, tenant: 'greedy' })
        order.push(...(await claim(engine)).map((run) => run.tenant))
      }
      const others = order.slice(0, 8).filter((tenant) => tenant !== 'greedy').length
      assert.equal(others, 4, order.join(' '))
    },
  },
  {
    it: 'claims no more of a job than it has room for, and nothing of a job without room',
    async holds({ engine }) {
      for (const job of ['one', 'two', 'three'])
        await engine.enqueue(['a', 'b', 'c'].map((key) => newRun({ job, key })))
      const claimed = await engine.claim([
        { job: 'one', runs: 2 },
        { job: 'two', runs: 0 },
      ])
      assert.deepEqual(
        claimed.map(({ job }) => job),
        ['one', 'one'],
      )
      assert.equal((await claim(engine, 9, 'one')).length, 1)
    },
  },
  {
    it: 'starts no run before its time',
    async holds({ engine, nowMs, advance }) {
      const id = await queued(engine, { notBeforeMs: nowMs() + 1000 })
      assert.deepEqual(await claim(engine), [])
      advance(999)
      assert.deepEqual(await claim(engine), [])
      advance(1)
      const run = await claimOne(engine)
      assert.deepEqual([run.id, run.dueAtMs], [id, nowMs()])
    },
  },
  {
    it: 'starts no run of a paused job until it is let go on, and says which are paused',
    async holds({ engine }) {
      await queued(engine)
      await queued(engine, { job: 'other' })
      for (const job of ['work', 'work', 'never seen']) await engine.pause(job, true)
      assert.deepEqual([...(await engine.paused())].sort(), ['never seen', 'work'])
      assert.deepEqual(await claim(engine), [])
      assert.equal((await claim(engine, 1, 'other')).length, 1)
      await engine.pause('work', false)
      assert.deepEqual(await engine.paused(), ['never seen'])
      await claimOne(engine)
    },
  },
  {
    it: 'wakes whoever waits for work when there is some, and when the signal is aborted',
    async holds({ engine }) {
      const forever = 2 ** 31 - 1
      const signal = new AbortController().signal
      const woken = engine.waitForWork(forever, signal)
      await queued(engine)
      await woken
      await claimOne(engine)
      const stop = new AbortController()
      const stopped = engine.waitForWork(forever, stop.signal)
      stop.abort()
      await stopped
      await engine.waitForWork(forever, AbortSignal.abort())
    },
  },
]
