import type { Clock } from '@tomte/client'
import type { Engine } from '../engine/engine.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** How long ended runs are kept. */
export const HISTORY_MS = 90 * DAY_MS

const FIRST_AFTER_MS = 60_000
const EVERY_MS = 60 * 60 * 1000
const PIECES_MAX = 50
const PAUSE_MS = 200

/** How the history is kept. */
export interface HistoryOptions {
  readonly engine: Pick<Engine, 'prune'>
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Hears of what went wrong, and goes on an hour later. */
  readonly onFault: (error: unknown) => void
  /** Default: 90 days. */
  readonly keptMs?: number | undefined
}

/**
 * Deletes runs that ended more than 90 days ago, every hour and in small pieces with pauses between them, until the signal is
 * aborted: the work goes before.
 */
export async function keepHistory(options: HistoryOptions): Promise<void> {
  const { clock, signal } = options
  for (let waitMs = FIRST_AFTER_MS; ; waitMs = EVERY_MS) {
    try {
      await clock.sleep(waitMs, signal)
    } catch {
      return
    }
    await pruneOnce(options).catch((error: unknown) => (signal.aborted ? undefined : options.onFault(error)))
  }
}

async function pruneOnce({ engine, clock, signal, keptMs = HISTORY_MS }: HistoryOptions): Promise<void> {
  for (let piece = 0; piece < PIECES_MAX; piece += 1) {
    if (signal.aborted || (await engine.prune(clock.now() - keptMs)) === 0) return
    await clock.sleep(PAUSE_MS, signal)
  }
}
