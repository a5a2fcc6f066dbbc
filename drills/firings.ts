import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { defineDaemon, defineJob } from '@tomte/jobs'
import { FleetEngine } from '../packages/jobs/src/engine/fleet.ts'
import { startScheduler } from '../packages/jobs/src/scheduler.ts'
import { TestClock } from '../packages/jobs/src/test-support.ts'
import type { Row } from './row.ts'

const SCHEDULERS = 4
const QUARTER_MS = 15 * 60_000
const HOUR_MS = 4 * QUARTER_MS
const DAY_MS = 24 * HOUR_MS
const TENANT = 'contoso.example'

/** In Stockholm clocks go forward at 02:00, and back at 03:00. */
const CHANGES = { forward: Date.UTC(2026, 2, 29, 1), back: Date.UTC(2026, 9, 25, 1) } as const

const scheduled = (schedule: string) =>
  defineJob({
    input: z.object({}),
    schedule,
    timeZone: 'Europe/Stockholm',
    overlap: 'queue',
    run: async () => ({}),
  })

/** Jobs whose firings the change of the clock moves, doubles or leaves out, and how many a day of 24 hours has. */
const daemon = defineDaemon({
  apis: {},
  jobs: { hourly: scheduled('0 * * * *'), nightly: scheduled('30 2 * * *'), morning: scheduled('0 6 * * *') },
})

/** Moves the clock of four schedulers from `days` before each change to as many after it, by quarters of an hour. */
export async function firingsAcross(url: string, days: number): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const [change, atMs] of Object.entries(CHANGES)) rows.push(await firingsOf(url, change, atMs, days))
  return rows
}

async function firingsOf(url: string, change: string, atMs: number, days: number): Promise<Row> {
  // A quarter past the hour, so that no firing falls on the beginning or the end.
  const startMs = atMs - days * DAY_MS - 3 * QUARTER_MS
  const clock = new TestClock(startMs)
  const engines = await Promise.all(
    Array.from({ length: SCHEDULERS }, (_, n) =>
      FleetEngine.open(url, { name: `clock_${change}`, worker: `scheduler ${n}`, clock }),
    ),
  )
  const faults: string[] = []
  const schedulers = engines.map((engine) =>
    startScheduler({
      engine,
      daemon,
      surroundings: { tenant: TENANT },
      clock,
      tell: (event) => void (event.type === 'engine_failed' && faults.push(event.error.message)),
    }),
  )
  const [engine] = engines as [FleetEngine]
  await untilIdle(clock)
  const endMs = startMs + 2 * days * DAY_MS
  while (clock.now() < endMs) {
    clock.advance(QUARTER_MS)
    await untilIdle(clock)
  }
  const found = await engine.runs({ limit: 1_000 })
  await Promise.all(schedulers.map((scheduler) => scheduler.stop()))
  await Promise.all(engines.map((each) => each.close()))
  const firings = found.map(({ job, firingMs = 0 }) => `${job} ${firingMs}`)
  const missing = expected(startMs, endMs).filter((firing) => !firings.includes(firing))
  const doubled = firings.length - new Set(firings).size
  const more = firings.length - expected(startMs, endMs).length
  return {
    what: `clock moved over the change ${change}, ${SCHEDULERS} schedulers: firings of three schedules`,
    calls: firings.length,
    failed: missing.length + doubled + Math.abs(more) + faults.length,
    longestWaitMs: 0,
    tokenRequests: 0,
    withoutRenewals: true,
    goal: 'each firing one run, none missing, none more',
    met: missing.length === 0 && doubled === 0 && more === 0 && faults.length === 0,
  }
}

/** Each scheduler has decided what there was to decide, and waits for its next firing. */
async function untilIdle(clock: TestClock): Promise<void> {
  while (clock.waiting < SCHEDULERS) await sleep(1)
}

const LOCAL = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/Stockholm',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})

/**
 * What the clock on a wall in Stockholm says, asked every quarter of an hour: each full hour that is, once the time 06:00, and
 * once 02:30, which on the day without it is when the gap is over, and on the day with two is the first.
 */
function expected(startMs: number, endMs: number): readonly string[] {
  const firings: string[] = []
  const nights = new Set<string>()
  for (let ms = startMs + QUARTER_MS - (startMs % QUARTER_MS); ms <= endMs; ms += QUARTER_MS) {
    const parts = new Map(LOCAL.formatToParts(ms).map(({ type, value }) => [type, value]))
    const [day = '', hour, minute] = ['day', 'hour', 'minute'].map((part) => parts.get(part as 'day'))
    if (minute === '00') firings.push(`hourly ${ms}`)
    if (hour === '06' && minute === '00') firings.push(`morning ${ms}`)
    const isAfterGap = ms === CHANGES.forward
    if (((hour === '02' && minute === '30') || isAfterGap) && !nights.has(day)) {
      nights.add(day)
      firings.push(`nightly ${ms}`)
    }
  }
  return firings
}
