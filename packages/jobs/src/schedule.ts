import { Cron } from 'croner'

/** When a job fires. */
export interface Schedule {
  /** Five fields. */
  readonly cron: string
  readonly timeZone: string
  /** What becomes of firings that passed while nothing ran. */
  readonly missed: 'once' | 'skip'
}

/** What follows from a schedule, its last firing and the time. */
export interface Firings {
  /** For which time a run is to be made, if for any. */
  readonly fireMs: number | undefined
  /** How many passed for which no run of their own is made; from 500 on they are no longer counted. */
  readonly missed: number
  /** The last firing that is decided on now. */
  readonly lastFiringMs: number
  /** Whether the stored last firing was so far ahead that the clock must have been wrong. */
  readonly clockSetBack: boolean
}

const HOUR_MS = 60 * 60 * 1000
// The scheduler wakes at a firing; a minute later nothing was running.
const ON_TIME_MS = 60 * 1000
const COUNTED_MAX = 500
// No daylight saving and no correction of a zone moves a clock further.
const AHEAD_MAX_MS = 26 * HOUR_MS

/** Makes croner's view of a schedule. @throws TypeError if the expression or the time zone is none. */
function cronOf({ cron, timeZone }: Pick<Schedule, 'cron' | 'timeZone'>): Cron {
  return new Cron(cron, {
    mode: '5-part',
    timezone: timeZone,
    paused: true,
    // A time of day that a change of the clock leaves out is made up for after it, and one that comes twice fires once.
    fixedTimeRule: 'no-wildcard',
  })
}

/** Says what is wrong with a cron expression, or nothing. */
export function cronFault(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/).length
  if (cron.trim() === '' || fields !== 5)
    return `five fields are needed (minute, hour, day of month, month, day of week): it has ${cron.trim() === '' ? 0 : fields}`
  try {
    const never = cronOf({ cron, timeZone: 'UTC' }).nextRun(new Date(0)) === null
    return never ? 'it must fire at some time: it never does' : undefined
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^\w+: /, '') : String(error)
  }
}

/** Says what is wrong with a time zone, or nothing. */
export function timeZoneFault(timeZone: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return undefined
  } catch {
    return 'an IANA time zone is needed, such as Europe/Stockholm'
  }
}

/** The first firing after a time, in ms; `undefined` if there is none any more. */
export function nextFiringMs(
  schedule: Pick<Schedule, 'cron' | 'timeZone'>,
  afterMs: number,
): number | undefined {
  return cronOf(schedule).nextRun(new Date(afterMs))?.getTime()
}

/**
 * Decides which firings are due: the latest one, unless it was missed and is to be skipped. What a clock that was set back shows
 * again is not fired again, until it was more than a day ahead.
 */
export function firingsDue(schedule: Schedule, lastFiringMs: number, nowMs: number): Firings {
  if (lastFiringMs > nowMs + AHEAD_MAX_MS)
    return { fireMs: undefined, missed: 0, lastFiringMs: nowMs, clockSetBack: true }
  const { count, latestMs } = passed(cronOf(schedule), lastFiringMs, nowMs)
  if (latestMs === undefined) return { fireMs: undefined, missed: 0, lastFiringMs, clockSetBack: false }
  const fires = schedule.missed === 'once' || nowMs - latestMs < ON_TIME_MS
  const ownRuns = nowMs - latestMs < ON_TIME_MS ? 1 : 0
  return {
    fireMs: fires ? latestMs : undefined,
    missed: count - ownRuns,
    lastFiringMs: latestMs,
    clockSetBack: false,
  }
}

/** The firings after one time and up to another. */
function passed(
  cron: Cron,
  afterMs: number,
  untilMs: number,
): { readonly count: number; readonly latestMs: number | undefined } {
  let latestMs: number | undefined
  for (let count = 0; count < COUNTED_MAX; count += 1) {
    const nextMs = cron.nextRun(new Date(latestMs ?? afterMs))?.getTime()
    if (nextMs === undefined || nextMs > untilMs) return { count, latestMs }
    latestMs = nextMs
  }
  // A run earlier in the second of the reference is included, so the second after `untilMs` begins too late by one.
  const latest = cron.previousRuns(1, new Date(Math.floor(untilMs / 1000) * 1000 + 999))[0]?.getTime()
  return { count: COUNTED_MAX, latestMs: latest !== undefined && latest > afterMs ? latest : latestMs }
}
