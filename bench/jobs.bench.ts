// What it costs to run work that loses nothing: each beside the commits, or the queue, that it stands on.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedEngine } from '../packages/jobs/src/engine/embedded.ts'
import { FleetEngine } from '../packages/jobs/src/engine/fleet.ts'
import { withDatabase } from '../tools/own-database.ts'
import { startPostgres } from '../tools/postgres-server.ts'
import { runSpeed, saveSpeed } from './jobs/embedded-speed.ts'
import { fairness } from './jobs/fairness.ts'
import { fourWorkers, noOpJobs } from './jobs/fleet-speed.ts'
import { idle } from './jobs/idle.ts'
import { syncedCommits } from './jobs/synced.ts'
import type { BenchResult, Row } from './row.ts'

export async function bench(): Promise<BenchResult> {
  const home = await mkdtemp(join(tmpdir(), 'tomte-bench-jobs-'))
  try {
    return { bench: 'jobs', rows: [...(await embedded(home)), ...(await fleet(home))] }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

async function embedded(home: string): Promise<Row[]> {
  const speed = [await runSpeed(home), await saveSpeed(home)]
  const engine = await EmbeddedEngine.open(join(home, 'fairness', 'jobs.db'))
  const fair = await fairness(engine, 'embedded')
  await engine.close()
  return [...speed, ...(await syncedCommits(home)), fair]
}

async function fleet(home: string): Promise<Row[]> {
  const server = await startPostgres()
  try {
    // First, as a server that has had much to do goes on with it for a while.
    const idling = await idle(home, { url: server.url, pid: server.process.pid ?? 0 })
    return [
      ...idling,
      await noOpJobs(server.url),
      ...(await fourWorkers(server.url)),
      await fleetFairness(server.url),
    ]
  } finally {
    const ended = once(server.process, 'exit')
    server.process.kill(server.signal)
    await ended
    await rm(server.folder, { recursive: true, force: true })
  }
}

function fleetFairness(server: string): Promise<Row> {
  return withDatabase(server, async (url) => {
    const engine = await FleetEngine.open(url)
    const fair = await fairness(engine, 'PostgreSQL')
    await engine.close()
    return fair
  })
}
