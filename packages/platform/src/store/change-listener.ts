import pg from 'pg'
import { after, type Now, steadyNow } from '../clock.ts'
import { CHANNEL } from './postgres-triggers.ts'

const HEARTBEAT_MS = 250
// Twice the heartbeat and more; the promise is that a change is seen within a second.
const TRUST_MS = 900
const RETRY_MS = 200

export interface ChangeListenerOptions {
  readonly connection: pg.ClientConfig
  /** Called for every change with its table, and with none when the connection on which they are told is lost, or is back. */
  readonly onChange: (table?: string) => void
  readonly steady?: Now | undefined
}

/**
 * Hears on a connection of its own what the other replicas change. It is trusted while that connection has answered within
 * the last 900 ms: PostgreSQL delivers what was told before the answer ahead of it.
 */
export class ChangeListener {
  readonly #options: ChangeListenerOptions
  readonly #steady: Now
  #client: pg.Client | undefined
  #confirmedAt = Number.NEGATIVE_INFINITY
  #closed = false
  #wake: () => void = () => {}
  #first: () => void = () => {}
  readonly #running: Promise<void>

  private constructor(options: ChangeListenerOptions) {
    this.#options = options
    this.#steady = options.steady ?? steadyNow
    this.#running = this.#run()
  }

  /** Starts to listen, and returns when the first attempt has succeeded or failed. */
  static async start(options: ChangeListenerOptions): Promise<ChangeListener> {
    const listener = new ChangeListener(options)
    await new Promise<void>((resolve) => (listener.#first = resolve))
    return listener
  }

  /** Whether every change that was made more than a second ago has been heard of. */
  isTrusted = (): boolean => this.#steady() - this.#confirmedAt < TRUST_MS

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await this.#client?.end().catch(() => {})
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      await this.#listen().catch(() => {})
      this.#lose()
      this.#first()
      if (!this.#closed) await this.#pause(RETRY_MS)
    }
  }

  async #listen(): Promise<void> {
    const client = new pg.Client({ ...this.#options.connection, query_timeout: TRUST_MS })
    this.#client = client
    let isLost = false
    const lost = () => {
      if (isLost) return
      isLost = true
      if (this.#client === client) this.#lose()
      this.#wake()
    }
    client.on('error', lost).on('end', lost)
    client.on('notification', ({ payload }) => this.#options.onChange(payload))
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
      this.#options.onChange()
      while (!isLost && !this.#closed) {
        const askedAt = this.#steady()
        await client.query('select 1')
        this.#confirmedAt = askedAt
        this.#first()
        await this.#pause(HEARTBEAT_MS)
      }
    } finally {
      lost()
      void client.end().catch(() => {})
    }
  }

  #lose(): void {
    this.#confirmedAt = Number.NEGATIVE_INFINITY
    this.#options.onChange()
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const takeBack = after(ms, resolve)
      this.#wake = () => {
        takeBack()
        resolve()
      }
    })
  }
}
