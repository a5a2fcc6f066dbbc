import type { Api } from '@tomte/client'
import type { Cursor, Entries, JobContext } from '@tomte/jobs'
import { type Counts, counted, NO_COUNTS } from './counts.ts'
import { findByEmployeeId, fold, newPassword, refusalOf } from './directory.ts'
import type { PeopleFile } from './people-file.ts'
import { hasLeft, type Person, type Rejected } from './person.ts'
import { type Outcome, type Plan, planRow } from './plan.ts'

/** How far the file has been provisioned, and what was about to be done beyond that. */
export interface PeoplePosition {
  readonly counts: Counts
  /** Outcomes by employee id, saved before they are sent: after a crash they tell what the run had already done. */
  readonly intended: Readonly<Record<string, Outcome>>
}

/** What the ledger keeps of a provisioned person, for the pass that sets managers. */
export interface Provisioned {
  readonly id: string
  readonly line: number
  readonly managerId: string
  readonly outcome: Outcome
}

/** The collections of the run's ledger. */
export const LEDGER = {
  /** Every employee id that the file names, rejected rows included. */
  seen: 'seen',
  people: 'people',
  rejected: 'rejected',
  warnings: 'warnings',
} as const

type Context = Pick<JobContext<unknown, 'directory'>, 'api' | 'ledger' | 'progress' | 'now' | 'signal'> & {
  readonly domain: string
}

const BATCH_SIZE = 20

/** First pass: creates, updates and disables, twenty rows at a time, with the cursor saved after each batch. */
export async function provisionPeople(
  file: PeopleFile,
  cursor: Cursor<PeoplePosition>,
  context: Context,
): Promise<Counts> {
  let { counts, intended } = cursor.value ?? { counts: NO_COUNTS, intended: {} }
  for await (const rows of batches(file.people(counts.rows))) {
    context.signal.throwIfAborted()
    const work = await planBatch(rows, context)
    const outcomes = intend(work, intended)
    if (work.some(({ plan }) => 'body' in plan)) await cursor.save({ counts, intended: outcomes })
    const entries = new Remembered()
    const done = await carryOut(context.api.directory, work, outcomes, context.signal)
    for (const row of done) {
      counts = counted(counts, row.outcome)
      entries.add(row)
    }
    intended = {}
    await cursor.save({ counts, intended }, entries.byCollection)
    context.progress(counts.rows, file.rows, 'people')
  }
  return counts
}

async function* batches(
  rows: AsyncIterable<Person | Rejected>,
): AsyncGenerator<readonly (Person | Rejected)[]> {
  let batch: (Person | Rejected)[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length === BATCH_SIZE) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

interface Work {
  readonly row: Person | Rejected
  readonly plan: Plan
}

async function planBatch(
  rows: readonly (Person | Rejected)[],
  { api, ledger, now, signal, domain }: Context,
): Promise<readonly Work[]> {
  const keys = rows.map(({ employeeId }) => fold(employeeId))
  const seen = new Map((await ledger.find(LEDGER.seen, keys)) as Map<string, number>)
  const first: (Person | Rejected)[] = rows.map((row, index) => {
    const key = keys[index] ?? ''
    const earlier = seen.get(key)
    if (key !== '' && earlier === undefined) seen.set(key, row.line)
    if (key === '' || earlier === undefined) return row
    // Without its id: the id in the ledger belongs to the earlier row.
    return {
      line: row.line,
      employeeId: '',
      reason: `employee id ${row.employeeId} stands in line ${earlier} already`,
    }
  })
  const people = first.filter((row) => !('reason' in row))
  const found = await findByEmployeeId(
    api.directory,
    people.map(({ employeeId }) => employeeId),
    signal,
  )
  return first.map((row) => {
    if ('reason' in row) return { row, plan: { reject: row.reason } }
    const left = hasLeft(row, now())
    return {
      row,
      plan: planRow(row, { found: found.get(fold(row.employeeId)) ?? [], left, domain, newPassword }),
    }
  })
}

/** The outcomes to count: what an interrupted run had intended stays what it was, though it may be done by now. */
function intend(work: readonly Work[], earlier: PeoplePosition['intended']): PeoplePosition['intended'] {
  const outcomes = work.flatMap(({ row, plan }) => {
    if ('reject' in plan) return []
    const key = fold(row.employeeId)
    const settled = plan.outcome === 'created' || plan.outcome === 'disabled'
    // An employee id may be the name of something that every object inherits.
    const before = Object.hasOwn(earlier, key) ? earlier[key] : undefined
    return [[key, settled ? plan.outcome : (before ?? plan.outcome)] as const]
  })
  return Object.fromEntries(outcomes)
}

interface DoneRow {
  readonly row: Person | Rejected
  readonly outcome: Outcome | 'rejected'
  readonly id?: string | undefined
  readonly reason?: string
  readonly warning?: string | undefined
}

async function carryOut(
  directory: Api,
  work: readonly Work[],
  outcomes: PeoplePosition['intended'],
  signal: AbortSignal,
): Promise<readonly DoneRow[]> {
  const writes = work.filter(({ plan }) => 'body' in plan)
  const answers = await directory.batch(
    writes.map(({ plan }) => request(plan)),
    { signal },
  )
  const answerOf = new Map(writes.map((item, index) => [item, answers[index]]))
  return work.map((item) => {
    const { row, plan } = item
    if ('reject' in plan) return { row, outcome: 'rejected', reason: plan.reject }
    const answer = answerOf.get(item)
    if (answer && answer.status >= 300)
      return { row, outcome: 'rejected', reason: refusalOf(answer.body, answer.status) }
    const outcome = outcomes[fold(row.employeeId)] ?? plan.outcome
    const warning = 'warning' in plan ? plan.warning : undefined
    return { row, outcome, id: 'id' in plan ? plan.id : createdId(answer?.body), warning }
  })
}

function request(plan: Plan) {
  if (!('body' in plan)) throw new TypeError('Cannot send a plan without a body')
  return 'id' in plan
    ? ({ method: 'PATCH', url: `/users/${plan.id}`, body: plan.body } as const)
    : ({ method: 'POST', url: '/users', body: plan.body } as const)
}

function createdId(body: unknown): string | undefined {
  return typeof body === 'object' && body !== null && 'id' in body ? String(body.id) : undefined
}

/** Gathers what a batch adds to the ledger. */
class Remembered {
  readonly byCollection: Record<string, Record<string, unknown>> & Entries = {}

  add({ row, outcome, id, reason, warning }: DoneRow): void {
    const key = fold(row.employeeId)
    if (key !== '') this.#put(LEDGER.seen, key, row.line)
    if (reason !== undefined) this.#put(LEDGER.rejected, lineKey(row.line), reason)
    if (warning !== undefined) this.#put(LEDGER.warnings, lineKey(row.line), warning)
    if (id === undefined || outcome === 'rejected' || !('managerId' in row)) return
    const person: Provisioned = { id, line: row.line, managerId: row.managerId, outcome }
    this.#put(LEDGER.people, key, person)
  }

  #put(collection: string, key: string, value: unknown): void {
    this.byCollection[collection] = { ...this.byCollection[collection], [key]: value }
  }
}

/** Lines as keys that sort like numbers. */
export const lineKey = (line: number): string => String(line).padStart(10, '0')
