import type { Clock } from '@tomte/client'
import type { Daemon } from './daemon.ts'
import type { Engine } from './engine/engine.ts'
import type { JobListener } from './events.ts'
import type { Surroundings } from './surroundings.ts'

/** What a scheduler stands on. */
export interface SchedulerOptions {
  readonly engine: Engine
  readonly daemon: Daemon
  readonly surroundings: Pick<Surroundings, 'tenant'>
  readonly tell: JobListener
  readonly clock?: Clock | undefined
}

/** When a job is done next. */
export interface NextFiring {
  readonly job: string
  readonly atMs: number | undefined
}

/** Makes runs of schedules, until it is stopped. */
export interface Scheduler {
  /** Of every job with a schedule. */
  next(): readonly NextFiring[]
  stop(): Promise<void>
}
