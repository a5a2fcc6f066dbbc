// Ours on PostgreSQL, and bare pg-boss beside it in the mode that its guide names for throughput.
import { randomUUID } from 'node:crypto'
import { PgBoss } from 'pg-boss'
import { z } from 'zod'
import { defineDaemon, defineJob } from '@tomte/jobs'
import { FleetEngine } from '../../packages/jobs/src/engine/fleet.ts'
import { surroundingsOf } from '../../packages/jobs/src/surroundings.ts'
import { startWorker } from '../../packages/jobs/src/worker.ts'

const ENVIRONMENT = {
  AZURE_TENANT_ID: 'contoso.example',
  AZURE_CLIENT_ID: '22222222-bbbb-4bbb-8bbb-000000000002',
  AZURE_CLIENT_CERTIFICATE_PATH: 'nowhere.pem',
}
const BARE_SCHEMA = 'bare'

/** Takes jobs, as many at once as it is told, and does this with each. */
export interface Side {
  /** Queues so many; returns when all are on the disk. */
  queue(count: number): Promise<void>
  work(atOnce: number, act: (id: string) => Promise<void>): Promise<{ stop(): Promise<void> }>
  close(): Promise<void>
}

export type SideName = 'ours' | 'theirs'

export const openSide = (name: SideName, url: string): Promise<Side> =>
  name === 'ours' ? ours(url) : theirs(url)

async function ours(url: string): Promise<Side> {
  const engine = await FleetEngine.open(url)
  return {
    queue: async (count) => {
      const runs = Array.from({ length: count }, () => ({ job: 'work', input: {}, key: randomUUID() }))
      await engine.enqueue(runs.map((run, n) => ({ ...run, tenant: `tenant-${n % 50}.example` })))
    },
    work: async (atOnce, act) => {
      const run = ({ runId }: { readonly runId: string }) => act(runId).then(() => ({}))
      const work = defineJob({ input: z.object({}), concurrency: atOnce, run })
      const daemon = defineDaemon({ apis: {}, jobs: { work } })
      const surroundings = await surroundingsOf(daemon, { environment: ENVIRONMENT })
      const worker = startWorker({ engine, daemon, surroundings, tell: () => {} })
      return { stop: () => worker.stop(5_000) }
    },
    close: () => engine.close(),
  }
}

async function theirs(url: string): Promise<Side> {
  const boss = new PgBoss({ connectionString: url, schema: BARE_SCHEMA, schedule: false })
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue('work')
  return {
    queue: async (count) => {
      const jobs = Array.from({ length: count }, () => ({ data: {} }))
      for (let start = 0; start < count; start += 1_000)
        await boss.insert('work', jobs.slice(start, start + 1_000))
    },
    work: async (atOnce, act) => {
      const options = { batchSize: atOnce, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
      await boss.work('work', options, async (jobs) => {
        await Promise.all(jobs.map(({ id }) => act(id)))
      })
      return { stop: () => boss.offWork('work', { wait: true }) }
    },
    close: () => boss.stop({ graceful: false }),
  }
}
