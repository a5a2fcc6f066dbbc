import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigurationError } from '@tomte/client'
import type { Cursor } from './checkpoint.ts'
import { NO_TRAFFIC } from './engine/engine.ts'
import { lease } from './engine/promise-test-support.ts'
import { daemonWith, gate, WorkerStage } from './worker-test-support.ts'

const GRACE_MS = 10_000

describe('a worker', () => {
  it('executes what is queued, and tells of its beginning and its end', async (t) => {
    const stage = await WorkerStage.open(t)
    const id = await stage.enqueue({ input: { n: 3 } })
    stage.clock.advance(2_000)
    const seen: unknown[] = []
    await stage.work(
      daemonWith(async ({ input, tenant, runId, attempt, identity, progress, log }) => {
        seen.push(input, tenant, runId, attempt, identity.clientId)
        progress(1, 2, 'rows')
        log('half')
        return { rows: input.n }
      }),
    )
    const record = await stage.untilState(id, 'finished')
    assert.deepEqual(seen, [{ n: 3 }, 'contoso.example', id, 1, '22222222-bbbb-4bbb-8bbb-000000000002'])
    assert.deepEqual(record.result, { rows: 3 })
    const of = { runId: id, job: 'work', tenant: 'contoso.example' }
    assert.deepEqual(stage.events, [
      { type: 'run_started', ...of, attempt: 1, resumed: false, waitedMs: 2_000 },
      { type: 'run_progress', ...of, done: 1, total: 2, what: 'rows' },
      { type: 'run_logged', ...of, line: 'half' },
      { type: 'run_finished', ...of, durationMs: 0, traffic: NO_TRAFFIC, summary: '' },
    ])
  })

  it('is woken by what is queued later, and never has more of a job in hand than its concurrency', async (t) => {
    const stage = await WorkerStage.open(t)
    const { opened, open } = gate()
    let [atOnce, most] = [0, 0]
    const worker = await stage.work(
      daemonWith(
        async () => {
          atOnce += 1
          most = Math.max(most, atOnce)
          await opened
          atOnce -= 1
          return {}
        },
        { concurrency: 3 },
      ),
    )
    const ids = []
    for (let at = 0; at < 8; at += 1) ids.push(await stage.enqueue({ key: `k${at}` }))
    await stage.until(() => worker.runs.length === 3, 'three in hand')
    open()
    for (const id of ids) await stage.untilState(id, 'finished')
    assert.equal(most, 3)
  })

  it('tries a failed run again after its wait, from the last checkpoint, and puts it aside after the last attempt', async (t) => {
    const stage = await WorkerStage.open(t)
    const seen: (number | undefined)[] = []
    await stage.work(
      daemonWith(
        async ({ step }) => {
          await step('one', async (cursor: Cursor<number>) => {
            seen.push(cursor.value)
            await cursor.save((cursor.value ?? 0) + 1)
            throw new Error('the file is locked')
          })
        },
        { retries: { attempts: 3, firstMs: 1_000 } },
      ),
    )
    const id = await stage.enqueue()
    for (const [failures, waitMs] of [
      [1, 750],
      [2, 1_500],
    ] as const) {
      await stage.until(
        () => stage.types().filter((type) => type === 'run_retried').length === failures,
        'retry',
      )
      assert.equal((await stage.engine.run(id))?.notBeforeMs, stage.clock.now() + waitMs)
      stage.clock.advance(waitMs)
    }
    const { error, failures } = await stage.untilState(id, 'dead')
    assert.deepEqual([error?.message, failures], ['the file is locked', 3])
    assert.deepEqual(seen, [undefined, 1, 2])
    assert.deepEqual([stage.event('run_dead').failures, stage.event('run_dead').deaths], [3, 0])
  })

  const ends: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['throws a text', () => Promise.reject('no'), 'not_an_error'],
    ['throws nothing at all', () => Promise.reject(undefined), 'not_an_error'],
    ['returns a text', async () => 'done', 'result_invalid'],
    ['cannot be configured', () => Promise.reject(new ConfigurationError('x', { code: 'bad' })), 'bad'],
  ]
  for (const [what, run, code] of ends) {
    it(`puts a run aside whose job ${what}, and goes on with others`, async (t) => {
      const stage = await WorkerStage.open(t)
      let first = true
      const once = async () => {
        if (!first) return {}
        first = false
        return run()
      }
      await stage.work(daemonWith(once, { retries: { attempts: 1 } }))
      const id = await stage.enqueue({ key: 'bad' })
      assert.equal((await stage.untilState(id, 'dead')).error?.code, code)
      await stage.untilState(await stage.enqueue({ key: 'good' }), 'finished')
    })
  }

  it('drops a run whose work has become another, and begins that from its beginning', async (t) => {
    const stage = await WorkerStage.open(t)
    const begun: (number | undefined)[] = []
    let file = 'first'
    await stage.work(
      daemonWith(
        async ({ step }) => {
          await step('rows', async (cursor: Cursor<number>) => {
            begun.push(cursor.value)
            await cursor.save(7)
            if (begun.length === 3) return
            file = begun.length === 1 ? 'first' : 'second'
            throw new Error('the connection was cut')
          })
          return {}
        },
        { key: async () => file, retries: { attempts: 5, firstMs: 1_000 } },
      ),
    )
    const id = await stage.enqueue({ key: 'schedule 2026-01-31' })
    for (const failures of [1, 2]) {
      await stage.until(
        () => stage.events.filter(({ type }) => type === 'run_retried').length === failures,
        'retry',
      )
      stage.clock.advance(60_000)
    }
    await stage.until(() => stage.events.some(({ type }) => type === 'run_finished'), 'an end')
    // The same file is gone on with, a changed one begun anew.
    assert.deepEqual(begun, [undefined, 7, undefined])
    const runs = await stage.engine.runs({ limit: 9 })
    assert.deepEqual(
      runs.map(({ id: of, state, key }) => [of === id, state, key]),
      [
        [false, 'finished', 'second'],
        [true, 'superseded', 'schedule 2026-01-31'],
      ],
    )
    assert.ok(stage.events.some((event) => event.type === 'run_superseded' && event.runId === id))
  })

  it('puts a run aside at once whose input the job no longer takes', async (t) => {
    const stage = await WorkerStage.open(t)
    await stage.work(daemonWith(async () => assert.fail('it must not run')))
    const id = await stage.enqueue({ input: { n: 'three' } })
    assert.equal((await stage.untilState(id, 'dead')).error?.code, 'job_input_invalid')
  })

  it('ends an attempt by its signal when its time is up', async (t) => {
    const stage = await WorkerStage.open(t)
    const worker = await stage.work(
      daemonWith(
        ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        { timeLimitMs: 5_000, retries: { attempts: 1 } },
      ),
    )
    const id = await stage.enqueue()
    await stage.until(() => worker.runs.length === 1, 'in hand')
    stage.clock.advance(5_000)
    assert.equal((await stage.untilState(id, 'dead')).error?.code, 'time_limit')
    assert.equal(stage.types().includes('run_stuck'), false)
  })

  it('ends with its process when a job does not heed its signal, after the others are given back', async (t) => {
    const stage = await WorkerStage.open(t)
    const worker = await stage.work(
      daemonWith(
        ({ input, signal }) =>
          input.n === 1
            ? new Promise(() => {})
            : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        { concurrency: 2, timeLimitMs: 60_000 },
      ),
    )
    const deaf = await stage.enqueue({ key: 'deaf', input: { n: 1 } })
    await stage.until(() => worker.runs.length === 1, 'in hand')
    stage.clock.advance(50_000)
    const other = await stage.enqueue({ key: 'other' })
    await stage.until(() => worker.runs.length === 2, 'both in hand')
    stage.clock.advance(10_000)
    stage.clock.advance(30_000)
    assert.equal(await worker.ended, 'unfit')
    assert.deepEqual(worker.runs, [])
    const record = await stage.engine.run(deaf)
    assert.deepEqual([record?.state, record?.failures, record?.error?.code], ['queued', 1, 'time_limit'])
    assert.ok((record?.notBeforeMs ?? 0) >= stage.clock.now() + 30_000)
    assert.deepEqual(
      [(await stage.engine.run(other))?.state, (await stage.engine.run(other))?.failures],
      ['queued', 0],
    )
    assert.deepEqual([stage.event('run_stuck').runId, stage.event('run_stuck').forMs], [deaf, 30_000])
  })

  it('stops a run that a person cancels, at the next heartbeat', async (t) => {
    const stage = await WorkerStage.open(t)
    const { opened, open } = gate()
    const worker = await stage.work(
      daemonWith(({ step }) =>
        step('one', async (cursor: Cursor<number>) => {
          await opened
          await cursor.save(1)
          assert.fail('it must not go on')
        }),
      ),
    )
    const id = await stage.enqueue()
    await stage.until(() => worker.runs.length === 1, 'in hand')
    await stage.engine.cancel(id)
    stage.clock.advance(stage.engine.leaseMs / 3)
    await stage.until(async () => {
      open()
      return (await stage.engine.run(id))?.state === 'cancelled'
    }, 'cancelled')
    await stage.until(() => stage.types().includes('run_cancelled'), 'told')
  })

  it('leaves alone a run that it no longer has, and tells so', async (t) => {
    const stage = await WorkerStage.open(t)
    const { opened, open } = gate()
    await stage.work(daemonWith(async () => (await opened, { late: true })))
    const id = await stage.enqueue()
    await stage.until(() => stage.types().includes('run_started'), 'started')
    await stage.enqueue({ key: 'newer', others: 'supersede' })
    open()
    await stage.until(() => stage.types().includes('lease_lost'), 'told')
    assert.deepEqual(
      [(await stage.engine.run(id))?.state, stage.event('lease_lost').runId],
      ['superseded', id],
    )
  })

  it('takes back what a dead worker had, and tells of the death', async (t) => {
    const stage = await WorkerStage.open(t)
    const id = await stage.enqueue()
    await stage.engine.claim([{ job: 'work', runs: 1 }])
    stage.clock.advance(stage.engine.leaseMs + 1)
    await stage.work(daemonWith(async () => ({})))
    await stage.untilState(id, 'finished')
    assert.equal(stage.event('worker_died').deaths, 1)
  })

  it('leaves a checkpoint of newer code alone, without a failure, until newer code is there', async (t) => {
    const stage = await WorkerStage.open(t)
    const id = await stage.enqueue()
    const [run] = await stage.engine.claim([{ job: 'work', runs: 1 }])
    assert.ok(run)
    const step = { finished: true, value: 'of version 2' }
    await stage.engine.checkpoints.saveStep(lease(run, 2), 'one', step, {}, NO_TRAFFIC)
    await stage.engine.settle([{ run, as: 'released', traffic: NO_TRAFFIC }])
    const older = await stage.work(daemonWith(async () => assert.fail('it must not run')))
    await stage.until(() => stage.types().includes('run_released'), 'released')
    const record = await stage.engine.run(id)
    assert.deepEqual(
      [record?.state, record?.failures, record?.error?.code],
      ['queued', 0, 'checkpoint_newer'],
    )
    await older.stop(GRACE_MS)
    stage.clock.advance(60_000)
    await stage.work(
      daemonWith(async ({ step: of }) => ({ one: await of('one', async () => 'again') }), { version: 2 }),
    )
    assert.deepEqual((await stage.untilState(id, 'finished')).result, { one: 'of version 2' })
  })
})

