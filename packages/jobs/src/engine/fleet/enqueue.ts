import type { Enqueued, NewRun } from '../engine.ts'
import type { Query } from './database.ts'
import { jobIdSql, queueOf } from './queue.ts'
import { claims, type FleetStore } from './store.ts'
import { lowestRank, rankOf, takeTurns, type Turns, TURNS_RESET } from './turns.ts'

/** How many runs one transaction takes. */
const BATCH = 1_000

/** A run with the id that it gets if it is a new one; its job is named as its queue is. */
export interface Candidate extends NewRun {
  readonly id: string
}

/** What is known of the work that a candidate stands for. */
interface Facts {
  readonly n: number
  /** The run of the same firing or parent, ended or not. */
  readonly same: string | null
  readonly sameState: string | null
  /** The unfinished run of the same key. */
  readonly known: string | null
  readonly others: boolean
}

/** Adds runs, a bounded number in each transaction; what was added already is found again when one is repeated. */
export async function enqueue(store: FleetStore, runs: readonly NewRun[]): Promise<readonly Enqueued[]> {
  const enqueued: Enqueued[] = []
  for (let start = 0; start < runs.length; start += BATCH) {
    const batch = runs.slice(start, start + BATCH)
    const ids = await store.database.query<{ id: number }>(
      "select nextval('run_id_seq') as id from generate_series(1, $1)",
      [batch.length],
    )
    const candidates = batch.map((run, index) => ({
      ...run,
      job: queueOf(run.job),
      id: String(ids[index]?.id),
    }))
    await store.queue.require([...new Set(candidates.map(({ job }) => job))])
    enqueued.push(...(await store.database.transaction((query) => enqueueBatch(store, query, candidates))))
  }
  return enqueued
}

/** Within a transaction: adds runs, or finds those of the same work. */
export async function enqueueBatch(
  store: FleetStore,
  query: Query,
  candidates: readonly Candidate[],
): Promise<readonly Enqueued[]> {
  for (const job of [...new Set(candidates.map(({ job }) => job))].sort()) await lockJob(store, query, job)
  const outcome = new Map<string, Enqueued>()
  for (const wave of waves(candidates)) {
    const decisions = decide(wave, await findFacts(query, wave))
    for (const { candidate, enqueued } of decisions) outcome.set(candidate.id, enqueued)
    const fresh = decisions.filter(({ isNew }) => isNew)
    const skipped = fresh.filter(({ enqueued }) => enqueued.as === 'skipped')
    const queued = fresh.filter(({ enqueued }) => enqueued.as === 'queued')
    await supersede(
      store,
      query,
      queued.map(({ candidate }) => candidate).filter(({ others }) => others === 'supersede'),
    )
    await insert(store, query, skipped, 'skipped', [])
    await insertQueued(store, query, queued)
  }
  return candidates.map(({ id }) => outcome.get(id) as Enqueued)
}

/** Of one job, one transaction at a time gives turns and decides what is the same work. */
export async function lockJob(store: FleetStore, query: Query, job: string): Promise<void> {
  await query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`${store.schemas.runs} ${job}`])
}

/** Runs that mind others of their job and tenant are decided on one after another; all the rest at once. */
function waves(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const minds = new Set(
    candidates.filter(({ others }) => others !== undefined).map(({ job, tenant }) => `${job}\n${tenant}`),
  )
  const counts = new Map<string, number>()
  const found: Candidate[][] = []
  for (const candidate of candidates) {
    const of = `${candidate.job}\n${candidate.tenant}`
    const wave = minds.has(of) ? (counts.get(of) ?? 0) : 0
    counts.set(of, wave + 1)
    ;(found[wave] ??= []).push(candidate)
  }
  return found
}

