import { hostname } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { type Clock, systemClock } from '@tomte/client'
import { Kysely } from 'kysely'
import { openSqlite, explain } from '../sqlite.ts'
import { BackUps } from './embedded-back-up.ts'
import { EmbeddedCheckpoints } from './embedded-checkpoints.ts'
import { EmbeddedDatabase } from './embedded-database.ts'
import { sqliteDialect } from './embedded-dialect.ts'
import { pruneRuns, settleOne, takeBack, wakeWaiting } from './embedded-endings.ts'
import { Outlook } from './embedded-outlook.ts'
import {
  claimDue,
  claimedRun,
  claimOne,
  enqueueOne,
  type Lease,
  nextTurn,
  promoteTimed,
  VirtualTimes,
} from './embedded-queue.ts'
import { findSchedules, storeSchedule } from './embedded-schedules.ts'
import { takeAlone } from './embedded-take.ts'
import type {
  Capacity,
  ClaimedRun,
  Engine,
  Enqueued,
  Interruption,
  LostRun,
  NewRun,
  RunQuery,
  RunRecord,
  Settlement,
  StoredSchedule,
  Taken,
} from './engine.ts'
import {
  endedRun,
  findDepth,
  findRuns,
  idOf,
  recordOf,
  type RunRow,
  unfinishedRun,
  unknownRun,
} from './run-records.ts'
import { migrateRunTables, type RunTables } from './run-tables.ts'

/** How an embedded engine is opened. */
export interface EmbeddedOptions {
  readonly clock?: Clock | undefined
  /** Default: 30,000 ms. */
  readonly leaseMs?: number | undefined
  /** Shown in the history. Default: host and process. */
  readonly worker?: string | undefined
}

const LEASE_MS = 30_000
// One transaction keeps the event loop for some milliseconds; many requests take several.
const ENQUEUED_AT_ONCE = 500
const TAKEN_BACK_AT_ONCE = 100

/** Keeps runs in one SQLite file, for one process; what changes something is synced to the disk. */
export class EmbeddedEngine implements Engine {
  readonly leaseMs: number
  readonly isShared = false
  readonly checkpoints: EmbeddedCheckpoints
  readonly #db: EmbeddedDatabase
  readonly #kysely: Kysely<RunTables>
  readonly #clock: Clock
  readonly #worker: string
  readonly #waiting = new Set<() => void>()
  /** Until when each running run is leased, in ms: there is one process, so a lease need not be on the disk. */
  readonly #leases: Map<number, number>
  readonly #times = new VirtualTimes()
  readonly #backUps = new BackUps()
  readonly #outlook: Outlook
  /** Whether something may have become due since it was last looked. */
  #isStirred = false

  private constructor(db: EmbeddedDatabase, kysely: Kysely<RunTables>, options: EmbeddedOptions) {
    this.#db = db
    this.#kysely = kysely
    this.#clock = options.clock ?? systemClock
    this.leaseMs = options.leaseMs ?? LEASE_MS
    this.#worker = options.worker ?? `${hostname()} ${process.pid}`
    this.#outlook = new Outlook(db)
    // Nobody else can have the file: whoever had these runs is gone.
    const running = db.all<{ id: number }>(`select id from run where state = 'running'`)
    this.#leases = new Map(running.map(({ id }) => [id, Number.NEGATIVE_INFINITY]))
    this.checkpoints = new EmbeddedCheckpoints(db, this.#leases)
  }

  /**
   * Opens the file for this process alone. Runs that an earlier process died with are taken back by `recover`.
   *
   * @throws JobError if the file cannot be used, another process holds it, it is damaged, or of a newer release.
   */
  static async open(file: string, options: EmbeddedOptions = {}): Promise<EmbeddedEngine> {
    const sqlite = openSqlite(file)
    try {
      const kysely = new Kysely<RunTables>({ dialect: sqliteDialect(sqlite) })
      await migrateRunTables(kysely, 'sqlite', file)
      const db = new EmbeddedDatabase(sqlite, file)
      return new EmbeddedEngine(db, kysely, options)
    } catch (error) {
      sqlite.close()
      throw explain(file, error)
    }
  }

  async enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]> {
    const enqueued: Enqueued[] = []
    for (let start = 0; start < runs.length; start += ENQUEUED_AT_ONCE) {
      if (start > 0) await setImmediate()
      const chunk = runs.slice(start, start + ENQUEUED_AT_ONCE)
      const nowMs = this.#clock.now()
      enqueued.push(
        ...(await this.#db.commit(() => {
          this.#times.write(this.#db)
          return chunk.map((run) => enqueueOne(this.#db, run, nowMs))
        })),
      )
      this.#times.written()
      for (const { job } of chunk) this.#outlook.changed(job)
    }
    this.#wake()
    return enqueued
  }

