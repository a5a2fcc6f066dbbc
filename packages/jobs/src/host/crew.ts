import type { Clock, Environment, Listener } from '@tomte/client'
import type { Daemon } from '../daemon.ts'
import { checkDaemon } from '../definition.ts'
import type { Engine } from '../engine/engine.ts'
import type { JobListener } from '../events.ts'
import { type Scheduler, startScheduler } from '../scheduler.ts'
import { type Surroundings, surroundingsOf } from '../surroundings.ts'
import { startWorker, type Worker } from '../worker.ts'

/** What does the work of one definition of a daemon: replaced as a whole when the definition is. */
export interface Crew {
  readonly daemon: Daemon
  /** Of the identity. */
  readonly tenant: string
  readonly worker: Worker
  readonly scheduler: Scheduler
  /** Whether it has been told to stop. */
  readonly stopping: boolean
  stop(graceMs: number): Promise<void>
}

/** What every crew of a daemon stands on. */
export interface CrewOptions {
  readonly engine: Engine
  readonly environment: Environment
  readonly configFile?: string | undefined
  readonly tell: JobListener
  readonly onIdentityEvent: Listener
  readonly clock: Clock
  readonly random: () => number
}

/** A definition that has been checked, with who works by it. */
export interface Prepared {
  readonly daemon: Daemon
  readonly surroundings: Surroundings
}

/**
 * Checks a definition and makes its identity and APIs; starts nothing.
 *
 * @throws JobError `daemon_invalid`; ConfigurationError if the identity or an API cannot be one.
 */
export async function prepareCrew(daemon: Daemon, options: CrewOptions): Promise<Prepared> {
  checkDaemon(daemon)
  const { environment, configFile, onIdentityEvent } = options
  return { daemon, surroundings: await surroundingsOf(daemon, { environment, configFile, onIdentityEvent }) }
}

/** Starts worker and scheduler. */
export function startCrew({ daemon, surroundings }: Prepared, options: CrewOptions): Crew {
  const { engine, tell, clock, random } = options
  const worker = startWorker({ engine, daemon, surroundings, tell, clock, random })
  const scheduler = startScheduler({ engine, daemon, surroundings, tell, clock })
  let stopping = false
  return {
    daemon,
    tenant: surroundings.tenant,
    worker,
    scheduler,
    get stopping() {
      return stopping
    },
    async stop(graceMs) {
      stopping = true
      // No firing may become a run that nobody takes any more; it is caught up with at the next start.
      await scheduler.stop()
      await worker.stop(graceMs)
    },
  }
}
