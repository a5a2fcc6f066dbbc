import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cronFault, firingsDue, nextFiringMs, type Schedule, timeZoneFault } from './schedule.ts'

const at = (text: string) => Date.parse(text)
const text = (ms: number | undefined) =>
  ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 16)
const daily = (cron: string, timeZone: string): Schedule => ({ cron, timeZone, missed: 'once' })

/** Every firing between two times, as a scheduler that wakes at each of them sees it. */
function firings(schedule: Schedule, from: string, until: string): (string | undefined)[] {
  const fired = []
  for (let lastMs = at(from); ; ) {
    const nextMs = nextFiringMs(schedule, lastMs)
    if (nextMs === undefined || nextMs > at(until)) return fired
    const due = firingsDue(schedule, lastMs, nextMs + 20)
    assert.deepEqual([due.fireMs, due.missed], [nextMs, 0])
    fired.push(text(due.fireMs))
    lastMs = due.lastFiringMs
  }
}

describe('cronFault', () => {
  const faults: readonly (readonly [string, RegExp | undefined])[] = [
    ['0 2 * * *', undefined],
    ['*/5 8-18 * * MON-FRI', undefined],
    ['0 0 29 2 *', undefined],
    ['  0  2  *  *  *  ', undefined],
    ['* * * * * *', /five fields are needed.*: it has 6/],
    ['0 2 * *', /it has 4/],
    ['@daily', /it has 1/],
    ['', /it has 0/],
    ['61 * * * *', /Invalid value for minute/],
    ['0 2 * * nonsense', /./],
    ['0 0 31 2 *', /it never does/],
  ]
  for (const [cron, fault] of faults) {
    it(`${fault === undefined ? 'takes' : 'refuses'} '${cron}'`, () => {
      const found = cronFault(cron)
      if (fault === undefined) assert.equal(found, undefined)
      else assert.match(found ?? '', fault)
    })
  }

  it('knows time zones by their names', () => {
    for (const zone of ['UTC', 'Europe/Stockholm', 'America/New_York', 'Asia/Kolkata'])
      assert.equal(timeZoneFault(zone), undefined)
    for (const zone of ['', 'Mars/Olympus', 'Europe', '02:00 o’clock'])
      assert.match(timeZoneFault(zone) ?? '', /IANA/)
  })
})

describe('a schedule at the changes of the clock', () => {
  it('fires once on the day that has no such time, as soon as the gap is over', () => {
    assert.deepEqual(
      firings(daily('30 2 * * *', 'Europe/Stockholm'), '2026-03-28T00:00Z', '2026-03-30T12:00Z'),
      ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'],
    )
  })

  it('fires once on the day on which the time comes twice', () => {
    assert.deepEqual(
      firings(daily('30 2 * * *', 'Europe/Stockholm'), '2026-10-24T12:00Z', '2026-10-26T12:00Z'),
      ['2026-10-25T00:30', '2026-10-26T01:30'],
    )
    assert.deepEqual(
      firings(daily('30 1 * * *', 'America/New_York'), '2026-10-31T12:00Z', '2026-11-02T12:00Z'),
      ['2026-11-01T05:30', '2026-11-02T06:30'],
    )
  })

  it('fires every hour of both days that is there, and none twice', () => {
    const hourly = daily('0 * * * *', 'Europe/Stockholm')
    for (const day of ['2026-03-29', '2026-10-25']) {
      const fired = firings(hourly, `${day}T00:00Z`, `${day}T06:00Z`)
      assert.deepEqual(
        fired,
        ['01', '02', '03', '04', '05', '06'].map((hour) => `${day}T${hour}:00`),
      )
    }
  })

  it('is not moved by them in UTC', () => {
    assert.deepEqual(firings(daily('30 2 * * *', 'UTC'), '2026-03-28T12:00Z', '2026-03-30T12:00Z'), [
      '2026-03-29T02:30',
      '2026-03-30T02:30',
    ])
  })
})

describe('firingsDue', () => {
  const every5: Schedule = { cron: '*/5 * * * *', timeZone: 'UTC', missed: 'once' }
  const noon = at('2026-01-05T12:00Z')

  it('fires nothing before the time, and at the time once', () => {
    assert.equal(firingsDue(every5, noon, noon + 299_999).fireMs, undefined)
    const due = firingsDue(every5, noon, noon + 300_000)
    assert.deepEqual(due, {
      fireMs: noon + 300_000,
      missed: 0,
      lastFiringMs: noon + 300_000,
      clockSetBack: false,
    })
    assert.equal(firingsDue(every5, due.lastFiringMs, noon + 300_000).fireMs, undefined)
  })

  it('catches up once on all that passed while nothing ran', () => {
    const due = firingsDue({ ...every5, cron: '0 2 * * *' }, at('2026-01-01T02:00Z'), noon)
    assert.deepEqual([text(due.fireMs), due.missed], ['2026-01-05T02:00', 4])
    assert.equal(due.lastFiringMs, due.fireMs)
  })

  it('lets go what passed where that is asked for, and fires what is due now', () => {
    const skip = { ...every5, missed: 'skip' } as const
    const missed = firingsDue(skip, noon, noon + 3 * 60_000 + 3_600_000)
    assert.deepEqual(
      [missed.fireMs, missed.missed, text(missed.lastFiringMs)],
      [undefined, 12, '2026-01-05T13:00'],
    )
    const due = firingsDue(skip, noon, noon + 3_600_000 + 30_000)
    assert.deepEqual([text(due.fireMs), due.missed], ['2026-01-05T13:00', 11])
  })

  it('loses nothing and fires nothing twice when the clock jumps an hour ahead and back again', () => {
    const ahead = firingsDue(every5, noon, noon + 3_600_000)
    assert.deepEqual([text(ahead.fireMs), ahead.missed], ['2026-01-05T13:00', 11])
    for (let nowMs = noon; nowMs < noon + 3_600_000; nowMs += 60_000)
      assert.deepEqual(firingsDue(every5, ahead.lastFiringMs, nowMs), {
        fireMs: undefined,
        missed: 0,
        lastFiringMs: ahead.lastFiringMs,
        clockSetBack: false,
      })
    assert.equal(text(firingsDue(every5, ahead.lastFiringMs, noon + 3_900_000).fireMs), '2026-01-05T13:05')
  })

  it('counts from now on when the clock had been years ahead, and says so', () => {
    const due = firingsDue(every5, at('2036-01-01T00:00Z'), noon)
    assert.deepEqual(due, { fireMs: undefined, missed: 0, lastFiringMs: noon, clockSetBack: true })
  })

  it('finds the last of very many, without counting them all', () => {
    const due = firingsDue({ ...every5, cron: '* * * * *' }, at('2016-01-01T00:00Z'), noon + 61_000)
    assert.deepEqual([text(due.fireMs), due.missed], ['2026-01-05T12:01', 499])
    const season = firingsDue(
      { ...every5, cron: '* * * 1 *' },
      at('2016-01-01T00:00Z'),
      at('2026-06-01T00:00Z'),
    )
    assert.deepEqual([text(season.fireMs), season.missed], ['2026-01-31T23:59', 500])
  })
})
