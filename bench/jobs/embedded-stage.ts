// A worker on the embedded engine with jobs that do nothing, or nothing but save.
import { join } from 'node:path'
import { z } from 'zod'
import type { Cursor } from '../../packages/jobs/src/checkpoint.ts'
import { type Daemon, defineDaemon, defineJob, type JobContext } from '../../packages/jobs/src/daemon.ts'
import { EmbeddedEngine } from '../../packages/jobs/src/engine/embedded.ts'
import { surroundingsOf } from '../../packages/jobs/src/surroundings.ts'
import { startWorker, type Worker } from '../../packages/jobs/src/worker.ts'

const ENVIRONMENT = {
  AZURE_TENANT_ID: 'contoso.example',
  AZURE_CLIENT_ID: '22222222-bbbb-4bbb-8bbb-000000000002',
  AZURE_CLIENT_CERTIFICATE_PATH: 'nowhere.pem',
}
const TENANT = 'contoso.example'

/** What the job that saves does between its saves, if anything. */
export type Saving = (cursor: Cursor<number>) => Promise<void>

export class EmbeddedStage {
  readonly engine: EmbeddedEngine
  readonly #worker: Worker
  readonly #heard: () => void
  #left = 0
  #emptied: () => void = () => {}
  #keys = 0

  private constructor(engine: EmbeddedEngine, start: (finished: () => void) => Worker) {
    this.engine = engine
    this.#heard = () => {
      this.#left -= 1
      if (this.#left === 0) this.#emptied()
    }
    this.#worker = start(() => this.#heard())
  }

  static async open(folder: string, saving: Saving = async () => {}): Promise<EmbeddedStage> {
    const engine = await EmbeddedEngine.open(join(folder, 'jobs.db'))
    const input = z.object({})
    const save = ({ step }: JobContext<object>) => step('saves', saving).then(() => ({}))
    const daemon: Daemon = defineDaemon({
      apis: {},
      jobs: {
        nothing: defineJob({ input, run: async () => ({}) }),
        save: defineJob({ input, run: save, retries: { attempts: 1 } }),
      },
    })
    const surroundings = await surroundingsOf(daemon, { environment: ENVIRONMENT })
    return new EmbeddedStage(engine, (finished) =>
      startWorker({
        engine,
        daemon,
        surroundings,
        tell: ({ type, ...event }) => {
          if (type === 'run_finished') finished()
          else if (type !== 'run_started') throw new Error(`${type}: ${JSON.stringify(event)}`)
        },
      }),
    )
  }

  /** Queues runs that do not start yet; one commit. */
  async queue(job: 'nothing' | 'save', runs: number): Promise<void> {
    await this.engine.pause(job, true)
    this.#left = runs
    await this.engine.enqueue(
      Array.from({ length: runs }, () => ({ job, tenant: TENANT, input: {}, key: `k${(this.#keys += 1)}` })),
    )
  }

  /** Lets them start; resolves when all have finished. */
  async finish(job: 'nothing' | 'save'): Promise<void> {
    const emptied = new Promise<void>((resolve) => (this.#emptied = resolve))
    await this.engine.pause(job, false)
    await emptied
  }

  async close(): Promise<void> {
    await this.#worker.stop(1_000)
    await this.engine.close()
  }
}
