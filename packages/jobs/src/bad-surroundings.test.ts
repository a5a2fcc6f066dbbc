import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { EmbeddedEngine } from './engine/embedded.ts'
import { surroundingsOf } from './surroundings.ts'
import { anotherProcess, ENVIRONMENT, temporaryFolder } from './test-support.ts'
import { daemonWith, WorkerStage } from './worker-test-support.ts'
import { startWorker } from './worker.ts'

describe('a worker in bad surroundings', () => {
  it('dies with a job that takes all memory, which is a death and no failure, and nothing is lost', async (t) => {
    const folder = await temporaryFolder(t)
    const greedy = anotherProcess(
      t,
      `import { EmbeddedEngine } from './engine/embedded.ts'
      import { surroundingsOf } from './surroundings.ts'
      import { daemonWith } from './worker-test-support.ts'
      import { startWorker } from './worker.ts'
      const engine = await EmbeddedEngine.open(process.argv[1] + '/jobs.db')
      await engine.enqueue([{ job: 'work', tenant: 'contoso.example', input: {}, key: 'key' }])
      const daemon = daemonWith(async ({ step }) => {
        await step('small', async () => 'done')
        const all = []
        for (;;) all.push(Array.from({ length: 10_000 }, (_, n) => ({ n })))
      })
      const surroundings = await surroundingsOf(daemon, { environment: ${JSON.stringify(ENVIRONMENT)} })
      startWorker({ engine, daemon, surroundings, tell: () => {} })`,
      folder,
      ['--max-old-space-size=60'],
    )
    await greedy.ended
    assert.notEqual(greedy.child.exitCode ?? greedy.child.signalCode, 0)
    assert.match(greedy.stderr(), /heap out of memory/)
    const engine = await EmbeddedEngine.open(join(folder, 'jobs.db'))
    t.after(() => engine.close())
    assert.deepEqual(
      (await engine.recover()).map(({ deaths, failures, as }) => [deaths, failures, as]),
      [[1, 0, 'queued']],
    )
    const [run] = await engine.claim([{ job: 'work', runs: 1 }])
    assert.equal(run?.resumed, true)
  })

  it('writes the end of a run once the engine answers again, and does its work once', async (t) => {
    const stage = await WorkerStage.open(t)
    let done = 0
    const daemon = daemonWith(async () => ({ done: (done += 1) }))
    const failing = new Set(['settle', 'claim', 'heartbeat'])
    const engine = new Proxy(stage.engine, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name)
        if (typeof value !== 'function') return value
        return (...given: unknown[]): unknown =>
          failing.delete(String(name))
            ? Promise.reject(new Error('the connection is lost'))
            : Reflect.apply(value, of, given)
      },
    })
    const worker = startWorker({
      engine,
      daemon,
      surroundings: await surroundingsOf(daemon, { environment: ENVIRONMENT }),
      tell: (event) => void stage.events.push(event),
      clock: stage.clock,
      random: () => 0,
    })
    t.after(() => worker.stop(0))
    const id = await stage.enqueue()
    for (let turns = 0; turns < 6; turns += 1) {
      await stage.turns()
      stage.clock.advance(1_000)
    }
    const { result } = await stage.untilState(id, 'finished')
    assert.deepEqual([result, done], [{ done: 1 }, 1])
    const failed = stage.events.flatMap((event) => (event.type === 'engine_failed' ? [event.during] : []))
    assert.deepEqual(failed, ['claim', 'settle'])
  })
})