async function findFacts(query: Query, wave: readonly Candidate[]): Promise<readonly Facts[]> {
  const rows = wave.map(({ job, tenant, key, firingMs, parent, others }, n) => ({
    n,
    job,
    tenant,
    key,
    firing: firingMs,
    parent,
    others: others !== undefined,
  }))
  return query<Facts>(
    `select i.n, coalesce(f.id, c.id)::text as same, coalesce(f.state, c.state) as "sameState", k.id::text as known,
       i.others and exists (select from run o where o.job = i.job and o.tenant = i.tenant
         and o.state = 'queued' and o.key <> i.key) as others
     from json_to_recordset($1::json)
       as i(n int, job text, tenant text, key text, firing bigint, parent bigint, others boolean)
     left join lateral (select id, state from run where job = i.job and tenant = i.tenant
       and firing_ms = i.firing limit 1) f on true
     left join lateral (select id, state from run where parent = i.parent and tenant = i.tenant
       and job = i.job limit 1) c on true
     left join lateral (select id from run where job = i.job and tenant = i.tenant
       and hashtextextended(key, 0) = hashtextextended(i.key, 0) and key = i.key and state = 'queued' limit 1) k on true
     order by i.n`,
    [JSON.stringify(rows)],
  )
}

/** What becomes of a candidate. */
interface Decision {
  readonly candidate: Candidate
  readonly enqueued: Enqueued
  readonly isNew: boolean
  /** Whether it has to wait until others have ended. */
  readonly waits: boolean
}

function decide(wave: readonly Candidate[], facts: readonly Facts[]): readonly Decision[] {
  const seen = new Map<string, string>()
  return wave.map((candidate, n) => {
    const { same, sameState, known, others } = facts[n] as Facts
    const signs = signsOf(candidate)
    const earlier = signs.map((sign) => seen.get(sign)).find((found) => found !== undefined)
    const found = same ?? earlier ?? known ?? undefined
    for (const sign of signs) seen.set(sign, found ?? candidate.id)
    const isSkipped = found === undefined ? candidate.others === 'skip' && others : sameState === 'skipped'
    return {
      candidate,
      // Found under its own id, it was added by this very call, whose answer was lost with the connection.
      enqueued:
        found === undefined || found === candidate.id
          ? { id: candidate.id, as: isSkipped ? 'skipped' : 'queued' }
          : { id: found, as: 'known' },
      isNew: found === undefined,
      waits: candidate.others === 'wait' && others,
    }
  })
}

/** What makes two runs the same work. */
const signsOf = ({ job, tenant, key, firingMs, parent }: Candidate): readonly string[] => [
  JSON.stringify([job, tenant, 'key', key]),
  ...(firingMs === undefined ? [] : [JSON.stringify([job, tenant, 'firing', firingMs])]),
  ...(parent === undefined ? [] : [JSON.stringify([job, tenant, 'parent', parent])]),
]

async function supersede(store: FleetStore, query: Query, runs: readonly Candidate[]): Promise<void> {
  if (runs.length === 0) return
  await query(
    `with others as materialized (select r.id, r.job
       from json_to_recordset($1::json) as i(job text, tenant text, key text)
       join run r on r.job = i.job and r.tenant = i.tenant and r.key <> i.key and r.state = 'queued'),
     gone as (delete from ${store.queue.table} j using others o where j.name = o.job and j.id = ${jobIdSql('o.id')}
       returning o.id, ${claims('j')} as claims),
     dropped as (update run r set state = 'superseded', waits_for = '', ended_at_ms = ${store.nowMs()},
       epoch = greatest(r.epoch, g.claims) from gone g where r.id = g.id returning r.id),
     steps as (delete from step using dropped d where step.run_id = d.id)
     delete from entry using dropped d where entry.run_id = d.id`,
    [JSON.stringify(runs.map(({ job, tenant, key }) => ({ job, tenant, key })))],
  )
}

async function insertQueued(store: FleetStore, query: Query, decisions: readonly Decision[]): Promise<void> {
  const groups = Map.groupBy(decisions, ({ candidate: { job, priority = 0 } }) =>
    JSON.stringify([job, priority]),
  )
  for (const group of groups.values()) {
    const { job = '', priority = 0 } = group[0]?.candidate ?? {}
    const turns = await giveTurns(
      store,
      query,
      { job, priority },
      group.map(({ candidate }) => candidate.tenant),
    )
    await insert(store, query, group, 'queued', turns)
    await store.queue.insert(
      query,
      job,
      group.map(({ candidate: { id, notBeforeMs }, waits }, index) => ({
        id,
        rank: rankOf(priority, turns[index] ?? 0),
        notBeforeMs,
        waits,
      })),
    )
  }
  if (decisions.length > 0) await store.tell(query, firstDue(decisions.map(({ candidate }) => candidate)))
}

