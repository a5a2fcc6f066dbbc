import type { Capacity, ClaimedRun, Enqueued, NewRun, Traffic } from './engine.ts'
import { NO_TRAFFIC } from './engine.ts'
import type { EmbeddedDatabase } from './embedded-database.ts'
import { forgetCheckpoints, UNFINISHED, waitsForTime } from './embedded-endings.ts'
import { idOf, type RunRow } from './run-records.ts'

const NONE = JSON.stringify(NO_TRAFFIC)

/** Within a transaction: finds the run of the same work, or makes one. */
export function enqueueOne(db: EmbeddedDatabase, run: NewRun, nowMs: number): Enqueued {
  const known = knownRun(db, run)
  if (known !== undefined) return { id: String(known), as: 'known' }
  const others = run.others === undefined ? [] : otherRuns(db, run)
  if (run.others === 'supersede') supersede(db, others, nowMs)
  const isSkipped = run.others === 'skip' && others.length > 0
  const waits = run.others === 'wait' && others.length > 0
  const id = insertRun(db, run, { nowMs, isSkipped, waits })
  return { id: String(id), as: isSkipped ? 'skipped' : 'queued' }
}

function otherRuns(db: EmbeddedDatabase, { job, tenant, others }: NewRun) {
  return db.all<{ id: number }>(
    `select id from run where job = ? and tenant = ? and ${UNFINISHED}${others === 'supersede' ? '' : ' limit 1'}`,
    job,
    tenant,
  )
}

function knownRun(db: EmbeddedDatabase, { job, tenant, key, firingMs, parent }: NewRun): number | undefined {
  type Id = { id: number }
  const firing =
    firingMs === undefined
      ? undefined
      : db.one<Id>('select id from run where job = ? and tenant = ? and firing_ms = ?', job, tenant, firingMs)
  if (firing) return firing.id
  const child =
    parent === undefined
      ? undefined
      : db.one<Id>(
          'select id from run where parent = ? and tenant = ? and job = ?',
          idOf(parent),
          tenant,
          job,
        )
  if (child) return child.id
  return db.one<Id>(
    `select id from run where job = ? and tenant = ? and key = ? and ${UNFINISHED}`,
    job,
    tenant,
    key,
  )?.id
}

function supersede(db: EmbeddedDatabase, others: readonly { readonly id: number }[], nowMs: number): void {
  for (const { id } of others) {
    db.change(`update run set state = 'superseded', ended_at_ms = ? where id = ?`, nowMs, id)
    forgetCheckpoints(db, id)
  }
}

interface Insertion {
  readonly nowMs: number
  readonly isSkipped: boolean
  readonly waits: boolean
}

function insertRun(db: EmbeddedDatabase, run: NewRun, { nowMs, isSkipped, waits }: Insertion): number {
  const { job, tenant, key, firingMs, parent, priority = 0, notBeforeMs = nowMs } = run
  const turn = isSkipped ? 0 : nextTurn(db, { job, priority, tenant })
  return db.insert(
    `insert into run (job, tenant, key, input, firing_ms, parent, priority, turn, state, waits_for, epoch, failures,
      deaths, version, not_before_ms, queued_at_ms, ended_at_ms, cancel_asked, traffic)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?, ?, 0, ?)`,
    job,
    tenant,
    key,
    JSON.stringify(run.input),
    firingMs ?? null,
    parent === undefined ? null : idOf(parent),
    priority,
    turn,
    isSkipped ? 'skipped' : 'queued',
    waits ? 'others' : waitsForTime(notBeforeMs, nowMs),
    Math.max(notBeforeMs, nowMs),
    nowMs,
    isSkipped ? nowMs : null,
    NONE,
  )
}

interface Queue {
  readonly job: string
  readonly priority: number
  readonly tenant: string
}

const TAKE_TURN = `insert into turn (job, priority, tenant, turn) values (?, ?, ?, ?)
  on conflict (job, priority, tenant) do update set turn = max(turn, excluded.turn)`

/**
 * The start tag of start-time fair queuing (Goyal, Vin and Cheng 1996): after the tenant's last run, and not before the run
 * that was claimed last.
 */
