import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate } from 'node:timers/promises'
import { withDatabase } from '../../tools/own-database.ts'
import { median, type Row, row } from '../row.ts'
import { openSide, type Side, type SideName } from './fleet-daemon.ts'

const ROUNDS = 3
const JOBS = 8_000
const AT_ONCE = 100

/** Jobs that do nothing, in one worker process. */
export function noOpJobs(server: string): Promise<Row> {
  return withDatabase(server, async (url) => {
    const [ours, theirs] = [await openSide('ours', url), await openSide('theirs', url)]
    const rates: Record<SideName, number[]> = { ours: [], theirs: [] }
    for (let round = 0; round < ROUNDS; round += 1) {
      rates.theirs.push(await perSecond(theirs))
      rates.ours.push(await perSecond(ours))
    }
    await Promise.all([ours.close(), theirs.close()])
    return row({
      what: `no-op jobs, PostgreSQL, one worker process, ${AT_ONCE} at once, with history`,
      ours: median(rates.ours),
      theirs: median(rates.theirs),
      against: 'bare pg-boss, batch and burst',
      unit: 'jobs/s',
      goal: '>= 0.6',
    })
  })
}

async function perSecond(side: Side): Promise<number> {
  await side.queue(JOBS)
  let done = 0
  let finished = () => {}
  const all = new Promise<void>((resolve) => (finished = resolve))
  const startMs = performance.now()
  const working = await side.work(AT_ONCE, async () => {
    done += 1
    if (done === JOBS) finished()
  })
  await all
  const rate = (JOBS / (performance.now() - startMs)) * 1_000
  await setImmediate()
  await working.stop()
  return rate
}

const SLOW_JOBS = 1_200
const READY_WITHIN_MS = 60_000

/** What four worker processes do beside one, with jobs of 2 ms of work and 20 ms of waiting, four at once in each. */
export async function fourWorkers(server: string): Promise<readonly Row[]> {
  const one = { ours: await fleetOf(server, 'ours', 1), theirs: await fleetOf(server, 'theirs', 1) }
  const four = { ours: await fleetOf(server, 'ours', 4), theirs: await fleetOf(server, 'theirs', 4) }
  const what = `jobs of 2 ms of work and 20 ms of waiting, PostgreSQL, four at once in each worker`
  return [
    row({
      what: `${what}: four workers`,
      ours: four.ours.perSecond,
      theirs: one.ours.perSecond,
      against: 'one of ours',
      unit: 'jobs/s',
      goal: '>= 1.6',
    }),
    row({
      what: `${what}: gained by four in place of one`,
      ours: four.ours.perSecond / one.ours.perSecond,
      theirs: four.theirs.perSecond / one.theirs.perSecond,
      against: 'bare pg-boss, for comparison',
      unit: 'times',
      goal: '>= 0',
    }),
    row({
      what: `${what}: runs done twice`,
      ours: one.ours.twice + four.ours.twice,
      theirs: 0,
      against: 'limit',
      unit: 'runs',
      goal: '<= 0',
    }),
  ]
}

function fleetOf(server: string, name: SideName, workers: number) {
  return withDatabase(server, async (url) => {
    const side = await openSide(name, url)
    const done: string[] = []
    let finished = () => {}
    const all = new Promise<void>((resolve) => (finished = resolve))
    const processes = await Promise.all(
      Array.from({ length: workers }, () =>
        startProcess(name, url, (id) => {
          done.push(id)
          if (done.length === SLOW_JOBS) finished()
        }),
      ),
    )
    await side.queue(SLOW_JOBS)
    const startMs = performance.now()
    await all
    const perSecond = (SLOW_JOBS / (performance.now() - startMs)) * 1_000
    await Promise.all(processes.map((stop) => stop()))
    await side.close()
    return { perSecond, twice: done.length - new Set(done).size }
  })
}

async function startProcess(side: SideName, url: string, done: (id: string) => void) {
  const program = join(import.meta.dirname, 'fleet-process.ts')
  const child = spawn(process.execPath, ['--conditions=@tomte/source', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TOMTE_BENCH_SIDE: side, TOMTE_BENCH_DATABASE: url },
  })
  const ended = once(child, 'exit')
  const lines = createInterface(child.stdout)
  await once(lines, 'line', { signal: AbortSignal.timeout(READY_WITHIN_MS) })
  lines.on('line', done)
  return async () => {
    child.stdin.end()
    await ended
  }
}
