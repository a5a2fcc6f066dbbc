import { setImmediate } from 'node:timers/promises'
import type { Engine, Settlement } from './engine/engine.ts'

/** Whether a settlement was written; `given up` leaves the run to its lease. */
export type Settled = 'written' | 'lease lost' | 'given up'

interface Pending {
  readonly settlement: Settlement
  readonly settled: (how: Settled) => void
}

/**
 * Settles runs in batches: what ends in one turn of the event loop, or while an earlier batch is being written, shares a commit.
 */
export class Settling {
  readonly #settle: Engine['settle']
  readonly #failed: (error: unknown) => Promise<boolean>
  #pending: Pending[] = []
  #isWriting = false

  /** `failed` waits, and says whether what could not be written is to be tried again. */
  constructor(settle: Engine['settle'], failed: (error: unknown) => Promise<boolean>) {
    this.#settle = settle
    this.#failed = failed
  }

  /** Resolves when the settlement is on the disk, or is not going to be. */
  add(settlement: Settlement): Promise<Settled> {
    return new Promise((settled) => {
      this.#pending.push({ settlement, settled })
      if (!this.#isWriting) void this.#writeAll()
    })
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true
    await setImmediate()
    while (this.#pending.length > 0) {
      const batch = this.#pending
      this.#pending = []
      const { left, error } = await this.#write(batch)
      if (left.length === 0) continue
      if (await this.#failed(error)) this.#pending.unshift(...left)
      else for (const { settled } of left) settled('given up')
    }
    this.#isWriting = false
  }

  async #write(batch: readonly Pending[]): Promise<{ readonly left: readonly Pending[]; error?: unknown }> {
    try {
      const lost = new Set(await this.#settle(batch.map(({ settlement }) => settlement)))
      for (const { settlement, settled } of batch)
        settled(lost.has(settlement.run.id) ? 'lease lost' : 'written')
      return { left: [] }
    } catch (error) {
      if (batch.length === 1) return { left: batch, error }
      // One that cannot be written must not keep the others from it.
      const left: Pending[] = []
      for (const each of batch) left.push(...(await this.#write([each])).left)
      return { left, error }
    }
  }
}
