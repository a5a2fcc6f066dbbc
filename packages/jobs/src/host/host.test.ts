import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { z } from 'zod'
import { type Daemon, defineDaemon, defineJob, type JobContext } from '../daemon.ts'
import { EmbeddedEngine } from '../engine/embedded.ts'
import type { NewRun } from '../engine/engine.ts'
import type { JobEvent } from '../events.ts'
import { ENVIRONMENT, temporaryFolder } from '../test-support.ts'
import { readAddress } from './address-file.ts'
import { openDesk } from './desk-choice.ts'
import { type DaemonOptions, type DaemonSignal, runDaemon } from './host.ts'

type Work = (context: JobContext<object>) => Promise<object>

const daemonOf = (run: Work, rules: object = {}): Daemon =>
  defineDaemon({ apis: {}, jobs: { work: defineJob({ input: z.object({}), ...rules, run }) } })

const RUN: NewRun = { job: 'work', tenant: 'contoso.example', input: {}, key: 'one' }

const running = new WeakMap<TestContext, (() => Promise<unknown>)[]>()

/** A folder that is removed once the daemons of the test have ended. */
async function dataFolderOf(t: TestContext): Promise<string> {
  t.after(async () => {
    for (const stop of running.get(t) ?? []) await stop()
  })
  return temporaryFolder(t)
}

/** A daemon on a data folder of its own, with what it logs, and its signals. */
async function hosted(t: TestContext, load: () => Promise<Daemon>, changed: Partial<DaemonOptions> = {}) {
  const dataFolder = changed.dataFolder ?? (await dataFolderOf(t))
  const signals = new EventEmitter()
  const lines: Record<string, unknown>[] = []
  const heard = new EventEmitter()
  const exits: number[] = []
  const ended = runDaemon({
    load,
    dataFolder,
    environment: ENVIRONMENT,
    sink: {
      write(text) {
        lines.push(JSON.parse(text) as Record<string, unknown>)
        heard.emit('line')
      },
    },
    signals,
    process,
    exit: (code) => void exits.push(code),
    ...changed,
  })
  const logged = async (event: string, count = 1) => {
    while (lines.filter((line) => line['event'] === event).length < count)
      await new Promise<void>((resolve) => {
        heard.once('line', resolve)
      })
    return lines.filter((line) => line['event'] === event).at(count - 1)
  }
  const signal = (name: DaemonSignal) => signals.emit(name)
  const stop = async () => {
    signal('SIGTERM')
    await ended.catch(() => {})
  }
  running.set(t, [...(running.get(t) ?? []), stop])
  return { dataFolder, ended, lines, logged, signal, signals, exits }
}

/** Queues a run before the daemon is started, since the file is for one process at a time. */
async function queued(t: TestContext, runs: readonly NewRun[] = [RUN]) {
  const dataFolder = await dataFolderOf(t)
  const engine = await EmbeddedEngine.open(join(dataFolder, 'jobs.db'))
  const ids = (await engine.enqueue(runs)).map(({ id }) => id)
  await engine.close()
  return { dataFolder, ids }
}

