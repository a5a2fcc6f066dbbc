import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type QueryResultRow } from 'pg'
import { startAgain, startPostgres } from '../tools/postgres-server.ts'
import type { Server } from '../tools/servers.ts'

const READY_WITHIN_MS = 60_000
const DOWN_MS = 2_000

const TABLES = `
  create table if not exists effect (run int, step int, attempts int not null, primary key (run, step));
  create table if not exists account (run int primary key, balance int not null)`

/** A PostgreSQL that is stopped and started, and workers that are killed and replaced. */
export class FleetStage {
  #server: Server
  readonly #workers: ChildProcess[] = []
  readonly #cache: string

  private constructor(server: Server, cache: string) {
    this.#server = server
    this.#cache = cache
  }

  static async start(): Promise<FleetStage> {
    const cache = await mkdtemp(join(tmpdir(), 'tomte-cache-'))
    const stage = new FleetStage(await startPostgres(), cache)
    await stage.rows(TABLES)
    return stage
  }

  get url(): string {
    return this.#server.url
  }

  /** Adds a worker, and resolves when it takes runs. */
  async addWorker(): Promise<void> {
    const child = spawn(
      process.execPath,
      [
        '--conditions=@tomte/source',
        '--disable-warning=ExperimentalWarning',
        join(import.meta.dirname, 'worker-process.ts'),
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: {
          ...process.env,
          TOMTE_DRILL_DATABASE: this.url,
          // A worker that takes another's place must not spend its time on compiling.
          NODE_COMPILE_CACHE: this.#cache,
        },
      },
    )
    this.#workers.push(child)
    const signal = AbortSignal.timeout(READY_WITHIN_MS)
    // One that is killed before it is ready is not waited for.
    await Promise.race([once(createInterface(child.stdout), 'line', { signal }), once(child, 'exit')])
  }

  /** Kills the worker of this number as kill -9 does, and adds another in its place, for which it does not wait. */
  async replaceWorker(number: number): Promise<void> {
    const [child] = this.#workers.splice(number % this.#workers.length, 1)
    if (child === undefined) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    void this.addWorker().catch(() => {})
  }

  /** Stops PostgreSQL: in order by SIGINT, as a power cut by SIGQUIT; and starts it again a moment later. */
  async breakDatabase(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const gone = once(this.#server.process, 'exit')
    this.#server.process.kill(signal)
    await gone
    await sleep(DOWN_MS)
    this.#server = await startAgain(this.#server)
  }

  async rows<Row extends QueryResultRow>(text: string): Promise<readonly Row[]> {
    const client = new Client({ connectionString: this.url })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end()
    }
  }

  async remove(): Promise<void> {
    for (const child of this.#workers) child.kill('SIGKILL')
    const gone = once(this.#server.process, 'exit')
    this.#server.process.kill('SIGINT')
    await gone
    for (const folder of [this.#server.folder, this.#cache])
      await rm(folder, { recursive: true, force: true })
  }
}
