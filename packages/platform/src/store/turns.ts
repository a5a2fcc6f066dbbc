import { after } from '../clock.ts'
import { StoreUnavailable, UNAVAILABLE } from './unavailable.ts'

export interface TurnLimits {
  /** How many have a turn at once. */
  readonly atOnce: number
  /** How long one waits for its turn. */
  readonly waitMs: number
  /** How many wait; one more is refused. */
  readonly waitingMax: number
}

/** Lets a few at once do something, and the others wait in the order in which they came. */
export class Turns {
  readonly #limits: TurnLimits
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  /** Waits for a turn; whoever gets it calls {@link give} at its end. @throws StoreUnavailable if it does not come in time. */
  async take(): Promise<void> {
    const { atOnce, waitMs, waitingMax } = this.#limits
    if (this.#taken < atOnce) {
      this.#taken++
      return
    }
    if (this.#waiting.size >= waitingMax) throw new StoreUnavailable(UNAVAILABLE.busy)
    await new Promise<void>((resolve, reject) => {
      const takeBack = after(waitMs, () => {
        this.#waiting.delete(called)
        reject(new StoreUnavailable(UNAVAILABLE.late))
      })
      const called = () => {
        takeBack()
        resolve()
      }
      this.#waiting.add(called)
    })
  }

  /** Ends a turn: it is the next one's. */
  give(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#taken--
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
