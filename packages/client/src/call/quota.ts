/** What was sent within some milliseconds. */
export interface Spending {
  readonly atMs: number
  units: number
}

// Graph counts in buckets of ten seconds (wire.md §13.6); what others count in shows by how long they ask to wait.
const WINDOW_FIRST_MS = 10_000
const WINDOW_MAX_MS = 300_000
// What is sent within this part of a window is kept as one: at most 500 entries, and a wait that is at most this too long.
const GRAINS = 500
const LEARNING_MS = 2_000
// Whoever was granted less was refused for another reason, such as what others do; an API that names no wait tells less.
const LEARNED_FROM = { named: 100, unnamed: 500 }
// A refusal well below what was learned has another reason, too.
const FULL = 0.95
const LESS = 0.8
const GROWTH_FIRST = 0.01
const GROWTH_MAX = 1
// How much two windows in a row may differ: waits are named in whole seconds.
const ALIKE = 1.3
const SEVERAL = 2.5
const SHORTEST_MS = 1000
// How often more than a limit is tried of which it is not yet known in what time it is granted: so many times in a window.
const TRIES = 20

/**
 * What an API grants in which time, learned from its refusals: what it granted from the end of one wait that it asked for to
 * the end of the next is the limit, and the time between is its window. Until two of them are alike, single calls try for more.
 * After that less than a window's worth is ever sent again, but for 1 % more, then 2 %, and so on, once nothing has been refused for
 * ten seconds and a window, since others may have left more of it.
 *
 * A sliding window is right for buckets that begin at a moment only the API knows, and for those that are filled drop by drop.
 */
export class Quota {
  #spent: Spending[] = []
  #first = 0
  #total = 0
  #limit = Number.POSITIVE_INFINITY
  #windowMs = WINDOW_FIRST_MS
  // The limit before it was last raised.
  #proven = 0
  #growth = 0
  #growsAtMs = 0
  #pressed = false
  #learnsUntilMs = 0
  #tentativeUntilMs = 0
  #lowersAtMs = Number.NEGATIVE_INFINITY
  // Whether it is not known yet in which time the limit is granted.
  #trying = false
  #triesAtMs = 0
  #tryUnits = 0
  #tryLimit = 0
  // The time since the last wait that was asked for: when it began and what was granted, and when the next wait ends.
  #sinceMs: number | undefined
  #granted = 0
  #sinceRefusal = 0
  #endsAtMs: number | undefined

  /** Units in {@link Quota.windowMs}; infinite until a refusal has taught it. */
  get limit(): number {
    return this.#limit
  }

  /** The time in which the API grants its limit, as far as is known. */
  get windowMs(): number {
    return this.#windowMs
  }

  /** Whether anything has been granted since the last refusal. */
  get isGranting(): boolean {
    return this.#sinceRefusal > 0
  }

