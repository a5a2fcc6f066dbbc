import type { EmbeddedDatabase } from './embedded-database.ts'
import type { LostRun, Settlement } from './engine.ts'
import { DEATHS_MAX, diedTooOften, idOf, type RunRow } from './run-records.ts'
import type { WaitsFor } from './run-tables.ts'

export const UNFINISHED = `state in ('queued', 'running')`

export const waitsForTime = (notBeforeMs: number, nowMs: number): WaitsFor =>
  notBeforeMs > nowMs ? 'time' : ''

/** What a settlement met: the lease is another's, the queue has changed by it, or neither. */
type Settled = 'lost' | 'queue changed' | 'ended'

/** Within a transaction: ends a run, or queues it again, if its worker still has it. */
export function settleOne(db: EmbeddedDatabase, settlement: Settlement, nowMs: number): Settled {
  const { run, as, traffic } = settlement
  const id = idOf(run.id)
  const isQueued = as === 'retried' || as === 'released'
  const notBeforeMs = isQueued ? (settlement.atMs ?? nowMs) : undefined
  const ended = db.change(
    `update run set state = ?, waits_for = ?, failures = failures + ?, not_before_ms = coalesce(?, not_before_ms),
      ended_at_ms = ?, result = ?, error = ?, traffic = ?
      where id = ? and epoch = ? and state = 'running'`,
    isQueued ? 'queued' : as,
    notBeforeMs === undefined ? '' : waitsForTime(notBeforeMs, nowMs),
    as === 'retried' || as === 'dead' ? 1 : 0,
    notBeforeMs ?? null,
    isQueued ? null : nowMs,
    as === 'finished' ? JSON.stringify(settlement.result) : null,
    'error' in settlement && settlement.error ? JSON.stringify(settlement.error) : null,
    JSON.stringify(traffic),
    id,
    run.epoch,
  )
  if (ended === 0) return 'lost'
  if (isQueued) return 'queue changed'
  const row = db.one<{ tenant: string; version: number }>('select tenant, version from run where id = ?', id)
  // Without a version nothing was saved in it.
  if ((as === 'finished' || as === 'superseded') && row?.version !== 0) forgetCheckpoints(db, id)
  return wakeWaiting(db, run.job, row?.tenant ?? '', nowMs) ? 'queue changed' : 'ended'
}

/**
 * Within a transaction, after a run has ended: the oldest that waits for it goes next, if none goes before. Returns whether
 * one waited.
 */
export function wakeWaiting(db: EmbeddedDatabase, job: string, tenant: string, nowMs: number): boolean {
  const next = db.one<{ id: number; not_before_ms: number }>(
    `select id, not_before_ms from run where job = ? and tenant = ? and state = 'queued' and waits_for = 'others'
      order by id limit 1`,
    job,
    tenant,
  )
  if (next === undefined) return false
  const before = `select 1 from run where job = ? and tenant = ? and ${UNFINISHED} and waits_for <> 'others' limit 1`
  if (db.one(before, job, tenant) === undefined)
    db.change('update run set waits_for = ? where id = ?', waitsForTime(next.not_before_ms, nowMs), next.id)
  return true
}

/** Within a transaction: takes a run back from a worker that is dead. */
export function takeBack(db: EmbeddedDatabase, row: RunRow, nowMs: number): LostRun {
  const deaths = row.deaths + 1
  const as = row.cancel_asked === 1 ? 'cancelled' : deaths >= DEATHS_MAX ? 'dead' : 'queued'
  db.change(
    `update run set state = ?, deaths = ?, waits_for = '', ended_at_ms = ?, error = ?
      where id = ?`,
    as,
    deaths,
    as === 'queued' ? null : nowMs,
    as === 'dead' ? JSON.stringify(diedTooOften) : row.error,
    row.id,
  )
  if (as !== 'queued') wakeWaiting(db, row.job, row.tenant, nowMs)
  const { job, tenant, failures } = row
  return { id: String(row.id), job, tenant, deaths, failures, as }
}

/** Within a transaction: what was saved in a run is no more, and its version says so. */
export function forgetCheckpoints(db: EmbeddedDatabase, id: number): void {
  db.change('update run set version = 0 where id = ?', id)
  deleteCheckpoints(db, id)
}

function deleteCheckpoints(db: EmbeddedDatabase, id: number): void {
  db.change('delete from step where run_id = ?', id)
  db.change('delete from entry where run_id = ?', id)
}

const PRUNED_AT_ONCE = 1_000
// Ids are in the order of queueing, but for what a clock did that was set.
const NEWER_MAX = 1_000

/**
 * Within a transaction: deletes runs that ended before, with what belongs to them, some at a time; returns how many. It goes
 * through the oldest runs: an index of ends would have to be written at the end of each.
 */
export function pruneRuns(db: EmbeddedDatabase, endedBeforeMs: number): number {
  type Row = { id: number; queued_at_ms: number; ended_at_ms: number | null }
  const ids: number[] = []
  let newer = 0
  for (const row of db.each<Row>('select id, queued_at_ms, ended_at_ms from run order by id')) {
    newer = row.queued_at_ms < endedBeforeMs ? 0 : newer + 1
    if (newer > NEWER_MAX) break
    if (row.ended_at_ms === null || row.ended_at_ms >= endedBeforeMs) continue
    ids.push(row.id)
    if (ids.length === PRUNED_AT_ONCE) break
  }
  for (const id of ids) {
    deleteCheckpoints(db, id)
    db.change('delete from run where id = ?', id)
  }
  return ids.length
}
