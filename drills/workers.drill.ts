// Four workers on one PostgreSQL are killed by SIGKILL at random moments while runs of many steps go through them, and the
// PostgreSQL is stopped in order, and killed, in the middle: each effect must be there once. Then the clock of four schedulers
// is moved across both changes of daylight-saving time: each firing must have one run.
import { setTimeout as sleep } from 'node:timers/promises'
import { FleetEngine } from '../packages/jobs/src/engine/fleet.ts'
import { seeded } from '../packages/client/src/token/test-support.ts'
import { firingsAcross } from './firings.ts'
import { FleetStage } from './fleet-stage.ts'
import type { DrillOptions, DrillResult, Row } from './row.ts'

/** How much of it the tests run. */
export interface WorkersOptions extends DrillOptions {
  readonly runs?: number | undefined
  readonly steps?: number | undefined
  /** How often a worker is killed. */
  readonly kills?: number | undefined
  /** How long each step takes, in ms. */
  readonly stepMs?: number | undefined
  /** How PostgreSQL is stopped, one time after another. */
  readonly outages?: readonly ('SIGINT' | 'SIGQUIT')[] | undefined
  /** How many days before and after each change of the clock. */
  readonly days?: number | undefined
}

const WORKERS = 4
const LIMIT_MS = 8 * 60_000
const LOOK_MS = 25

/** Runs the drill on a PostgreSQL of its own. */
export async function drill({ days = 2, ...options }: WorkersOptions): Promise<DrillResult> {
  const stage = await FleetStage.start()
  try {
    const rows = [await killedAtWork(stage, options)]
    rows.push(...(await firingsAcross(stage.url, days)))
    return { drill: 'workers', rows }
  } finally {
    await stage.remove()
  }
}

async function killedAtWork(stage: FleetStage, options: Omit<WorkersOptions, 'days'>): Promise<Row> {
  const { runs = 2_000, steps = 20, kills = 200, outages = ['SIGINT', 'SIGQUIT'] as const } = options
  const startedMs = performance.now()
  const engine = await FleetEngine.open(stage.url, { worker: 'drill' })
  try {
    await engine.enqueue(
      Array.from({ length: runs }, (_, run) => ({
        job: 'walk',
        tenant: `tenant-${run % 10}.example`,
        key: `run ${run}`,
        input: { run, steps, stepMs: options.stepMs ?? 5 },
      })),
    )
    await Promise.all(Array.from({ length: WORKERS }, () => stage.addWorker()))
    const harm = { effects: runs * steps, kills, outages, seed: options.seed }
    const done = await harmUntilDone(stage, engine, harm)
    const tookMs = performance.now() - startedMs
    return await judged(stage, { runs, steps, tookMs, ...done })
  } finally {
    await engine.close()
  }
}

interface Harm {
  readonly effects: number
  readonly kills: number
  readonly outages: readonly ('SIGINT' | 'SIGQUIT')[]
  readonly seed: number
}

/** Kills when so much is done as chance has set before, so that harm is spread over all of the work; ends with the last run. */
async function harmUntilDone(stage: FleetStage, engine: FleetEngine, harm: Harm) {
  const random = seeded(harm.seed)
  const killAt = Array.from({ length: harm.kills }, () => random() * harm.effects * 0.95).sort(
    (a, b) => a - b,
  )
  const outageAt = harm.outages.map((_, n) => (harm.effects * (n + 1)) / (harm.outages.length + 1))
  let [killed, broken] = [0, 0]
  const endMs = performance.now() + LIMIT_MS
  while (performance.now() < endMs) {
    const done = await countEffects(stage)
    if (done >= (killAt[killed] ?? Infinity)) {
      await stage.replaceWorker(Math.floor(random() * WORKERS))
      killed += 1
    } else if (done >= (outageAt[broken] ?? Infinity)) {
      await stage.breakDatabase(harm.outages[broken] ?? 'SIGINT')
      broken += 1
    } else if (done >= harm.effects && (await engine.depth()).length === 0) break
    else await sleep(LOOK_MS)
  }
  return { killed, broken }
}

async function countEffects(stage: FleetStage): Promise<number> {
  const [row] = await stage.rows<{ count: string }>('select count(*) from effect')
  return Number(row?.count)
}

interface Done {
  readonly runs: number
  readonly steps: number
  readonly killed: number
  readonly broken: number
  readonly tookMs: number
}

async function judged(stage: FleetStage, { runs, steps, killed, broken, tookMs }: Done): Promise<Row> {
  const [found] = await stage.rows<Record<string, string>>(
    `select (select count(*) from effect) as effects, (select sum(attempts) from effect) as attempts,
       (select count(*) from account where balance = ${steps}) as balanced,
       (select count(*) from tomte_jobs_daemon.run where state = 'finished') as finished,
       (select count(*) from tomte_jobs_daemon_queue.job) as left,
       (select count(*) from tomte_jobs_daemon.step) as steps`,
  )
  const count = (name: string) => Number(found?.[name] ?? 0)
  const missing = runs * steps - count('effects') + (runs - count('balanced')) + (runs - count('finished'))
  const left = count('left') + count('steps')
  const again = count('attempts') - count('effects')
  return {
    what: `${runs} runs of ${steps} steps, ${killed} workers killed, PostgreSQL down ${broken} times; ${again} effects attempted again`,
    calls: count('effects'),
    failed: Math.abs(missing) + left,
    longestWaitMs: tookMs,
    tokenRequests: 0,
    withoutRenewals: true,
    goal: `${runs * steps} effects, each once, ${runs} runs finished, nothing left in the queue`,
    met: missing === 0 && left === 0 && killed > 0,
  }
}
