import type { Clock } from '@tomte/client'
import pg from 'pg'
import type { Database } from './database.ts'

const RETRY_MS = 500
/** Notifications are a matter of speed alone: a worker that hears none looks by itself as often as this. */
const LOOK_MS = 10_000

/** What an alarm needs. */
export interface AlarmOptions {
  readonly database: Pick<Database, 'connection'>
  readonly channel: string
  /** When the next runs become due that are not yet, and what time it is there, in ms. */
  readonly findTimes: () => Promise<{ readonly nowMs: number; readonly times: readonly number[] }>
  readonly clock: Clock
}

/** Hears on a connection of its own when runs become due, and wakes those who wait for work. */
export class Alarm {
  readonly #options: AlarmOptions
  readonly #waiting = new Set<() => void>()
  readonly #closing = new AbortController()
  #times: number[] = []
  /** How far the time there is ahead of the time here. */
  #aheadMs = 0
  #listening: Promise<void> | undefined

  constructor(options: AlarmOptions) {
    this.#options = options
  }

  /** Resolves when a run may have become due, after `limitMs` at the latest, or when the signal is aborted. */
  async wait(limitMs: number, signal: AbortSignal): Promise<void> {
    this.#listening ??= this.#listen()
    const { clock } = this.#options
    const nowMs = clock.now() + this.#aheadMs
    const dueMs = this.#times[0] === undefined ? LOOK_MS : Math.max(0, this.#times[0] - nowMs)
    const wait = new AbortController()
    const end = () => wait.abort()
    this.#waiting.add(end)
    try {
      const ends = AbortSignal.any([signal, wait.signal, this.#closing.signal])
      await clock.sleep(Math.min(limitMs, LOOK_MS, dueMs), ends)
      if (dueMs <= Math.min(limitMs, LOOK_MS)) await this.#refresh()
    } catch (error) {
      if (!signal.aborted && !wait.signal.aborted && !this.#closing.signal.aborted) throw error
    } finally {
      this.#waiting.delete(end)
    }
  }

  wake(): void {
    for (const end of this.#waiting) end()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#listening
  }

  async #refresh(): Promise<void> {
    const { nowMs, times } = await this.#options.findTimes()
    this.#aheadMs = nowMs - this.#options.clock.now()
    this.#times = [...times]
  }

  /** Listens until it is closed; whenever the connection is new, something may have been missed. */
  async #listen(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#listenOnce().catch(() => {})
      await this.#options.clock.sleep(RETRY_MS, this.#closing.signal).catch(() => {})
    }
  }

  async #listenOnce(): Promise<void> {
    const { database, channel } = this.#options
    const client = new pg.Client(database.connection)
    const ended = new Promise<void>((resolve) => {
      client.on('error', () => resolve()).on('end', () => resolve())
      this.#closing.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    client.on('notification', ({ payload }) => this.#hear(payload))
    try {
      await client.connect()
      await client.query(`listen "${channel}"`)
      await this.#refresh()
      this.wake()
      await ended
    } finally {
      await client.end().catch(() => {})
    }
  }

  #hear(payload: string | undefined): void {
    const dueMs = Number(payload)
    if (!payload || !Number.isFinite(dueMs)) return this.wake()
    if (this.#times.includes(dueMs)) return
    this.#times = [...this.#times, dueMs].sort((one, other) => one - other)
    // Whoever waits has to wait for less now, if this is the first.
    if (this.#times[0] === dueMs) this.wake()
  }
}
