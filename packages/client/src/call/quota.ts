/** What was sent within some milliseconds. */
export interface Spending {
  readonly atMs: number
  units: number
}

// Graph counts in buckets of ten seconds (wire.md §13.6).
const WINDOW_MS = 10_000
// What is sent within this is kept as one: at most 500 entries, and a wait that is at most this too long.
const GRAIN_MS = 20
const LEARNING_MS = 2_000
// Whoever was granted less than this was refused for another reason, such as what others do: Graph's smallest limit is 3,500.
const LIMIT_MIN = 500
// A refusal well below what was learned has another reason, too.
const FULL = 0.95
const LESS = 0.8
const GROWTH_FIRST = 0.01
const GROWTH_MAX = 0.25

/**
 * What an API grants in ten seconds, learned from its refusals: what it granted in the ten seconds before one is the limit, and
 * less than a bucket's worth is ever sent again. After ten seconds without a refusal the limit is tried with 1 % more, then
 * with 2 %, and so on, since others may have left more of it.
 *
 * A sliding window is right for buckets that begin at a moment only the API knows, and for those that are filled drop by drop.
 */
export class Quota {
  readonly #spent: Spending[] = []
  #first = 0
  #total = 0
  #limit = Number.POSITIVE_INFINITY
  // The limit before it was last raised.
  #proven = 0
  #growth = 0
  #growsAtMs = 0
  #pressed = false
  #learnsUntilMs = 0
  #tentativeUntilMs = 0
  #lowersAtMs = Number.NEGATIVE_INFINITY

  /** Units in ten seconds; infinite until a refusal has taught it. */
  get limit(): number {
    return this.#limit
  }

  /** How many milliseconds to wait until so many units may be sent; 0 for at once. */
  waitMs(units: number, nowMs: number): number {
    if (this.#limit === Number.POSITIVE_INFINITY) return 0
    this.#expire(nowMs)
    this.#grow(nowMs)
    // Something must be sent, or nothing would ever be learned.
    let excess = this.#total + units - Math.max(this.#limit, units)
    if (excess <= 0) return 0
    this.#pressed = true
    for (let index = this.#first; index < this.#spent.length; index += 1) {
      const { atMs, units: freed } = this.#spent[index] as Spending
      excess -= freed
      if (excess <= 0) return Math.max(1, atMs + GRAIN_MS + WINDOW_MS - nowMs)
    }
    return GRAIN_MS
  }

  /** Notes that so many units are being sent. */
  spend(units: number, nowMs: number): Spending {
    this.#expire(nowMs)
    this.#total += units
    const last = this.#spent.at(-1)
    if (last && this.#spent.length > this.#first && nowMs - last.atMs < GRAIN_MS) {
      last.units += units
      return last
    }
    const spending = { atMs: nowMs, units }
    this.#spent.push(spending)
    return spending
  }

  /** Corrects what was noted, once the answer says what it has cost. */
  correct(spending: Spending, byUnits: number, nowMs: number): void {
    if (byUnits === 0 || nowMs - spending.atMs >= WINDOW_MS + GRAIN_MS) return
    spending.units += byUnits
    this.#total += byUnits
  }

  /** Learns from a refusal, whose own units have been taken off before. */
  refused(nowMs: number): void {
    this.#expire(nowMs)
    const learned = this.#limit < Number.POSITIVE_INFINITY
    if (!learned && this.#total < LIMIT_MIN) return
    // What was learned first may have been the end of one bucket and all of the next: another refusal puts it right.
    if (!learned) this.#tentativeUntilMs = nowMs + 2 * WINDOW_MS
    const explained = this.#total >= this.#proven * FULL || nowMs < this.#learnsUntilMs
    if (!learned || explained || nowMs < this.#tentativeUntilMs) {
      // Requests that were under way together are refused one after the other: the last of them tells the limit.
      if (nowMs >= this.#learnsUntilMs) this.#learnsUntilMs = nowMs + LEARNING_MS
      this.#limit = Math.max(LIMIT_MIN, this.#total)
      this.#proven = this.#limit
      this.#growth = 0
      this.#growsAtMs = nowMs + WINDOW_MS
      this.#pressed = false
    } else if (nowMs >= this.#lowersAtMs) {
      // Once is chance; one bucket after the other may mean that there is less to be had than there was.
      const again = nowMs < this.#lowersAtMs + WINDOW_MS
      this.#lowersAtMs = nowMs + WINDOW_MS
      this.#limit = Math.max(LIMIT_MIN, this.#total, this.#limit * (again ? LESS : FULL))
      this.#proven = this.#limit
    }
  }

  /** Learns from an API that tells how much of its limit is used, 1 for all of it (wire.md §13.6). */
  used(share: number, nowMs: number): void {
    if (this.#limit !== Number.POSITIVE_INFINITY || !(share >= 0.8 && share <= 2)) return
    this.#expire(nowMs)
    this.#limit = Math.max(LIMIT_MIN, this.#total / share)
    this.#proven = this.#limit
    this.#growsAtMs = nowMs + WINDOW_MS
  }

  #grow(nowMs: number): void {
    if (nowMs < this.#growsAtMs) return
    this.#growsAtMs = nowMs + WINDOW_MS
    this.#proven = this.#limit
    // A limit that nobody has come up against needs no trying.
    if (this.#pressed && this.#growth > 0) this.#limit = Math.ceil(this.#limit * (1 + this.#growth))
    this.#growth = this.#growth === 0 ? GROWTH_FIRST : Math.min(GROWTH_MAX, this.#growth * 2)
    this.#pressed = false
  }

  #expire(nowMs: number): void {
    const endedMs = nowMs - WINDOW_MS - GRAIN_MS
    while (this.#first < this.#spent.length) {
      const { atMs, units } = this.#spent[this.#first] as Spending
      if (atMs > endedMs) break
      this.#total -= units
      this.#first += 1
    }
    if (this.#first < 256 && this.#first < this.#spent.length) return
    this.#spent.splice(0, this.#first)
    this.#first = 0
  }
}