describe('a worker that is stopped', () => {
  it('lets its runs come to their next checkpoint, and gives them back without a failure', async (t) => {
    const stage = await WorkerStage.open(t)
    const { opened, open } = gate()
    const worker = await stage.work(
      daemonWith(({ step }) =>
        step('one', async (cursor: Cursor<number>) => {
          await opened
          await cursor.save(7)
          assert.fail('it must not go on')
        }),
      ),
    )
    const id = await stage.enqueue()
    await stage.until(() => worker.runs.length === 1, 'in hand')
    const stopped = worker.stop(GRACE_MS)
    await stage.enqueue({ key: 'later' })
    open()
    await stopped
    assert.equal(await worker.ended, 'stopped')
    const record = await stage.engine.run(id)
    assert.deepEqual([record?.state, record?.failures, record?.deaths], ['queued', 0, 0])
    assert.deepEqual(stage.types(), ['run_started', 'run_released'])
    const [run] = await stage.engine.claim([{ job: 'work', runs: 1 }])
    assert.ok(run?.resumed)
    assert.deepEqual(await stage.engine.checkpoints.step(lease(run), 'one'), { finished: false, value: 7 })
  })

  it('waits no longer than its grace period, and leaves to the lease what does not stop', async (t) => {
    const stage = await WorkerStage.open(t)
    const worker = await stage.work(daemonWith(() => new Promise(() => {})))
    const id = await stage.enqueue()
    await stage.until(() => worker.runs.length === 1, 'in hand')
    const stopped = worker.stop(GRACE_MS)
    let isStopped = false
    void stopped.then(() => (isStopped = true))
    await stage.turns()
    stage.clock.advance(GRACE_MS - 1)
    await stage.turns()
    assert.equal(isStopped, false)
    stage.clock.advance(1)
    await stopped
    assert.equal((await stage.engine.run(id))?.state, 'running')
  })
})

