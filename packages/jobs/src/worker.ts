import type { Clock } from '@tomte/client'
import type { Daemon } from './daemon.ts'
import type { Engine, Progress } from './engine/engine.ts'
import type { JobListener } from './events.ts'
import type { Surroundings } from './surroundings.ts'

/** What a worker stands on. */
export interface WorkerOptions {
  readonly engine: Engine
  readonly daemon: Daemon
  readonly surroundings: Surroundings
  readonly tell: JobListener
  readonly clock?: Clock | undefined
  /** From 0 up to, not including, 1. */
  readonly random?: (() => number) | undefined
}

/** A run that a worker has in hand. */
export interface RunInHand {
  readonly id: string
  readonly job: string
  readonly tenant: string
  readonly attempt: number
  readonly startedAtMs: number
  readonly progress: Progress | undefined
}

/** How a worker ended: it was told to stop, or a job that heeds no signal left it no other way. */
export type WorkerEnd = 'stopped' | 'unfit'

/** Claims runs, executes them and settles them, until it is stopped. */
export interface Worker {
  /** Those it has in hand now. */
  readonly runs: readonly RunInHand[]
  /** When the engine last answered a claim or a heartbeat, in ms; for a health check. */
  readonly lastAnswerAtMs: number
  /** Resolves when it has ended; after `unfit` the process has to end, as a job of it cannot be stopped otherwise. */
  readonly ended: Promise<WorkerEnd>
  /**
   * Takes no more work and tells its runs to stop; resolves when all have ended or are given back, with their checkpoints where
   * they stand. A run that has not stopped after `graceMs` keeps its lease until the process ends.
   */
  stop(graceMs: number): Promise<void>
}
