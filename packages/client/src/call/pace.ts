import type { Clock } from '../clock.ts'
import { UnavailableError } from '../errors.ts'
import { Quota, type Spending } from './quota.ts'

/** Whether somebody waits for a call, or a job does; interactive calls overtake bulk ones. */
export type Priority = 'interactive' | 'bulk'

/** What a call asks to be let through for. */
export interface Passage {
  readonly priority: Priority
  /** How many units of the API's quota it will take, as far as is known: 1 for a call, one for each item of a batch. */
  readonly units: number
  readonly signal: AbortSignal | undefined
  /** Until when it can wait. */
  readonly untilMs: number
}

/** A call that is under way. */
export interface Underway {
  readonly startMs: number
  readonly units: number
  readonly spending: Spending
}

interface Waiting extends Passage {
  readonly pass: (underway: Underway) => void
}

const CONCURRENCY_FIRST = 16
const CONCURRENCY_MAX = 64
// A call that takes so many times as long as the fastest ones do is waiting for others of ours.
const SLOW_FACTOR = 4
const SLOW_MIN_MS = 50
const SMOOTHING = 0.1
// For APIs that refuse without saying for how long (wire.md §13.6).
const BACK_OFF_FIRST_MS = 1000
const BACK_OFF_MAX_MS = 30_000

/**
 * How fast one API is called on behalf of one tenant: so many calls at a time, so many units in ten seconds, and none at all
 * while it has asked to be left alone. The number at a time grows by one for each round of calls that come back quickly, falls
 * by a tenth when they come back slowly, and to 0.7 when the API refuses.
 */
export class Pace {
  readonly #clock: Clock
  readonly #quota = new Quota()
  readonly #interactive: Waiting[] = []
  readonly #bulk: Waiting[] = []
  #concurrency = CONCURRENCY_FIRST
  #underway = 0
  #quietUntilMs = 0
  #wakesAtMs = Number.POSITIVE_INFINITY
  #fewerAtMs = 0
  #backOff = { atMs: Number.NEGATIVE_INFINITY, ms: BACK_OFF_FIRST_MS / 2 }
  readonly #latency = { single: new Latency(), batch: new Latency() }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many calls may be under way at the same time. */
  get concurrency(): number {
    return Math.floor(this.#concurrency)
  }

  /** Nobody waits and nothing is under way. */
  get idle(): boolean {
    return this.#underway === 0 && this.#interactive.length + this.#bulk.length === 0
  }

  /** Lets a call through at once if nothing is against it. */
  tryEnter(priority: Priority, units: number): Underway | undefined {
    const nowMs = this.#clock.now()
    const ahead =
      priority === 'bulk' ? this.#interactive.length + this.#bulk.length : this.#interactive.length
    if (ahead > 0 || this.#isFull(priority) || this.#waitMs(units, nowMs) > 0) return undefined
    return this.#begin(units, nowMs)
  }

  /** Waits until the call may go. @throws UnavailableError when it can wait no longer; the signal's reason when it is aborted. */
  enter(passage: Passage): Promise<Underway> {
    const { priority, signal, untilMs } = passage
    const queue = priority === 'bulk' ? this.#bulk : this.#interactive
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const end = () => {
        forget()
        signal?.removeEventListener('abort', stop)
      }
      const leave = (reason: unknown) => {
        end()
        const index = queue.indexOf(waiting)
        if (index >= 0) queue.splice(index, 1)
        reject(reason)
      }
      const stop = () => leave(signal?.reason)
      const waitMs = Math.max(0, untilMs - this.#clock.now())
      const forget = this.#clock.after(waitMs, () => leave(tooLong(waitMs)))
      const waiting: Waiting = {
        ...passage,
        pass: (underway) => {
          end()
          resolve(underway)
        },
      }
      signal?.addEventListener('abort', stop, { once: true })
      queue.push(waiting)
      this.#admit()
    })
  }

  /** A call has come back: with what it has cost, if the API says so. */
  leave(underway: Underway, costUnits?: number): void {
    const nowMs = this.#clock.now()
    this.#underway -= 1
    if (costUnits !== undefined) this.#quota.correct(underway.spending, costUnits - underway.units, nowMs)
    const latency = underway.units > 1 ? this.#latency.batch : this.#latency.single
    if (latency.isSlow(nowMs - underway.startMs)) this.#fewer(0.9, nowMs)
    // A pace of which not even half is used says nothing about what lies above it.
    else if (this.#underway + 1 >= this.#concurrency / 2)
      this.#concurrency = Math.min(CONCURRENCY_MAX, this.#concurrency + 1 / this.#concurrency)
    this.#admit()
  }

  /** The API has refused a call, or some units of a batch, and has said how long to leave it alone, if it has. */
  refused(underway: Underway, units: number, waitMs: number | undefined): void {
    const nowMs = this.#clock.now()
    this.#quota.correct(underway.spending, -units, nowMs)
    const quietMs = waitMs ?? this.#unnamedMs(nowMs)
    this.#quota.refused(nowMs, waitMs)
    this.#fewer(0.7, nowMs)
    this.#quietUntilMs = Math.max(this.#quietUntilMs, nowMs + quietMs)
  }

  /** How long to leave an API alone that does not say: twice as long as the last time, if it has granted nothing since. */
  #unnamedMs(nowMs: number): number {
    const { atMs, ms } = this.#backOff
    if (nowMs < atMs + ms) return 0
    this.#backOff = {
      atMs: nowMs,
      ms: !this.#quota.isGranting ? Math.min(ms * 2, BACK_OFF_MAX_MS) : BACK_OFF_FIRST_MS,
    }
    return this.#backOff.ms
  }

