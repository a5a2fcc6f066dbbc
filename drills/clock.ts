import type { Clock } from '@tomte/client'
import { systemClock } from '@tomte/client'

/** Where a fast time begins and how fast it runs; processes that are told the same have the same time. */
export interface Pace {
  /** Milliseconds since 1970, by the machine's clock, at which both times were the same. */
  readonly startMs: number
  /** How many milliseconds of it pass in one of the machine's. */
  readonly speed: number
}

/** The fast time: the hour of a token passes in a minute at a speed of 60. */
export const fastNow =
  ({ startMs, speed }: Pace): (() => number) =>
  () =>
    startMs + (Date.now() - startMs) * speed

/** A clock of fast time, for an identity and for the drill itself. */
export function fastClock(pace: Pace): Clock {
  const { speed } = pace
  return {
    now: fastNow(pace),
    sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
    after: (ms, end) => systemClock.after(ms / speed, end),
  }
}

/** Begins now, in fast time. */
export const paceOf = (speed: number): Pace => ({ startMs: Date.now(), speed })
