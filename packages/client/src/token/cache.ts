import { dropSlot, emptySlot, type Slot, wholeSeconds } from './slot.ts'

type Partition = Map<string, Slot>

const TOKENS_MAX = 100_000
// Making room is a walk over all slots; making some at once spreads its cost over that many insertions.
const ROOM_SHARE = 1 / 64

/** Every token of an application, partitioned by tenant and bounded: the expired go first, then the least recently used. */
export class TokenCache {
  readonly #partitions = new Map<string, Partition>()
  readonly #tokensMax: number
  #size = 0

  constructor(tokensMax = TOKENS_MAX) {
    // Also for what is no number: a cache without a bound must be asked for as Infinity.
    this.#tokensMax = Math.max(1, tokensMax || 1)
  }

  get size(): number {
    return this.#size
  }

  /** The slot of a tenant and scope, made if there is none. */
  slot(tenant: string, scope: string, nowMs: number): Slot {
    const known = this.find(tenant, scope)
    if (known) return known
    if (this.#size >= this.#tokensMax) this.#makeRoom(nowMs)
    let partition = this.#partitions.get(tenant)
    if (!partition) {
      partition = new Map()
      this.#partitions.set(tenant, partition)
    }
    const slot = emptySlot(tenant, scope)
    slot.lastUsedSeconds = wholeSeconds(nowMs)
    partition.set(scope, slot)
    this.#size += 1
    return slot
  }

  /** The slot if there is one. */
  find(tenant: string, scope: string): Slot | undefined {
    return this.#partitions.get(tenant)?.get(scope)
  }

  /** Forgets one tenant's tokens, or all. */
  clear(tenant?: string): void {
    const tenants = tenant === undefined ? [...this.#partitions.keys()] : [tenant]
    for (const name of tenants)
      for (const slot of this.#partitions.get(name)?.values() ?? []) this.#remove(slot)
  }

  #makeRoom(nowMs: number): void {
    const idle = [...this.#all()].filter(({ flight, challenged }) => !flight && !challenged)
    const room = Math.max(1, Math.floor(this.#tokensMax * ROOM_SHARE))
    const expired = idle.filter(({ unusableAtMs }) => unusableAtMs <= nowMs)
    const least = idle
      .filter(({ unusableAtMs }) => unusableAtMs > nowMs)
      .sort((one, other) => one.lastUsedSeconds - other.lastUsedSeconds)
    for (const slot of [...expired, ...least.slice(0, Math.max(0, room - expired.length))]) this.#remove(slot)
  }

  *#all(): Generator<Slot> {
    for (const partition of this.#partitions.values()) yield* partition.values()
  }

  #remove(slot: Slot): void {
    const partition = this.#partitions.get(slot.tenant)
    if (!partition?.delete(slot.scope)) return
    dropSlot(slot)
    this.#size -= 1
    if (partition.size === 0) this.#partitions.delete(slot.tenant)
  }
}