  get #grainMs(): number {
    return this.#windowMs / GRAINS
  }

  /** How many milliseconds to wait until so many units may be sent; 0 for at once. */
  waitMs(units: number, nowMs: number): number {
    if (this.#limit === Number.POSITIVE_INFINITY) return 0
    this.#begin(nowMs)
    this.#expire(nowMs)
    this.#grow(nowMs)
    // Something must be sent, or nothing would ever be learned.
    let excess = this.#total + units - Math.max(this.#limit, units, this.#tryLimit)
    if (excess <= 0) return 0
    this.#pressed = true
    if (this.#trying && nowMs >= this.#triesAtMs) return this.#tryMore(units, nowMs)
    for (let index = this.#first; index < this.#spent.length; index += 1) {
      const { atMs, units: freed } = this.#spent[index] as Spending
      excess -= freed
      if (excess <= 0) return this.#untilMs(atMs + this.#grainMs + this.#windowMs, nowMs)
    }
    return this.#grainMs
  }

  /** Beyond the limit one call is tried, then twice as much each time. */
  #tryMore(units: number, nowMs: number): number {
    this.#tryUnits = Math.max(units, this.#tryUnits * 2)
    this.#tryLimit = this.#total + this.#tryUnits
    this.#triesAtMs = nowMs + this.#windowMs / TRIES
    return 0
  }

  /** While more is tried, no longer than until the next try. */
  #untilMs(freeAtMs: number, nowMs: number): number {
    return Math.max(1, Math.min(freeAtMs, this.#trying ? this.#triesAtMs : freeAtMs) - nowMs)
  }

  /** Notes that so many units are being sent. */
  spend(units: number, nowMs: number): Spending {
    this.#begin(nowMs)
    this.#expire(nowMs)
    this.#total += units
    this.#granted += units
    this.#sinceRefusal += units
    const last = this.#spent.at(-1)
    if (last && this.#spent.length > this.#first && nowMs - last.atMs < this.#grainMs) {
      last.units += units
      return last
    }
    const spending = { atMs: nowMs, units }
    this.#spent.push(spending)
    return spending
  }

  /** Corrects what was noted, once the answer says what it has cost. */
  correct(spending: Spending, byUnits: number, nowMs: number): void {
    if (this.#sinceMs !== undefined && spending.atMs < this.#sinceMs) return
    this.#granted += byUnits
    this.#sinceRefusal += byUnits
    if (byUnits === 0 || nowMs - spending.atMs >= this.#windowMs + this.#grainMs) return
    spending.units += byUnits
    this.#total += byUnits
  }

  /** Learns from a refusal, whose own units have been taken off before, and from the wait that it asks for. */
  refused(nowMs: number, waitMs?: number): void {
    this.#begin(nowMs)
    this.#expire(nowMs)
    const isNew = nowMs < this.#learnsUntilMs || this.isGranting
    this.#sinceRefusal = 0
    const learned = this.#limit < Number.POSITIVE_INFINITY
    if (!learned && this.#total < LEARNED_FROM[waitMs === undefined ? 'unnamed' : 'named']) return
    if (waitMs !== undefined && waitMs <= WINDOW_MAX_MS) {
      if (!learned) this.#windowMs = Math.max(this.#windowMs, waitMs)
      this.#endsAtMs = Math.max(this.#endsAtMs ?? 0, nowMs + waitMs)
    }
    // What is refused because nothing is left since the last refusal says nothing new.
    if (isNew) this.#lower(nowMs, learned)
  }

  #lower(nowMs: number, learned: boolean): void {
    // What was learned first may have been the end of one bucket and all of the next: another refusal puts it right.
    if (!learned) {
      this.#tentativeUntilMs = nowMs + 2 * this.#windowMs
      this.#trying = this.#endsAtMs !== undefined
    }
    const explained = this.#total >= this.#proven * FULL || nowMs < this.#learnsUntilMs
    if (!learned || explained || nowMs < this.#tentativeUntilMs) {
      // Requests that were under way together are refused one after the other: the last of them tells the limit.
      if (nowMs >= this.#learnsUntilMs) this.#learnsUntilMs = nowMs + Math.min(LEARNING_MS, this.#windowMs)
      this.#learn(Math.max(1, this.#total), nowMs)
      this.#growth = 0
    } else if (nowMs >= this.#lowersAtMs) {
      // Once is chance; one bucket after the other may mean that there is less to be had than there was.
      const again = nowMs < this.#lowersAtMs + this.#windowMs
      this.#lowersAtMs = nowMs + this.#windowMs
      this.#limit = Math.max(1, this.#total, this.#limit * (again ? LESS : FULL))
      this.#proven = this.#limit
    }
  }

  #learn(limit: number, nowMs: number): void {
    this.#limit = limit
    this.#proven = limit
    this.#growsAtMs = nowMs + this.#patienceMs
    this.#pressed = false
  }

  /** How long nothing may be refused before more is tried. */
  get #patienceMs(): number {
    return Math.max(WINDOW_FIRST_MS, this.#windowMs)
  }

  /** Once the wait is over that the API has asked for, a window of its own begins, and nothing of it is spent. */
  #begin(nowMs: number): void {
    const endsAtMs = this.#endsAtMs
    if (endsAtMs === undefined || nowMs < endsAtMs) return
    const [sinceMs, granted] = [this.#sinceMs, this.#granted]
    this.#sinceMs = endsAtMs
    this.#endsAtMs = undefined
    this.#granted = 0
    this.#tryUnits = 0
    this.#tryLimit = 0
    if (this.#trying && sinceMs !== undefined) this.#compare(endsAtMs - sinceMs, granted, nowMs)
    this.#spent = []
    this.#first = 0
    this.#total = 0
  }

  #compare(lastedMs: number, granted: number, nowMs: number): void {
    // So long a time has held several windows.
    if (lastedMs > SEVERAL * this.#windowMs) return
    // Waits are named in whole seconds, rounded up.
    const windowMs = lastedMs < 5000 ? Math.max(SHORTEST_MS, Math.floor(lastedMs / 1000) * 1000) : lastedMs
    const alike = Math.max(windowMs / this.#windowMs, this.#windowMs / windowMs) <= ALIKE
    this.#trying = !alike && windowMs > SHORTEST_MS
    this.#windowMs = windowMs
    this.#learn(Math.max(1, granted), nowMs)
  }

  /** Learns from an API that tells how much of its limit is used, 1 for all of it (wire.md §13.6). */
  used(share: number, nowMs: number): void {
    if (this.#limit !== Number.POSITIVE_INFINITY || !(share >= 0.8 && share <= 2)) return
    this.#expire(nowMs)
    this.#learn(Math.max(1, this.#total / share), nowMs)
  }

  #grow(nowMs: number): void {
    if (nowMs < this.#growsAtMs) return
    this.#growsAtMs = nowMs + this.#patienceMs
    this.#proven = this.#limit
    // A limit that nobody has come up against needs no trying.
    if (this.#pressed && this.#growth > 0) this.#limit = Math.ceil(this.#limit * (1 + this.#growth))
    this.#growth = this.#growth === 0 ? GROWTH_FIRST : Math.min(GROWTH_MAX, this.#growth * 3)
    this.#pressed = false
  }

  #expire(nowMs: number): void {
    const endedMs = nowMs - this.#windowMs - this.#grainMs
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
