// What a pace makes of APIs that count in other ways than Graph does: so much is used of what is granted, so little refused.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { manualClock } from '../test-support.ts'
import { Pace, type Underway } from './pace.ts'

interface Shape {
  /** The time in which the API grants its limit. */
  readonly windowMs: number
  readonly limit: (nowMs: number) => number
  /** Whether it is filled drop by drop, and not all at once. */
  readonly drops?: boolean
  /** Whether a refusal says how long to wait. Default true. */
  readonly named?: boolean
  readonly clients?: number
  /** How far into a window the first call comes. */
  readonly offsetMs?: number
  readonly units?: number
  readonly latencyMs?: number
  readonly seconds?: number
}

interface Flight {
  readonly backAtMs: number
  readonly pace: Pace
  readonly underway: Underway
  readonly refused: number
  readonly waitMs: number
}

const STEP_MS = 5

/** An API that grants so much, in buckets or drop by drop. */
class Granting {
  readonly #shape: Shape
  #bucket = -1
  #left = 0
  #filledAtMs = 0

  constructor(shape: Shape) {
    this.#shape = shape
    this.#left = shape.limit(0)
  }

  /** How many of so many units it grants. */
  grant(units: number, nowMs: number): number {
    const { windowMs, limit, drops = false, offsetMs = 0 } = this.#shape
    const bucket = Math.floor((nowMs + offsetMs) / windowMs)
    if (drops) {
      const filled = this.#left + ((nowMs - this.#filledAtMs) * limit(nowMs)) / windowMs
      this.#left = Math.min(limit(nowMs), filled)
      this.#filledAtMs = nowMs
    } else if (bucket !== this.#bucket) this.#left = limit(nowMs)
    this.#bucket = bucket
    const granted = Math.max(0, Math.min(units, Math.floor(this.#left)))
    this.#left -= granted
    return granted
  }

  /** How long it asks to wait, in whole seconds as Retry-After has them. */
  waitMs(units: number, nowMs: number): number {
    const { windowMs, limit, drops = false, offsetMs = 0 } = this.#shape
    const restMs = drops ? (units * windowMs) / limit(nowMs) : windowMs - ((nowMs + offsetMs) % windowMs)
    return Math.ceil(restMs / 1000) * 1000
  }
}

/** Plays clients that have more to send than they may, and returns what is granted of the limit and refused of that, once they know it. */
function played(shape: Shape): { readonly goodput: number; readonly refused: number } {
  const { windowMs, limit, named = true, clients = 1, units = 20, latencyMs = 300, seconds = 240 } = shape
  const clock = manualClock()
  const paces = Array.from({ length: clients }, () => new Pace(clock))
  const api = new Granting(shape)
  const knownFromMs = Math.max(30_000, 3 * windowMs)
  const sum = { granted: 0, refused: 0, limit: 0 }
  let flights: readonly Flight[] = []
  const startMs = clock.now()
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += STEP_MS) {
    const back = flights.filter(({ backAtMs }) => backAtMs <= nowMs)
    flights = flights.filter(({ backAtMs }) => backAtMs > nowMs)
    for (const { pace, underway, refused, waitMs } of back) {
      pace.leave(underway)
      if (refused > 0) pace.refused(underway, refused, named ? waitMs : undefined)
    }
    if (nowMs >= knownFromMs) sum.limit += (STEP_MS * limit(nowMs)) / windowMs
    for (const pace of paces)
      for (let next = pace.tryEnter('bulk', units); next; next = pace.tryEnter('bulk', units)) {
        const granted = api.grant(units, nowMs)
        const refused = units - granted
        const waitMs = api.waitMs(units, nowMs)
        flights = [...flights, { backAtMs: nowMs + latencyMs, pace, underway: next, refused, waitMs }]
        if (nowMs < knownFromMs) continue
        sum.granted += granted
        sum.refused += refused
      }
    clock.pass(startMs + nowMs + STEP_MS - clock.now())
  }
  return { goodput: sum.granted / sum.limit, refused: sum.refused / sum.granted }
}

const always = (limit: number) => () => limit
const changing = (before: number, after: number) => (nowMs: number) => (nowMs < 100_000 ? before : after)

const SHAPES: readonly (readonly [what: string, shape: Shape, goodput: number, refused: number])[] = [
  ['1,782 in ten seconds', { windowMs: 10_000, limit: always(1782) }, 0.95, 0.02],
  ['the same, met in mid-bucket', { windowMs: 10_000, limit: always(1782), offsetMs: 9000 }, 0.95, 0.02],
  ['300 in ten seconds', { windowMs: 10_000, limit: always(300) }, 0.9, 0.05],
  ['100 a second', { windowMs: 1000, limit: always(100) }, 0.9, 0.05],
  ['500 a second', { windowMs: 1000, limit: always(500) }, 0.9, 0.05],
  ['100 single calls a second', { windowMs: 1000, limit: always(100), units: 1, latencyMs: 50 }, 0.9, 0.05],
  ['1,000 a minute', { windowMs: 60_000, limit: always(1000), seconds: 600 }, 0.9, 0.05],
  ['6,000 a minute', { windowMs: 60_000, limit: always(6000), seconds: 600 }, 0.9, 0.05],
  ['3,000 in 150 seconds', { windowMs: 150_000, limit: always(3000), seconds: 1200 }, 0.9, 0.05],
  ['drops, 178 a second', { windowMs: 10_000, limit: always(1782), drops: true }, 0.9, 0.05],
  ['drops, 30 a second', { windowMs: 10_000, limit: always(300), drops: true }, 0.9, 0.05],
  ['a limit that falls', { windowMs: 10_000, limit: changing(4000, 1500), seconds: 300 }, 0.9, 0.05],
  ['a limit that rises', { windowMs: 10_000, limit: changing(1500, 4000), seconds: 300 }, 0.85, 0.05],
  ['three clients, 4,000 in ten seconds', { windowMs: 10_000, limit: always(4000), clients: 3 }, 0.9, 0.05],
  ['three clients, 300 a second', { windowMs: 1000, limit: always(300), clients: 3 }, 0.9, 0.05],
  ['no named wait, ten seconds', { windowMs: 10_000, limit: always(1782), named: false }, 0.9, 0.05],
]

describe('a pace', () => {
  for (const [what, shape, goodput, refused] of SHAPES) {
    it(`uses ${goodput * 100} % of what is granted, with ${refused * 100} % refused: ${what}`, () => {
      const seen = played(shape)
      assert.ok(seen.goodput >= goodput, `goodput ${seen.goodput}`)
      assert.ok(seen.refused <= refused, `refused ${seen.refused}`)
    })
  }

  it('leaves an API alone, longer each time, that grants nothing and names no wait', () => {
    const clock = manualClock()
    const pace = new Pace(clock)
    const waits: number[] = []
    const first = pace.tryEnter('bulk', 20) ?? assert.fail()
    pace.leave(first)
    pace.refused(first, 20, undefined)
    for (let refusal = 0; refusal < 7; refusal += 1) {
      const refusedAtMs = clock.now()
      let next: Underway | undefined
      for (let step = 0; step < 1000 && !next; step += 1) {
        clock.pass(100)
        next = pace.tryEnter('interactive', 1)
      }
      assert.ok(next)
      pace.leave(next)
      pace.refused(next, 1, undefined)
      waits.push(clock.now() - refusedAtMs)
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  })
})