describe('a worker in several tenants', () => {
  it('makes one run in each tenant, whose outcomes are their own', async (t) => {
    const stage = await WorkerStage.open(t)
    const tenants = ['a.example', 'b.example', 'c.example']
    const worked: string[] = []
    await stage.work(
      daemonWith(
        async ({ tenant, identity, input }) => {
          worked.push(`${tenant} ${identity.authority.tenant} ${input.n}`)
          if (tenant === 'b.example')
            throw Object.assign(new ConfigurationError('x', { code: 'refused', aadsts: [700_016] }))
          return {}
        },
        { tenants: 'each', concurrency: 2 },
        async () => tenants,
      ),
    )
    const parent = await stage.enqueue({ tenant: '*', input: { n: 5 } })
    const done = await stage.untilState(parent, 'finished')
    assert.deepEqual(done.result, { tenants: 3, runs: 3, skipped: 0 })
    await stage.until(async () => {
      const children = await stage.engine.runs({ parent, limit: 10 })
      return children.every(({ state }) => state === 'finished' || state === 'unconsented')
    }, 'all ended')
    assert.deepEqual(
      worked.toSorted(),
      tenants.map((tenant) => `${tenant} ${tenant} 5`),
    )
    await stage.until(() => stage.types().includes('run_unconsented'), 'told')
    assert.equal(stage.event('run_unconsented').tenant, 'b.example')
    assert.equal(stage.types().includes('run_dead'), false)
  })

  it('makes every child once, wherever the one that makes them is interrupted', async (t) => {
    const stage = await WorkerStage.open(t)
    const tenants = Array.from({ length: 1_200 }, (_, at) => `t${at}.example`)
    const daemon = daemonWith(async () => ({}), { tenants: 'each', concurrency: 50 }, tenants)
    const parent = await stage.enqueue({ tenant: '*' })
    const [run] = await stage.engine.claim([{ job: 'work', runs: 1 }])
    assert.ok(run)
    const early = tenants.slice(0, 500).map((tenant) => ({ ...run, tenant, parent, firingMs: undefined }))
    await stage.engine.enqueue(early)
    stage.clock.advance(stage.engine.leaseMs + 1)
    await stage.work(daemon)
    await stage.untilState(parent, 'finished')
    await stage.until(async () => (await stage.engine.depth()).length === 0, 'all ended')
    const finished = stage.events.filter(({ type }) => type === 'run_finished')
    assert.equal(finished.length, 1_201)
    assert.equal(new Set(finished.map((event) => 'runId' in event && event.runId)).size, 1_201)
  })

  it('puts a fan-out aside whose tenants are none', async (t) => {
    const stage = await WorkerStage.open(t)
    for (const [at, wrong] of [['a b'], 'all', ['*'], [1]].entries()) {
      const daemon = daemonWith(
        async () => ({}),
        { tenants: 'each' },
        async () => wrong as string[],
      )
      const worker = await stage.work(daemon)
      const parent = await stage.enqueue({ tenant: '*', key: `k${at}` })
      assert.equal((await stage.untilState(parent, 'dead')).error?.code, 'tenants_unusable')
      await worker.stop(GRACE_MS)
    }
  })
})