export function nextTurn(db: EmbeddedDatabase, { job, priority, tenant }: Queue): number {
  const rows = db.all<{ turn: number }>(
    `select turn from turn where job = ? and priority = ? and tenant in ('', ?)`,
    job,
    priority,
    tenant,
  )
  const turn = Math.max(0, ...rows.map((row) => row.turn))
  db.change(TAKE_TURN, job, priority, tenant, turn + 1)
  return turn
}

/** What a claim needs of a run; the history has more. */
type ClaimedRow = Pick<
  RunRow,
  | 'id'
  | 'job'
  | 'tenant'
  | 'input'
  | 'key'
  | 'firing_ms'
  | 'parent'
  | 'priority'
  | 'turn'
  | 'epoch'
  | 'failures'
  | 'deaths'
  | 'version'
  | 'not_before_ms'
  | 'traffic'
>

/** Who gets runs leased, and until when. */
export interface Lease {
  readonly worker: string
  readonly nowMs: number
  readonly untilMs: number
}

const CLAIMED = `id, job, tenant, input, key, firing_ms, parent, priority, turn, epoch, failures, deaths, version,
  not_before_ms, traffic`

// The limit stands in the text: SQLite makes a statement anew each time that a limit is bound to it, 20 µs.
const dueOf = (runs: number) =>
  `select ${CLAIMED} from run where job = ? and state = 'queued' and waits_for = ''
    and not exists (select 1 from pause where pause.job = run.job) order by priority desc, turn, id limit ${runs}`

// Without RETURNING, which costs more than to read the row before.
const CLAIM = `update run set state = 'running', epoch = epoch + 1, worker = ?, progress = null,
  started_at_ms = coalesce(started_at_ms, ?) where id = ?`

/** Within a transaction: leases runs that are due to a worker, in the order in which they are to start. */
export function claimDue(db: EmbeddedDatabase, { job, runs }: Capacity, lease: Lease): ClaimedRow[] {
  return claimRows(db, db.all<ClaimedRow>(dueOf(runs), job), lease)
}

/** Within a transaction: leases this run to a worker if it is queued. */
export function claimOne(db: EmbeddedDatabase, id: number, lease: Lease): ClaimedRow[] {
  const find = `select ${CLAIMED} from run where id = ? and state = 'queued'`
  return claimRows(db, db.all<ClaimedRow>(find, id), lease)
}

function claimRows(db: EmbeddedDatabase, rows: ClaimedRow[], { worker, nowMs }: Lease): ClaimedRow[] {
  for (const { id } of rows) db.change(CLAIM, worker, nowMs, id)
  return rows
}

/**
 * The virtual time of each job and priority: the start tag that was claimed last. It is written down with what is enqueued and
 * pruned, as a claim should write as little as it can; after a restart it is at most as old as that.
 */
export class VirtualTimes {
  readonly #times = new Map<string, Omit<Queue, 'tenant'> & { turn: number }>()

  claimed(rows: readonly ClaimedRow[]): void {
    for (const { job, priority, turn } of rows) {
      const name = `${priority} ${job}`
      const known = this.#times.get(name)
      if (known === undefined) this.#times.set(name, { job, priority, turn })
      else known.turn = Math.max(known.turn, turn)
    }
  }

  /** Within a transaction. */
  write(db: EmbeddedDatabase): void {
    for (const { job, priority, turn } of this.#times.values()) db.change(TAKE_TURN, job, priority, '', turn)
  }

  /** After the transaction. */
  written(): void {
    this.#times.clear()
  }
}

/** A row as it was before it was claimed, as its worker sees it now. */
export function claimedRun(row: ClaimedRow, leasedUntilMs: number): ClaimedRun {
  return {
    id: String(row.id),
    job: row.job,
    tenant: row.tenant,
    input: JSON.parse(row.input) as object,
    key: row.key,
    firingMs: row.firing_ms ?? undefined,
    parent: row.parent === null ? undefined : String(row.parent),
    epoch: row.epoch + 1,
    failures: row.failures,
    deaths: row.deaths,
    version: row.version,
    dueAtMs: row.not_before_ms,
    resumed: row.version > 0,
    traffic: JSON.parse(row.traffic) as Traffic,
    leasedUntilMs,
  }
}

/** Within a transaction: makes those claimable whose time has come. */
export function promoteTimed(db: EmbeddedDatabase, nowMs: number): void {
  const due = `state = 'queued' and waits_for = 'time' and not_before_ms <= ?`
  db.change(`update run set waits_for = '' where ${due}`, nowMs)
}
