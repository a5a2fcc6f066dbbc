import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { manualClock } from '../test-support.ts'
import { Pace, paceOf, type Underway } from './pace.ts'

type ManualClock = ReturnType<typeof manualClock>

/** A clock whose sleepers wake when the test lets time pass. */
function sleepingClock(): ManualClock {
  const clock = manualClock()
  return {
    ...clock,
    sleep: (ms) => {
      clock.slept.push(ms)
      return new Promise((resolve) => {
        clock.after(ms, resolve)
      })
    },
  }
}

const passage = {
  priority: 'interactive',
  units: 1,
  signal: undefined,
  untilMs: Number.MAX_SAFE_INTEGER,
} as const
const bulk = { ...passage, priority: 'bulk' } as const

/** Enters as often as there is room. */
function filled(pace: Pace): Underway[] {
  const underway: Underway[] = []
  for (let next = pace.tryEnter('interactive', 1); next; next = pace.tryEnter('interactive', 1))
    underway.push(next)
  return underway
}

describe('Pace', () => {
  it('lets sixteen calls through at first, and more as they come back quickly', () => {
    const clock = sleepingClock()
    const pace = new Pace(clock)
    const first = filled(pace)
    assert.equal(first.length, 16)
    for (let round = 0; round < 20; round += 1) {
      const underway = round === 0 ? first : filled(pace)
      clock.pass(50)
      for (const call of underway) pace.leave(call)
    }
    assert.ok(pace.concurrency > 20 && pace.concurrency <= 64, `${pace.concurrency}`)
  })

  it('grows no further than 64, and not at all while it is not used', () => {
    const clock = sleepingClock()
    const [used, unused] = [new Pace(clock), new Pace(clock)]
    for (let round = 0; round < 2000; round += 1) {
      for (const call of filled(used)) used.leave(call)
      const single = unused.tryEnter('interactive', 1)
      assert.ok(single)
      unused.leave(single)
    }
    assert.deepEqual([used.concurrency, unused.concurrency], [64, 16])
  })

  it('lets fewer calls through when they come back slowly', () => {
    const clock = sleepingClock()
    const pace = new Pace(clock)
    const call = (ms: number) => {
      const underway = pace.tryEnter('interactive', 1)
      assert.ok(underway)
      clock.pass(ms)
      pace.leave(underway)
    }
    for (let round = 0; round < 20; round += 1) call(10)
    for (let round = 0; round < 40; round += 1) call(1500)
    assert.equal(pace.concurrency, 1)
  })

  it('lets nobody through while the API has asked to be left alone', async () => {
    const clock = sleepingClock()
    const pace = new Pace(clock)
    const refused = pace.tryEnter('interactive', 1) ?? assert.fail()
    pace.refused(refused, 1, 7000)
    pace.leave(refused)
    assert.equal(pace.concurrency, 11)
    assert.equal(pace.tryEnter('interactive', 1), undefined)
    let passed = false
    const entered = pace.enter(passage).then(() => {
      passed = true
    })
    clock.pass(6999)
    await immediate()
    assert.equal(passed, false)
    clock.pass(1)
    await entered
    assert.deepEqual(clock.slept, [7000])
  })

  it('lets interactive calls overtake bulk ones, and keeps one place for them', async () => {
    const pace = new Pace(sleepingClock())
    const underway: Underway[] = []
    for (let next = pace.tryEnter('bulk', 1); next; next = pace.tryEnter('bulk', 1)) underway.push(next)
    assert.equal(underway.length, 15)
    const reserved = pace.tryEnter('interactive', 1)
    assert.ok(reserved)
    const order: string[] = []
    const waiting = [
      pace.enter(bulk).then(() => order.push('bulk')),
      pace.enter(passage).then(() => order.push('interactive')),
    ]
    for (const call of [...underway, reserved]) {
      pace.leave(call)
      await immediate()
    }
    await Promise.all(waiting)
    assert.deepEqual(order, ['interactive', 'bulk'])
  })

  it('forgets whoever is stopped or has waited long enough', async () => {
    const clock = sleepingClock()
    const pace = new Pace(clock)
    const underway = filled(pace)
    const stop = new AbortController()
    const reason = new Error('stopped')
    const stopped = pace.enter({ ...passage, signal: stop.signal })
    const late = pace.enter({ ...passage, untilMs: clock.now() + 500 })
    stop.abort(reason)
    await assert.rejects(stopped, reason)
    await assert.rejects(pace.enter({ ...passage, signal: stop.signal }), reason)
    clock.pass(500)
    await assert.rejects(late, { name: 'UnavailableError', code: 'pace_timeout' })
    for (const call of underway) pace.leave(call)
    assert.ok(pace.idle)
    assert.equal(filled(pace).length, pace.concurrency)
  })

  it('is one for the same tenant, application and API, and another for any other', () => {
    const clock = sleepingClock()
    const pace = paceOf(clock, 'a tenant and an API', clock)
    assert.equal(paceOf(clock, 'a tenant and an API', clock), pace)
    assert.notEqual(paceOf(clock, 'another', clock), pace)
    assert.notEqual(paceOf({}, 'a tenant and an API', clock), pace)
  })

  it('is forgotten of those that are idle when there are ten thousand', () => {
    const clock = sleepingClock()
    const busy = paceOf(clock, 'busy', clock)
    assert.ok(busy.tryEnter('interactive', 1))
    const idle = paceOf(clock, 'idle', clock)
    for (let index = 0; index < 10_000; index += 1) paceOf(clock, `tenant ${index}`, clock)
    assert.equal(paceOf(clock, 'busy', clock), busy)
    assert.notEqual(paceOf(clock, 'idle', clock), idle)
  })
})
