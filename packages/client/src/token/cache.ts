import { emptySlot, type Slot } from './slot.ts'

/** The slots of one tenant. One that the cache has dropped is empty and stays so. */
export class Partition {
  readonly #slots = new Map<string, Slot>()
  // A program mostly asks for one scope, and mostly by the same text.
  #recent: Slot | undefined

  get size(): number {
    return this.#slots.size
  }

  /** The slot if there is one: the path that every cached token takes. */
  find(scope: string): Slot | undefined {
    if (this.#recent?.scope === scope) return this.#recent
    const slot = this.#slots.get(scope)
    if (slot) this.#recent = slot
    return slot
  }

  add(slot: Slot): void {
    this.#slots.set(slot.scope, slot)
  }

  remove(scope: string): boolean {
    if (this.#recent?.scope === scope) this.#recent = undefined
    return this.#slots.delete(scope)
  }

  clear(): void {
    this.#recent = undefined
    this.#slots.clear()
  }

  slots(): Iterable<Slot> {
    return this.#slots.values()
  }
}

/** Stands for a tenant without tokens. Nothing is ever added to it. */
export const NO_TOKENS = new Partition()

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

  /** The slots of a tenant, as long as there are any. */
  partition(tenant: string): Partition {
    return this.#partitions.get(tenant) ?? NO_TOKENS
  }

  /** The slot of a tenant and scope, made if there is none. */
  slot(tenant: string, scope: string, nowMs: number): Slot {
    const known = this.partition(tenant).find(scope)
    if (known) return known
    if (this.#size >= this.#tokensMax) this.#makeRoom(nowMs)
    let partition = this.#partitions.get(tenant)
    if (!partition) {
      partition = new Partition()
      this.#partitions.set(tenant, partition)
    }
    const slot = emptySlot(tenant, scope)
    slot.lastUsedMs = nowMs
    partition.add(slot)
    this.#size += 1
    return slot
  }

  /** The slot if there is one. */
  find(tenant: string, scope: string): Slot | undefined {
    return this.partition(tenant).find(scope)
  }

  /** Forgets one tenant's tokens, or all. */
  clear(tenant?: string): void {
    if (tenant === undefined) {
      for (const partition of this.#partitions.values()) partition.clear()
      this.#partitions.clear()
      this.#size = 0
      return
    }
    const partition = this.#partitions.get(tenant)
    this.#size -= partition?.size ?? 0
    partition?.clear()
    this.#partitions.delete(tenant)
  }

  #makeRoom(nowMs: number): void {
    const idle = [...this.#all()].filter(({ flight, challenged }) => !flight && !challenged)
    const room = Math.max(1, Math.floor(this.#tokensMax * ROOM_SHARE))
    const expired = idle.filter(({ unusableAtMs }) => unusableAtMs <= nowMs)
    const least = idle
      .filter(({ unusableAtMs }) => unusableAtMs > nowMs)
      .sort((one, other) => one.lastUsedMs - other.lastUsedMs)
    for (const slot of [...expired, ...least.slice(0, Math.max(0, room - expired.length))]) this.#remove(slot)
  }

  *#all(): Generator<Slot> {
    for (const partition of this.#partitions.values()) yield* partition.slots()
  }

  #remove({ tenant, scope }: Slot): void {
    const partition = this.#partitions.get(tenant)
    if (!partition?.remove(scope)) return
    this.#size -= 1
    if (partition.size === 0) this.#partitions.delete(tenant)
  }
}
