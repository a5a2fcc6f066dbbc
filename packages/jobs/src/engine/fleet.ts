import { hostname } from 'node:os'
import { type Clock, systemClock } from '@tomte/client'
import { backUpByDatabase } from '../back-up-faults.ts'
import type {
  Capacity,
  ClaimedRun,
  Engine,
  Enqueued,
  Interruption,
  LostRun,
  NewRun,
  RunCheckpoints,
  RunLease,
  RunQuery,
  RunRecord,
  Settlement,
  StoredSchedule,
  Taken,
} from './engine.ts'
import { NO_TRAFFIC } from './engine.ts'
import { Alarm } from './fleet/alarm.ts'
import { fleetCheckpoints } from './fleet/checkpoints.ts'
import { claim } from './fleet/claim.ts'
import { openDatabase } from './fleet/database.ts'
import { enqueue } from './fleet/enqueue.ts'
import { jobOf, LEASE_MS, queueOf } from './fleet/queue.ts'
import { recover } from './fleet/recover.ts'
import { cancel, findDepth, findRun, findRuns, prune, retry } from './fleet/records.ts'
import { findSchedules, saveSchedule } from './fleet/schedules.ts'
import { heartbeat, settle } from './fleet/settle.ts'
import { schemasOf } from './fleet/schemas.ts'
import { type FleetStore, msSql } from './fleet/store.ts'
import { prepareTables } from './fleet/tables.ts'
import { claimRun, take } from './fleet/take.ts'
import { leaseLost } from './run-records.ts'

/** How an engine of a fleet is opened. */
export interface FleetOptions {
  /** Tells daemons apart that share a database. Default: `daemon`. */
  readonly name?: string | undefined
  /** Shown in the history. Default: host and process. */
  readonly worker?: string | undefined
  /** Takes the place of the database's own clock, which is the same for all workers; for tests. */
  readonly clock?: Clock | undefined
}

/** Keeps runs in PostgreSQL, for any number of processes: pg-boss is their queue and lease. */
export class FleetEngine implements Engine {
  readonly leaseMs = LEASE_MS
  readonly isShared = true
  readonly checkpoints: RunCheckpoints
  readonly #store: FleetStore
  readonly #alarm: Alarm
  /** The jobs of the runs that were claimed here. */
  readonly #jobs = new Map<string, string>()

  private constructor(store: FleetStore, alarm: Alarm) {
    this.#store = store
    this.#alarm = alarm
    this.checkpoints = fleetCheckpoints(store, (run) => this.#jobOf(run))
  }

  /**
   * Opens a database of PostgreSQL 14 or later, and brings its tables to this release's format; processes that start at once
   * take turns.
   *
   * @throws JobError if the address is none, or its server cannot be reached, refuses the user, or cannot be used.
   */
  static async open(address: string, options: FleetOptions = {}): Promise<FleetEngine> {
    const { clock } = options
    const schemas = schemasOf(options.name ?? 'daemon')
    const database = openDatabase(address, { schema: schemas.runs, persistMs: LEASE_MS })
    try {
      const queue = await prepareTables(database, schemas, clock && (() => clock.now()))
      const store: FleetStore = {
        database,
        queue,
        schemas,
        worker: options.worker ?? `${hostname()} ${process.pid}`,
        noTraffic: JSON.stringify(NO_TRAFFIC),
        nowMs: () => msSql(queue.now()),
        tell: async (query, dueMs) => {
          await query('select pg_notify($1, $2)', [schemas.runs, String(dueMs ?? '')])
        },
      }
      const findTimes = () => findTimesOf(store)
      return new FleetEngine(
        store,
        new Alarm({ database, channel: schemas.runs, findTimes, clock: clock ?? systemClock }),
      )
    } catch (error) {
      await database.close()
      throw database.explain(error)
    }
  }

  enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]> {
    return enqueue(this.#store, runs)
  }

  async claim(capacities: readonly Capacity[]): Promise<readonly ClaimedRun[]> {
    const claimed = await claim(this.#store, capacities)
    for (const { id, job } of claimed) this.#jobs.set(id, job)
    return claimed
  }

  async take(run: NewRun): Promise<Taken> {
    const taken = await take(this.#store, run)
    if (taken.claimed) this.#jobs.set(taken.id, run.job)
    return taken
  }

  async claimRun(id: string): Promise<ClaimedRun | undefined> {
    const job = (await findRun(this.#store, id))?.job
    const claimed = job === undefined ? undefined : await claimRun(this.#store, { id, job })
    if (claimed) this.#jobs.set(id, claimed.job)
    return claimed
  }

  heartbeat(runs: Parameters<Engine['heartbeat']>[0]): Promise<readonly Interruption[]> {
    return heartbeat(this.#store, runs)
  }

  recover(): Promise<readonly LostRun[]> {
    return recover(this.#store)
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly string[]> {
    const lost = await settle(this.#store, settlements)
    for (const { run } of settlements) this.#jobs.delete(run.id)
    return lost
  }

  waitForWork(limitMs: number, signal: AbortSignal): Promise<void> {
    return this.#alarm.wait(limitMs, signal)
  }

  runs(query: RunQuery): Promise<readonly RunRecord[]> {
    return findRuns(this.#store, query)
  }

  run(id: string): Promise<RunRecord | undefined> {
    return findRun(this.#store, id)
  }

  retry(id: string): Promise<RunRecord> {
    return retry(this.#store, id)
  }

  cancel(id: string): Promise<RunRecord> {
    return cancel(this.#store, id)
  }

  async pause(job: string, paused: boolean): Promise<void> {
    const { query } = this.#store.database
    if (paused) await query('insert into pause (job) values ($1) on conflict do nothing', [queueOf(job)])
    else {
      await query('delete from pause where job = $1', [queueOf(job)])
      await this.#store.tell(query, undefined)
    }
  }

  async paused(): Promise<readonly string[]> {
    const rows = await this.#store.database.query<{ job: string }>('select job from pause')
    return rows.map(({ job }) => jobOf(job)).sort()
  }

  depth(): ReturnType<Engine['depth']> {
    return findDepth(this.#store)
  }

  schedules(): Promise<readonly StoredSchedule[]> {
    return findSchedules(this.#store)
  }

  saveSchedule(schedule: StoredSchedule, expected: StoredSchedule | undefined): Promise<boolean> {
    return saveSchedule(this.#store, schedule, expected)
  }

  prune(endedBeforeMs: number): Promise<number> {
    return prune(this.#store, endedBeforeMs)
  }

  async backUp(): Promise<void> {
    throw backUpByDatabase()
  }

  async close(): Promise<void> {
    await this.#alarm.close()
    await this.#store.queue.close()
    await this.#store.database.close()
  }

  async #jobOf({ id }: RunLease): Promise<string> {
    const job = this.#jobs.get(id) ?? (await findRun(this.#store, id))?.job
    if (job === undefined) throw leaseLost()
    return job
  }
}

/** How many of the next times are kept in mind. */
const TIMES_MAX = 100

async function findTimesOf({ database, queue, nowMs }: FleetStore) {
  const [row] = await database.query<{ now: number; times: readonly number[] | null }>(
    `select ${nowMs()} as now, array(select ${msSql('start_after')}::float8 from ${queue.table}
       where state < 'active' and not blocked and start_after > ${queue.now()}
       order by start_after limit ${TIMES_MAX}) as times`,
  )
  return { nowMs: row?.now ?? 0, times: row?.times ?? [] }
}