/** When the first of these is due; nothing if it is at once. */
const firstDue = (runs: readonly Candidate[]): number | undefined =>
  runs.every(({ notBeforeMs }) => notBeforeMs !== undefined)
    ? Math.min(...runs.map(({ notBeforeMs = 0 }) => notBeforeMs))
    : undefined

/** Gives runs of these tenants their places among the turns of a job and priority, while the job is locked. */
export async function giveTurns(
  store: FleetStore,
  query: Query,
  { job, priority }: { readonly job: string; readonly priority: number },
  tenants: readonly string[],
): Promise<readonly number[]> {
  const { front, isEmpty } = await findFront(store, query, job, priority)
  const rows = await query<{ tenant: string; turn: number }>(
    'select tenant, turn from turn where job = $1 and priority = $2 and tenant = any($3::text[])',
    [job, priority, ['', ...new Set(tenants)]],
  )
  const known = new Map(rows.map(({ tenant, turn }) => [tenant, turn]))
  const end = known.get('') ?? 0
  const begins = isEmpty && end > TURNS_RESET
  if (begins) await query('delete from turn where job = $1 and priority = $2', [job, priority])
  const taken = takeTurns(begins ? NO_TURNS : { front, end, tenants: known }, tenants)
  const kept = [...taken.tenants, ['', taken.end] as const].map(([tenant, turn]) => ({ tenant, turn }))
  await query(
    `insert into turn (job, priority, tenant, turn)
     select $1, $2::int, i.tenant, i.turn from json_to_recordset($3::json) as i(tenant text, turn bigint)
     on conflict (job, priority, tenant) do update set turn = excluded.turn`,
    [job, priority, JSON.stringify(kept)],
  )
  return taken.turns
}

const NO_TURNS: Turns = { front: undefined, end: 0, tenants: new Map() }

/** The turn of the first run that is due and was not started before, and whether nothing at all is queued. */
async function findFront(
  { queue }: FleetStore,
  query: Query,
  job: string,
  priority: number,
): Promise<{ readonly front: number | undefined; readonly isEmpty: boolean }> {
  const within = `name = $1 and priority <= $2 and priority >= $3 and state < 'active' and not blocked`
  const [row] = await query<{ rank: number | null; isEmpty: boolean }>(
    `select (select priority from ${queue.table} where ${within} and start_after <= ${queue.now()}
         and state = 'created' order by priority desc limit 1) as rank,
       not exists (select from ${queue.table} where ${within}) as "isEmpty"`,
    [job, rankOf(priority, 0), lowestRank(priority)],
  )
  return {
    front: row?.rank == null ? undefined : rankOf(priority, 0) - row.rank,
    isEmpty: row?.isEmpty ?? true,
  }
}

async function insert(
  store: FleetStore,
  query: Query,
  decisions: readonly Decision[],
  state: 'queued' | 'skipped',
  turns: readonly number[],
): Promise<void> {
  if (decisions.length === 0) return
  const rows = decisions.map(({ candidate: run, waits }, index) => ({
    id: run.id,
    job: run.job,
    tenant: run.tenant,
    key: run.key,
    input: JSON.stringify(run.input),
    firing: run.firingMs,
    parent: run.parent,
    priority: run.priority ?? 0,
    turn: turns[index] ?? 0,
    not_before: run.notBeforeMs,
    waits: waits ? 'others' : '',
  }))
  await query(
    `insert into run (id, job, tenant, key, input, firing_ms, parent, priority, turn, state, waits_for, epoch, failures,
       deaths, version, not_before_ms, queued_at_ms, ended_at_ms, cancel_asked, traffic)
     select i.id, i.job, i.tenant, i.key, i.input, i.firing, i.parent, i.priority, i.turn, $2, i.waits, 0, 0, 0, 0,
       greatest(i.not_before, ${store.nowMs()}), ${store.nowMs()},
       case when $2 = 'skipped' then ${store.nowMs()} end, 0, $3
     from json_to_recordset($1::json) as i(id bigint, job text, tenant text, key text, input text, firing bigint,
       parent bigint, priority int, turn bigint, not_before bigint, waits text)`,
    [JSON.stringify(rows), state, store.noTraffic],
  )
}