const endless: Work = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe('runDaemon', () => {
  it('does the work that is queued, tells how it is, and ends with 0 by SIGTERM', async (t) => {
    const { dataFolder, ids } = await queued(t)
    const { ended, logged, signal, lines, signals } = await hosted(
      t,
      async () => daemonOf(async ({ log }) => (log('at work'), { done: 1 })),
      { dataFolder },
    )
    assert.partialDeepStrictEqual(await logged('run_finished'), { job: 'work', run: ids[0], level: 'info' })
    assert.partialDeepStrictEqual(await logged('run_logged'), { msg: 'at work', tenant: 'contoso.example' })
    const desk = await openDesk({ load: assert.fail, dataFolder, environment: {} })
    const { jobs, ready } = await desk.status()
    assert.equal(ready, true)
    assert.partialDeepStrictEqual(jobs, [{ job: 'work', last: { id: ids[0], state: 'finished' } }])
    const { origin } = (await readAddress(dataFolder)) ?? assert.fail('no address')
    const metrics = await (await fetch(`${origin}/metrics`)).text()
    assert.match(metrics, /^tomte_job_runs_total\{job="work",outcome="finished"\} 1$/m)
    assert.equal((await fetch(`${origin}/health/ready`)).status, 200)
    signal('SIGTERM')
    assert.equal(await ended, 0)
    assert.equal(await readAddress(dataFolder), undefined)
    assert.deepEqual(signals.eventNames(), [])
    assert.equal(lines.at(-1)?.['event'], 'daemon_stopped')
    await assert.rejects(fetch(`${origin}/health/live`))
  })

  it('gives a run back at its checkpoint when it stops, and goes on there after its next start', async (t) => {
    const { dataFolder } = await queued(t)
    const work: Work = async ({ step, signal, log }) => ({
      from: await step('pieces', async (cursor) => {
        const from = (cursor.value as number | undefined) ?? 0
        await cursor.save(from + 3)
        log('saved')
        if (from === 0) await endless({ signal } as never)
        return from
      }),
    })
    const first = await hosted(t, async () => daemonOf(work), { dataFolder })
    await first.logged('run_logged')
    first.signal('SIGINT')
    assert.equal(await first.ended, 0)
    assert.partialDeepStrictEqual(await first.logged('run_released'), { why: 'stopping' })
    const second = await hosted(t, async () => daemonOf(work), { dataFolder })
    await second.logged('run_finished')
    const desk = await openDesk({ load: assert.fail, dataFolder, environment: {} })
    const [run] = await desk.runs({ limit: 1 })
    assert.partialDeepStrictEqual(run, { state: 'finished', result: { from: 3 }, failures: 0, deaths: 0 })
  })

  it('ends at once at the second signal', async (t) => {
    const { dataFolder } = await queued(t)
    let release = () => {}
    const deaf: Work = ({ log }) =>
      new Promise((resolve) => {
        release = () => resolve({})
        log('deaf')
      })
    const { logged, signal, exits } = await hosted(t, async () => daemonOf(deaf), {
      dataFolder,
      graceMs: 60_000,
    })
    await logged('run_logged')
    signal('SIGTERM')
    assert.deepEqual(exits, [])
    signal('SIGINT')
    assert.deepEqual(exits, [130])
    release()
  })

  it('works by a new configuration after SIGHUP, and refuses a broken one while the old goes on', async (t) => {
    const versions: (() => Daemon)[] = [
      () => daemonOf(async () => ({ version: 1 }), { schedule: '0 2 * * *' }),
      () => {
        throw new Error('Unexpected token in tomte.config.ts')
      },
      () => daemonOf(async () => ({ version: 3 }), { schedule: '99 2 * * *' }),
      () => ({ ...daemonOf(async () => ({ version: 3 })), name: 'other' }),
      () => daemonOf(async () => ({ version: 4 }), { schedule: '0 3 * * *' }),
    ]
    let number = 0
    const { dataFolder, logged, signal } = await hosted(t, async () =>
      (versions[number++] ?? assert.fail())(),
    )
    await logged('daemon_ready')
    const schedule = async () => {
      const desk = await openDesk({ load: assert.fail, dataFolder, environment: {} })
      return (await desk.status()).jobs[0]?.schedule
    }
    for (const [count, [code, message]] of (
      [
        ['unexpected', /^The new configuration is refused, and the old one goes on: Unexpected token/],
        ['daemon_invalid', /jobs\.work\.schedule/],
        ['daemon_renamed', /Cannot take another name while it runs/],
      ] as const
    ).entries()) {
      signal('SIGHUP')
      const line = await logged('reload_refused', count + 1)
      assert.equal(line?.['code'], code)
      assert.match(String(line['msg']), message)
      assert.equal(await schedule(), '0 2 * * *')
    }
    signal('SIGHUP')
    await logged('daemon_reloaded')
    assert.equal(await schedule(), '0 3 * * *')
  })

  it('leaves nothing behind when it cannot start', async (t) => {
    const cases: readonly (readonly [string, () => Promise<Daemon>, Partial<DaemonOptions>])[] = [
      ['daemon_invalid', async () => daemonOf(endless, { schedule: 'soon' }), {}],
      ['status_exposure_refused', async () => daemonOf(endless), { statusHost: '0.0.0.0' }],
      [
        'webhook_unusable',
        async () => daemonOf(endless),
        { environment: { ...ENVIRONMENT, TOMTE_WEBHOOK_URL: 'http://hooks.example/' } },
      ],
      ['environment_incomplete', async () => daemonOf(endless), { environment: {} }],
    ]
    for (const [code, load, changed] of cases) {
      const { ended, dataFolder, signals } = await hosted(t, load, changed)
      await assert.rejects(ended, (error: Error & { code?: string }) => {
        assert.equal(error.code, code, error.message)
        return true
      })
      assert.equal(await readAddress(dataFolder), undefined)
      assert.deepEqual(signals.eventNames(), [])
      await (await EmbeddedEngine.open(join(dataFolder, 'jobs.db'))).close()
    }
  })

  it('refuses a data folder that another daemon uses', async (t) => {
    const first = await hosted(t, async () => daemonOf(endless))
    await first.logged('daemon_ready')
    const before = await readFile(join(first.dataFolder, 'daemon.json'), 'utf8')
    const second = await hosted(t, async () => daemonOf(endless), { dataFolder: first.dataFolder })
    await assert.rejects(second.ended, { name: 'JobError', code: 'checkpoints_held' })
    assert.equal(await readFile(join(first.dataFolder, 'daemon.json'), 'utf8'), before)
  })

  it('is a part of a program that keeps its own signals, makes runs for it, and ends it', async (t) => {
    const ending = new AbortController()
    const { dataFolder, ended, logged, signals } = await hosted(
      t,
      async () => daemonOf(async ({ tenant }) => ({ tenant })),
      { signals: undefined, exit: undefined, signal: ending.signal },
    )
    await logged('daemon_ready')
    assert.deepEqual(signals.eventNames(), [])
    const desk = await openDesk({ load: assert.fail, dataFolder, environment: {} })
    const { id } = await desk.start({ job: 'work', input: {} })
    await logged('run_finished')
    assert.partialDeepStrictEqual(await desk.run(id), {
      state: 'finished',
      result: { tenant: 'contoso.example' },
    })
    ending.abort()
    assert.equal(await ended, 0)
  })

  it('is given what was queued while it did not run', async (t) => {
    const dataFolder = await dataFolderOf(t)
    const daemon = daemonOf(async () => ({}))
    const desk = await openDesk({ load: async () => daemon, dataFolder, environment: ENVIRONMENT })
    const { id } = await desk.start({ job: 'work', input: {} })
    await desk.close()
    const { logged } = await hosted(t, async () => daemon, { dataFolder })
    assert.equal((await logged('run_finished'))?.['run'], id)
  })

  it('tells whoever listens of every event', async (t) => {
    const { dataFolder } = await queued(t)
    const events: JobEvent['type'][] = []
    const { logged } = await hosted(
      t,
      async () => daemonOf(async ({ progress }) => (progress(1, 2, 'pieces'), {})),
      { dataFolder, onEvent: ({ type }) => void events.push(type) },
    )
    await logged('run_finished')
    assert.deepEqual(events, ['run_started', 'run_progress', 'run_finished'])
  })
})
