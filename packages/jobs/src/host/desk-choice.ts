import type { Clock, Environment } from '@tomte/client'
import { systemClock } from '@tomte/client'
import type { Daemon } from '../daemon.ts'
import { nextFirings } from '../scheduler.ts'
import { withServiceCredentials } from '../service/credentials.ts'
import { surroundingsOf } from '../surroundings.ts'
import { readAddress } from './address-file.ts'
import { type Desk, engineDesk } from './desk.ts'
import { openEngine } from './engine-choice.ts'
import { isThere, remoteDesk } from './remote-desk.ts'

/** Where the runs of a daemon are looked for. */
export interface DeskChoice {
  /** Reads the definition; asked for only where no daemon runs that knows its own. */
  readonly load: () => Promise<Daemon>
  readonly dataFolder: string
  /** Where the daemon was defined: its relative paths start at that folder. Default: the working folder. */
  readonly configFile?: string | undefined
  readonly environment: Environment
  /** PostgreSQL in place of SQLite; default: `TOMTE_DATABASE_URL` of the environment. */
  readonly databaseUrl?: string | undefined
  readonly clock?: Clock | undefined
}

/**
 * Opens a desk: at the daemon that runs on the data folder, by its status API, else at the database itself, which nobody holds then.
 *
 * A program that makes runs for a daemon, such as a web API, keeps one open.
 *
 * @throws JobError if neither can be reached.
 * @example
 * ```ts
 * import { defineDaemon, openDesk } from '@tomte/jobs'
 * const daemon = defineDaemon({ apis: {}, jobs: {} })
 * const desk = await openDesk({ load: async () => daemon, dataFolder: '.tomte', environment: process.env })
 * for (const { job, last } of (await desk.status()).jobs) console.log(job, last?.state)
 * const { id } = await desk.start({ job: 'provision', input: { file: 'people.csv' } })
 * console.log(`run ${id} is queued`)
 * await desk.close()
 * ```
 */
export async function openDesk(choice: DeskChoice): Promise<Desk> {
  const address = await readAddress(choice.dataFolder)
  if (address !== undefined && (await isThere(address))) return remoteDesk(address)
  const { clock = systemClock } = choice
  const environment = await withServiceCredentials(choice.environment)
  const daemon = await choice.load()
  const engine = await openEngine({ ...choice, environment, daemon })
  const desk = engineDesk({
    engine,
    daemon: () => daemon,
    tenant: async () => (await surroundingsOf(daemon, { environment, configFile: choice.configFile })).tenant,
    next: () => nextFirings(daemon, clock.now()),
    // Nobody works here: that the database answers is all that can be said.
    ready: () => false,
    now: () => clock.now(),
  })
  return { ...desk, close: () => engine.close() }
}