  async claim(capacities: readonly Capacity[]): Promise<readonly ClaimedRun[]> {
    this.#isStirred = false
    const nowMs = this.#clock.now()
    const hopeful = this.#outlook.hopeful(capacities, nowMs)
    if (hopeful.length === 0) return []
    try {
      return await this.#db.commit(() => {
        this.#promote(nowMs)
        return hopeful.flatMap((capacity) => this.#claimOf(capacity))
      })
    } catch (error) {
      // What was found is as it was before.
      this.#outlook.allChanged()
      throw error
    }
  }

  /** Within a transaction. */
  #promote(nowMs: number): void {
    if (this.#outlook.nextTimedMs > nowMs) return
    promoteTimed(this.#db, nowMs)
    this.#outlook.allChanged()
  }

  /** Within a transaction. */
  #claimOf(capacity: Capacity): readonly ClaimedRun[] {
    const lease = this.#lease()
    const rows = claimDue(this.#db, capacity, lease)
    if (rows.length < capacity.runs) this.#outlook.exhausted(capacity.job)
    return this.#leased(rows, lease)
  }

  take(run: NewRun): Promise<Taken> {
    return takeAlone(this, run)
  }

  async claimRun(id: string): Promise<ClaimedRun | undefined> {
    return this.#db.commit(() => {
      const lease = this.#lease()
      return this.#leased(claimOne(this.#db, idOf(id), lease), lease)[0]
    })
  }

  #lease(): Lease {
    const nowMs = this.#clock.now()
    return { worker: this.#worker, nowMs, untilMs: nowMs + this.leaseMs }
  }

  #leased(rows: ReturnType<typeof claimDue>, { untilMs }: Lease): readonly ClaimedRun[] {
    for (const { id } of rows) this.#leases.set(id, untilMs)
    this.#times.claimed(rows)
    return rows.map((row) => claimedRun(row, untilMs))
  }

  async heartbeat(runs: Parameters<Engine['heartbeat']>[0]): Promise<readonly Interruption[]> {
    if (runs.length === 0) return []
    const untilMs = this.#clock.now() + this.leaseMs
    const store = 'update run set progress = ? where id = ? and progress is not ?'
    const changed = runs.filter(({ progress }) => progress !== undefined)
    const find = `select cancel_asked from run where id = ? and epoch = ? and state = 'running'`
    const interrupted = this.#db.read(() =>
      runs.flatMap(({ id, epoch }): Interruption[] => {
        const row = this.#db.one<{ cancel_asked: number }>(find, idOf(id), epoch)
        if (row === undefined) return [{ id, why: 'lease lost' }]
        this.#leases.set(idOf(id), untilMs)
        return row.cancel_asked === 1 ? [{ id, why: 'cancelled' }] : []
      }),
    )
    const lost = new Set(interrupted.filter(({ why }) => why === 'lease lost').map(({ id }) => id))
    const kept = changed.filter(({ id }) => !lost.has(id))
    if (kept.length > 0)
      await this.#db.commit(() => {
        for (const { id, progress } of kept) {
          const text = JSON.stringify(progress)
          this.#db.change(store, text, idOf(id), text)
        }
      })
    return interrupted
  }

  async recover(): Promise<readonly LostRun[]> {
    const nowMs = this.#clock.now()
    const over = [...this.#leases].filter(([, untilMs]) => untilMs < nowMs).slice(0, TAKEN_BACK_AT_ONCE)
    if (over.length === 0) return []
    const rows = this.#db.read(() =>
      over.flatMap(
        ([id]) => this.#db.one<RunRow>(`select * from run where id = ? and state = 'running'`, id) ?? [],
      ),
    )
    const lost = await this.#db.commit(() => rows.map((row) => takeBack(this.#db, row, nowMs)))
    for (const [id] of over) this.#leases.delete(id)
    this.#outlook.allChanged()
    this.#wake()
    return lost
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly string[]> {
    if (settlements.length === 0) return []
    const nowMs = this.#clock.now()
    const found = await this.#db.commit(() =>
      settlements.map((settlement) => settleOne(this.#db, settlement, nowMs)),
    )
    const lost: string[] = []
    settlements.forEach(({ run }, at) => {
      if (found[at] === 'lost') lost.push(run.id)
      else this.#leases.delete(idOf(run.id))
      if (found[at] === 'queue changed') this.#outlook.changed(run.job)
    })
    this.#wake()
    return lost
  }

  waitForWork(limitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isStirred || signal.aborted) {
      this.#isStirred = false
      return Promise.resolve()
    }
    const untilDueMs = Math.max(0, this.#outlook.nextTimedMs - this.#clock.now())
    return new Promise((resolve) => {
      const end = () => {
        drop()
        signal.removeEventListener('abort', end)
        this.#waiting.delete(end)
        resolve()
      }
      const drop = this.#clock.after(Math.min(limitMs, untilDueMs), end)
      signal.addEventListener('abort', end)
      this.#waiting.add(end)
    })
  }

  #wake(): void {
    this.#isStirred = true
    for (const end of this.#waiting) end()
  }

  async runs(query: RunQuery): Promise<readonly RunRecord[]> {
    return this.#guarded(() => findRuns(this.#kysely, query))
  }

  async run(id: string): Promise<RunRecord | undefined> {
    const row = this.#db.read(() => this.#row(id))
    return row && recordOf(row)
  }

  #row(id: string): RunRow | undefined {
    return this.#db.one<RunRow>('select * from run where id = ?', idOf(id))
  }

  async retry(id: string): Promise<RunRecord> {
    const nowMs = this.#clock.now()
    await this.#db.commit(() => {
      const row = this.#row(id)
      if (row === undefined) throw unknownRun(id)
      if (row.state === 'queued' || row.state === 'running') throw unfinishedRun(id, `it is ${row.state}`)
      const twin = this.#db.one<{ id: number }>(
        `select id from run where job = ? and tenant = ? and key = ? and state in ('queued', 'running')`,
        row.job,
        row.tenant,
        row.key,
      )
      if (twin) throw unfinishedRun(id, `the run ${twin.id} of the same work has not`)
      this.#db.change(
        `update run set state = 'queued', waits_for = '', turn = ?, failures = 0, deaths = 0, not_before_ms = ?,
          ended_at_ms = null, result = null, error = null, progress = null, cancel_asked = 0 where id = ?`,
        nextTurn(this.#db, row),
        nowMs,
        row.id,
      )
    })
    this.#outlook.allChanged()
    this.#wake()
    return this.#known(id)
  }

  async cancel(id: string): Promise<RunRecord> {
    const nowMs = this.#clock.now()
    await this.#db.commit(() => {
      const row = this.#row(id)
      if (row === undefined) throw unknownRun(id)
      if (row.state === 'running')
        return this.#db.change('update run set cancel_asked = 1 where id = ?', row.id)
      if (row.state !== 'queued') throw endedRun(id, row.state)
      this.#db.change(
        `update run set state = 'cancelled', waits_for = '', ended_at_ms = ? where id = ?`,
        nowMs,
        row.id,
      )
      return wakeWaiting(this.#db, row.job, row.tenant, nowMs)
    })
    this.#outlook.allChanged()
    this.#wake()
    return this.#known(id)
  }

  async #known(id: string): Promise<RunRecord> {
    const record = await this.run(id)
    if (record === undefined) throw unknownRun(id)
    return record
  }

  async pause(job: string, paused: boolean): Promise<void> {
    const change = paused
      ? 'insert into pause (job) values (?) on conflict do nothing'
      : 'delete from pause where job = ?'
    await this.#db.commit(() => this.#db.change(change, job))
    this.#outlook.changed(job)
    this.#wake()
  }

  async paused(): Promise<readonly string[]> {
    return this.#db
      .read(() => this.#db.all<{ job: string }>('select job from pause order by job'))
      .map(({ job }) => job)
  }

  async depth(): ReturnType<Engine['depth']> {
    return this.#guarded(() => findDepth(this.#kysely))
  }

  async schedules(): Promise<readonly StoredSchedule[]> {
    return this.#db.read(() => findSchedules(this.#db))
  }

  async saveSchedule(schedule: StoredSchedule, expected: StoredSchedule | undefined): Promise<boolean> {
    return this.#db.commit(() => storeSchedule(this.#db, schedule, expected))
  }

  async prune(endedBeforeMs: number): Promise<number> {
    const pruned = await this.#db.commit(() => {
      this.#times.write(this.#db)
      const runs = pruneRuns(this.#db, endedBeforeMs)
      // A tenant whose last turn has passed gets its next one as a tenant does that never had any.
      this.#db.change(
        `delete from turn where tenant <> '' and turn <= (select turn from turn as virtual
          where virtual.job = turn.job and virtual.priority = turn.priority and virtual.tenant = '')`,
      )
      return runs
    })
    this.#times.written()
    return pruned
  }

  backUp(target: string, signal: AbortSignal): Promise<void> {
    return this.#backUps.add((stop) => this.#db.copy(target, stop), signal)
  }

  async close(): Promise<void> {
    await this.#backUps.end()
    this.#db.flush()
    await this.#kysely.destroy()
  }

  async #guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw explain(this.#db.file, error)
    }
  }
}
