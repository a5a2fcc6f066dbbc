import { join } from 'node:path'
import type { Clock, Environment } from '@tomte/client'
import type { Daemon } from '../daemon.ts'
import type { Engine } from '../engine/engine.ts'

/** Which engine keeps the runs of a daemon. */
export interface EngineChoice {
  readonly environment: Environment
  readonly dataFolder: string
  /** PostgreSQL in place of SQLite; default: `TOMTE_DATABASE_URL` of the environment. */
  readonly databaseUrl?: string | undefined
  /** Tells daemons apart that share a database. */
  readonly daemon: Pick<Daemon, 'name'>
  readonly clock?: Clock | undefined
}

/**
 * Opens the engine of a daemon: a PostgreSQL if an address is known, else SQLite in the data folder.
 *
 * @throws JobError if it cannot be opened, or another process holds the file.
 */
export async function openEngine(choice: EngineChoice): Promise<Engine> {
  const { environment, dataFolder, clock, daemon } = choice
  const address = choice.databaseUrl ?? (environment['TOMTE_DATABASE_URL'] || undefined)
  // Neither engine takes the room of the other.
  if (address === undefined) {
    const { EmbeddedEngine } = await import('../engine/embedded.ts')
    return EmbeddedEngine.open(join(dataFolder, 'jobs.db'), { clock })
  }
  const { FleetEngine } = await import('../engine/fleet.ts')
  return FleetEngine.open(address, { name: daemon.name })
}
