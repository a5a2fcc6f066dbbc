import type { Engine, NewRun } from '../../packages/jobs/src/engine/engine.ts'
import { type Row, row } from '../row.ts'

const RUNS = 100_000
const TENANTS = 1_000
const CLAIMED_AT_ONCE = 10
const HUGE = 'huge.example'

/** Half of all runs are one tenant's, and were queued before any other. */
function queue(): readonly NewRun[] {
  const runOf = (tenant: string, key: number): NewRun => ({ job: 'work', tenant, input: {}, key: `k${key}` })
  const others = Array.from({ length: TENANTS - 1 }, (_, at) => `t${at}.example`)
  return Array.from({ length: RUNS }, (_, at) =>
    runOf(at < RUNS / 2 ? HUGE : (others[at % others.length] ?? HUGE), at),
  )
}

/**
 * How much later than under round-robin over tenants the first run of a small tenant starts, at worst: its place in the order in
 * which runs are claimed, by its place in the order in which tenants came.
 */
export async function fairness(engine: Engine, name: string): Promise<Row> {
  const runs = queue()
  await engine.enqueue(runs)
  const turns = new Map([...new Set(runs.map(({ tenant }) => tenant))].map((tenant, at) => [tenant, at + 1]))
  const waiting = new Set(turns.keys())
  let [place, worst] = [0, 0]
  while (waiting.size > 0) {
    for (const { tenant } of await engine.claim([{ job: 'work', runs: CLAIMED_AT_ONCE }])) {
      place += 1
      if (!waiting.delete(tenant) || tenant === HUGE) continue
      worst = Math.max(worst, place / (turns.get(tenant) ?? Number.NaN))
    }
    if (place > RUNS) throw new Error('some tenant never started')
  }
  return row({
    what: `worst first start of a small tenant by its turn, ${RUNS} runs, ${TENANTS} tenants, one with half, ${name}`,
    ours: worst,
    theirs: 2,
    against: 'limit',
    unit: 'places',
    goal: '<= 2',
  })
}
