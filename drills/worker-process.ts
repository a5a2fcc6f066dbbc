// A worker of a fleet in a process of its own, which a drill kills: each of its runs takes twenty steps, and each step has one
// effect under a key of its own. Takes the address of its PostgreSQL from the environment; lives until its standard input ends.
import { flushCompileCache } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { z } from 'zod'
import { type Cursor, defineDaemon, defineJob } from '@tomte/jobs'
import { FleetEngine } from '../packages/jobs/src/engine/fleet.ts'
import { surroundingsOf } from '../packages/jobs/src/surroundings.ts'
import { startWorker } from '../packages/jobs/src/worker.ts'

const address = process.env['TOMTE_DRILL_DATABASE'] ?? ''
const AWAY_MAX_MS = 60_000

/** Runs the same work again while the database is away: what it does is keyed, so it does no harm twice. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + AWAY_MAX_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (performance.now() > endMs) throw error
      await sleep(200)
    }
  }
}

const effects = new pg.Pool({ connectionString: address, max: 4 })
effects.on('error', () => {})

/** An effect is there once, whoever asks for it how often; each attempt is counted. */
const takeEffect = (run: number, step: number) =>
  persistently(() =>
    effects.query(
      `with taken as (insert into effect (run, step, attempts) values ($1, $2, 1)
         on conflict (run, step) do update set attempts = effect.attempts + 1 returning attempts)
       insert into account (run, balance) select $1, 1 from taken where attempts = 1
         on conflict (run) do update set balance = account.balance + 1`,
      [run, step],
    ),
  )

const walk = defineJob({
  input: z.object({ run: z.number(), steps: z.number(), stepMs: z.number() }),
  concurrency: 16,
  retries: { attempts: 100, firstMs: 200, maxMs: 1_000 },
  async run({ input: { run, steps, stepMs }, step, signal }) {
    for (let number = 0; number < steps; number += 1) {
      await step(`step ${number}`, async (cursor: Cursor<string>) => {
        signal.throwIfAborted()
        await cursor.save('begun')
        await takeEffect(run, number)
        await sleep(stepMs)
        return number
      })
    }
    return { steps }
  },
})

const daemon = defineDaemon({ apis: {}, jobs: { walk } })
const environment = {
  AZURE_TENANT_ID: 'contoso.example',
  AZURE_CLIENT_ID: '22222222-bbbb-4bbb-8bbb-000000000002',
  AZURE_CLIENT_CERTIFICATE_PATH: 'nowhere.pem',
}
const engine = await persistently(() => FleetEngine.open(address))
const worker = startWorker({
  engine,
  daemon,
  surroundings: await surroundingsOf(daemon, { environment }),
  tell: (event) => {
    if (event.type === 'run_dead') process.stderr.write(`${JSON.stringify(event)}\n`)
  },
})
process.stdout.write('ready\n')
flushCompileCache()
process.stdin.resume().on('end', () => process.exit())
await worker.ended
process.exit(1)
