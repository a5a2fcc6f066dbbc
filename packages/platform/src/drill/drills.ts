import type { Now } from '../clock.ts'
import { DrillError, type Fault, type Harm, strikes, type Target, TARGETS } from './fault.ts'

const FAULTS_MAX = 20
const CLOCK_MIN_MS = Date.UTC(2000, 0, 1)
const CLOCK_MAX_MS = Date.UTC(2100, 0, 1)

interface ActiveFault extends Fault {
  readonly id: number
  seen: number
  struck: number
}

/** What goes wrong at the moment, what has come in, and what time it is: the state of the drills of one platform. */
export class Drills {
  readonly #machineNow: Now
  #offsetMs = 0
  #faults: ActiveFault[] = []
  #ids = 0
  readonly #requests = new Map<Target, number>(TARGETS.map((target) => [target, 0]))
  readonly #struck = new Map<Target, number>(TARGETS.map((target) => [target, 0]))
  readonly #waiting = new Set<() => void>()

  constructor(now: Now) {
    this.#machineNow = now
  }

  /** The time that the platform goes by. */
  readonly now: Now = () => this.#machineNow() + this.#offsetMs

  /** Sets the clock, which goes on from there; without an instant it is the machine's again. @throws DrillError */
  setClock(nowMs?: number): void {
    if (nowMs !== undefined && !(nowMs >= CLOCK_MIN_MS && nowMs < CLOCK_MAX_MS))
      throw new DrillError("'now' must be an instant from 2000 to 2099, as 2026-09-21T14:00:00Z.")
    this.#offsetMs = nowMs === undefined ? 0 : nowMs - this.#machineNow()
  }

  /** Begins a fault and returns its id. @throws DrillError when there are 20 already. */
  add(fault: Fault): number {
    if (this.#faults.length >= FAULTS_MAX)
      throw new DrillError(`At most ${FAULTS_MAX} faults at a time: end them with DELETE /drills/faults.`)
    this.#ids += 1
    this.#faults.push({ ...fault, id: this.#ids, seen: 0, struck: 0 })
    return this.#ids
  }

  /** Ends every fault, and every wait that one has begun. */
  end(): void {
    this.#faults = []
    for (const release of this.#waiting) release()
  }

  /** Counts a request, and says what is to happen to it. The oldest fault that strikes is the one. */
  arrive(target: Target): Harm | undefined {
    this.#requests.set(target, (this.#requests.get(target) ?? 0) + 1)
    for (const fault of this.#faults) {
      if (fault.target !== target) continue
      fault.seen += 1
      if (!strikes(fault.rate, fault.seen)) continue
      fault.struck += 1
      this.#struck.set(target, (this.#struck.get(target) ?? 0) + 1)
      if (fault.struck === fault.times) this.#faults = this.#faults.filter((one) => one !== fault)
      return fault.harm
    }
    return undefined
  }

  /** Remembers a request that waits; `release` is called once when the faults are ended. Returns how to forget it. */
  hold(release: () => void): () => void {
    const once = () => {
      if (this.#waiting.delete(once)) release()
    }
    this.#waiting.add(once)
    return () => void this.#waiting.delete(once)
  }

  /** All of it, as `GET /drills` shows it. */
  report(): object {
    return {
      now: new Date(this.now()).toISOString(),
      clock: this.#offsetMs === 0 ? 'machine' : 'set',
      requests: Object.fromEntries(this.#requests),
      struck: Object.fromEntries(this.#struck),
      waiting: this.#waiting.size,
      faults: this.#faults.map(({ id, target, harm, rate, times, struck }) => ({
        id,
        target,
        ...harm,
        rate,
        ...(times === undefined ? {} : { times }),
        struck,
      })),
    }
  }
}