  /** What a call has cost, known after it has come back. */
  cost(underway: Underway, units: number): void {
    this.#quota.correct(underway.spending, units - underway.units, this.#clock.now())
  }

  /** The API tells how much of its limit is used, 1 for all of it. */
  used(share: number): void {
    this.#quota.used(share, this.#clock.now())
  }

  #begin(units: number, nowMs: number): Underway {
    this.#underway += 1
    return { startMs: nowMs, units, spending: this.#quota.spend(units, nowMs) }
  }

  /** One place is always kept from bulk calls, so that whoever is waited for need not wait for one of them to end. */
  #isFull(priority: Priority): boolean {
    const places = priority === 'bulk' ? Math.max(1, this.concurrency - 1) : this.concurrency
    return this.#underway >= places
  }

  #waitMs(units: number, nowMs: number): number {
    return Math.max(this.#quietUntilMs - nowMs, this.#quota.waitMs(units, nowMs))
  }

  #fewer(factor: number, nowMs: number): void {
    // Calls that were under way together come back together, and mean the same.
    if (nowMs < this.#fewerAtMs) return
    this.#fewerAtMs = nowMs + 1000
    this.#concurrency = Math.max(1, this.#concurrency * factor)
  }

  #admit(): void {
    for (;;) {
      const queue = this.#interactive.length > 0 ? this.#interactive : this.#bulk
      const [next] = queue
      if (!next || this.#isFull(next.priority)) return
      const nowMs = this.#clock.now()
      const waitMs = this.#waitMs(next.units, nowMs)
      if (waitMs > 0) return this.#wakeAfter(waitMs, nowMs)
      queue.shift()
      next.pass(this.#begin(next.units, nowMs))
    }
  }

  #wakeAfter(waitMs: number, nowMs: number): void {
    const atMs = nowMs + waitMs
    if (atMs >= this.#wakesAtMs) return
    this.#wakesAtMs = atMs
    void this.#clock.sleep(waitMs).then(() => {
      if (this.#wakesAtMs === atMs) this.#wakesAtMs = Number.POSITIVE_INFINITY
      this.#admit()
    })
  }
}

/** How long calls of one kind take, smoothed, beside how long the fastest took. */
class Latency {
  #smoothMs = 0
  #fastMs = Number.POSITIVE_INFINITY

  isSlow(ms: number): boolean {
    this.#smoothMs = this.#smoothMs === 0 ? ms : this.#smoothMs + SMOOTHING * (ms - this.#smoothMs)
    // The fastest is forgotten little by little: a server may have become slower for good.
    this.#fastMs = Math.min(ms, this.#fastMs * 1.001)
    return this.#smoothMs > SLOW_MIN_MS + SLOW_FACTOR * this.#fastMs
  }
}

function tooLong(waitMs: number): UnavailableError {
  return new UnavailableError(
    `Cannot make the call, as it had to begin within ${Math.round(waitMs)} ms: the API grants no more at present`,
    { code: 'pace_timeout', hint: 'Try again later, allow more time with deadlineMs, or make fewer calls' },
  )
}

const PACES_MAX = 10_000

/** The paces of a process, by tenant, application and API; those of other clocks, or of identities without a name, are apart. */
const paces = new WeakMap<object, Map<string, Pace>>()

/** The pace that all calls of one application in one tenant to one API share in this process. */
export function paceOf(owner: object, name: string, clock: Clock): Pace {
  const named = paces.get(owner) ?? new Map<string, Pace>()
  paces.set(owner, named)
  const known = named.get(name)
  if (known) return known
  if (named.size >= PACES_MAX) for (const [other, pace] of named) if (pace.idle) named.delete(other)
  const made = new Pace(clock)
  named.set(name, made)
  return made
}
