// A worker on a real embedded engine, with a clock that stands still until a test moves it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import {
  type Daemon,
  defineDaemon,
  type JobContext,
  type JobRules,
  type Tenants,
  type Job,
} from './daemon.ts'
import { EmbeddedEngine } from './engine/embedded.ts'
import type { NewRun, RunRecord } from './engine/engine.ts'
import { newRun } from './engine/promise-test-support.ts'
import type { JobEvent } from './events.ts'
import { surroundingsOf } from './surroundings.ts'
import { ENVIRONMENT, TestClock, temporaryFolder } from './test-support.ts'
import { startWorker, type Worker } from './worker.ts'

type Run = (context: JobContext<{ readonly n?: number | undefined }>) => Promise<unknown>

/** A daemon whose one job, `work`, takes a number at most, and may return what it should not. */
export function daemonWith(
  run: Run,
  rules: JobRules & Pick<Job<object>, 'key'> = {},
  tenants: Tenants = [],
): Daemon {
  const input = z.object({ n: z.number().optional() })
  const job = { input, run: run as (context: JobContext<never>) => Promise<object>, ...rules }
  return defineDaemon({ apis: {}, tenants, jobs: { work: job } })
}

/** A stage with an engine, and a worker on it for each daemon that is put there. */
export class WorkerStage {
  readonly clock: TestClock
  readonly engine: EmbeddedEngine
  readonly events: JobEvent[] = []
  readonly #test: TestContext

  private constructor(t: TestContext, clock: TestClock, engine: EmbeddedEngine) {
    this.#test = t
    this.clock = clock
    this.engine = engine
  }

  static async open(t: TestContext): Promise<WorkerStage> {
    const clock = new TestClock()
    const engine = await EmbeddedEngine.open(join(await temporaryFolder(t), 'jobs.db'), { clock })
    t.after(() => engine.close())
    return new WorkerStage(t, clock, engine)
  }

  async work(daemon: Daemon): Promise<Worker> {
    const worker = startWorker({
      engine: this.engine,
      daemon,
      surroundings: await surroundingsOf(daemon, { environment: ENVIRONMENT }),
      tell: (event) => void this.events.push(event),
      clock: this.clock,
      random: () => 0.5,
    })
    this.#test.after(() => worker.stop(0))
    return worker
  }

  async enqueue(more: Partial<NewRun> = {}): Promise<string> {
    const [enqueued] = await this.engine.enqueue([newRun(more)])
    return enqueued?.id ?? ''
  }

  /** Resolves when it holds; turns of the event loop pass, and no time. */
  async until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
    for (let turns = 0; turns < 5_000; turns += 1) {
      if (await holds()) return
      await setImmediate()
    }
    assert.fail(`never: ${what}; there was ${this.types().join(', ')}`)
  }

  /** Lets everything happen that needs no time. */
  async turns(): Promise<void> {
    for (let turns = 0; turns < 20; turns += 1) await setImmediate()
  }

  /** Resolves when a run stands where it is said to, and everything of it has been told. */
  async untilState(id: string, state: RunRecord['state']): Promise<RunRecord> {
    await this.until(async () => (await this.engine.run(id))?.state === state, `${id} ${state}`)
    await setImmediate()
    const record = await this.engine.run(id)
    assert.ok(record)
    return record
  }

  types(): string[] {
    return this.events.map(({ type }) => type)
  }

  /** The one event of a type. */
  event<Type extends JobEvent['type']>(type: Type): Extract<JobEvent, { type: Type }> {
    const found = this.events.filter((event) => event.type === type)
    assert.equal(found.length, 1, `${type}: ${this.types().join(', ')}`)
    return found[0] as Extract<JobEvent, { type: Type }>
  }
}

/** A promise and what resolves it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}
