import { ConfigurationError } from '../errors.ts'
import { ENTRY_MAX_BYTES, type StoredEntry, type TokenStore } from './store.ts'

/** What the store needs of a client of Redis or Valkey; a connected client of the package `redis` has it. */
export interface RedisClient {
  sendCommand(
    args: (string | Buffer)[],
    options?: { readonly typeMapping?: Readonly<Record<number, unknown>> },
  ): Promise<unknown>
}

/** How Redis or Valkey is reached: by an address, or by a client that the application connects and closes itself. */
export type RedisStoreOptions = (
  | {
      /** `rediss://` for TLS, `redis://` without it; user name and password may be part of it. */
      readonly url: string
    }
  | { readonly client: RedisClient }
) & {
  /** What all keys begin with. Default `tomte:`. */
  readonly prefix?: string | undefined
}

/** A store with connections of its own, made on first use. None of them keeps the process alive. */
export interface ClosableStore extends TokenStore {
  /** Closes the connections; the next use makes new ones. What the application has made itself is left alone. */
  close(): Promise<void>
}

type Connection = RedisClient & {
  ref?(): void
  unref?(): void
  destroy?(): void
  readonly isReady?: boolean
}

/** Connects, or gives up when the signal is aborted. */
type Connect = (signal: AbortSignal) => Promise<Connection>

const PREFIX = 'tomte:'
const CONNECT_LIMIT_MS = 5_000
// `$` of RESP: bytes as they are. Without it the client would read them as UTF-8 and change them.
const AS_BYTES = { typeMapping: { 36: Buffer } }
/** Entry and rest in one step: between two commands another process could replace the one. */
const GET = "return {redis.call('GETRANGE', KEYS[1], 0, ARGV[1]), redis.call('PTTL', KEYS[1])}"
const RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

/**
 * Shares tokens by Redis 6 or later, or Valkey. An address needs the package `redis`, which is loaded on first use.
 *
 * @throws ConfigurationError if the address is none of Redis.
 * @example
 * ```ts
 * import { redisStore } from '@tomte/client/store'
 *
 * const store = redisStore({ url: 'rediss://cache.example:6380' })
 * ```
 */
export function redisStore(options: RedisStoreOptions): ClosableStore {
  const { prefix = PREFIX } = options
  return 'client' in options
    ? new RedisStore(prefix, async () => options.client, false)
    : new RedisStore(prefix, connector(checkedUrl(options.url)), true)
}

class RedisStore implements ClosableStore {
  readonly #prefix: string
  readonly #connect: Connect
  readonly #isOwn: boolean
  #connection: Promise<Connection> | undefined
  #running = 0

  constructor(prefix: string, connect: Connect, isOwn: boolean) {
    this.#prefix = prefix
    this.#connect = connect
    this.#isOwn = isOwn
  }

  async get(name: string, signal: AbortSignal): Promise<StoredEntry | undefined> {
    const args = ['EVAL', GET, '1', this.#entry(name), String(ENTRY_MAX_BYTES)]
    const [value, restMs] = (await this.#send(args, signal)) as readonly [unknown, unknown]
    if (!(value instanceof Buffer) || value.length === 0) return undefined
    // One byte more than is allowed, or no end: nothing that was put here.
    return value.length <= ENTRY_MAX_BYTES && Number(restMs) > 0
      ? { value, restMs: Number(restMs) }
      : undefined
  }

  async put(name: string, value: Uint8Array, lifetimeMs: number, signal: AbortSignal): Promise<void> {
    await this.#send(['SET', this.#entry(name), Buffer.from(value), 'PX', milliseconds(lifetimeMs)], signal)
  }

  async lease(name: string, holder: string, lifetimeMs: number, signal: AbortSignal): Promise<boolean> {
    const args = ['SET', this.#lease(name), holder, 'NX', 'PX', milliseconds(lifetimeMs)]
    return (await this.#send(args, signal)) !== null
  }

  async release(name: string, holder: string, signal: AbortSignal): Promise<void> {
    await this.#send(['EVAL', RELEASE, '1', this.#lease(name), holder], signal)
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    if (this.#isOwn) destroy(await connection?.catch(() => undefined))
  }

  /** Sends one command. A connection of our own that does not answer in time is given up, so that the next is a new one. */
  async #send(args: (string | Buffer)[], signal: AbortSignal): Promise<unknown> {
    const connection = await this.#connected(signal)
    const giveUp = () => destroy(connection)
    if (this.#isOwn) signal.addEventListener('abort', giveUp, { once: true })
    // An idle connection does not keep the process alive; one that somebody waits for does.
    if (this.#isOwn) connection.ref?.()
    this.#running += 1
    try {
      return await connection.sendCommand(args, AS_BYTES)
    } finally {
      this.#running -= 1
      if (this.#running === 0 && this.#isOwn) connection.unref?.()
      signal.removeEventListener('abort', giveUp)
    }
  }

  async #connected(signal: AbortSignal): Promise<Connection> {
    const connecting = (this.#connection ??= this.#connect(signal))
    try {
      const connection = await connecting
      if (!this.#isOwn || connection.isReady) return connection
    } catch (error) {
      if (this.#connection === connecting) this.#connection = undefined
      throw error
    }
    // It broke since. Of all who find that out the first connects anew.
    if (this.#connection === connecting) this.#connection = undefined
    return (this.#connection ??= this.#connect(signal))
  }

  readonly #entry = (name: string) => `${this.#prefix}token:${name}`
  readonly #lease = (name: string) => `${this.#prefix}lease:${name}`
}

const milliseconds = (lifetimeMs: number) => String(Math.max(1, Math.ceil(lifetimeMs)))

function destroy(connection: Connection | undefined): void {
  try {
    connection?.destroy?.()
  } catch {
    // It was closed already.
  }
}

/** Connects with the package `redis`. It does not connect anew by itself: whoever needs the store next does. */
function connector(url: string): Connect {
  return async (signal) => {
    const { createClient } = await loadRedis()
    const socket = { connectTimeout: CONNECT_LIMIT_MS, reconnectStrategy: false } as const
    const client = createClient({ url, socket, disableOfflineQueue: true })
    // Every command that fails says so itself; without a listener the first error would end the process.
    client.on('error', () => {})
    // A server may take the connection and then say nothing, and the client would wait for it without end.
    const late = Promise.withResolvers<never>()
    const giveUp = () => late.reject(new Error('no answer to the connection'))
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      const connecting = client.connect()
      connecting.catch(() => {})
      await Promise.race([connecting, late.promise])
      client.unref()
      return client
    } catch (error) {
      destroy(client)
      throw error
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }
}

async function loadRedis() {
  try {
    return await import('redis')
  } catch (error) {
    throw new ConfigurationError(
      'Cannot share tokens by Redis, as the package redis is needed: it could not be loaded',
      {
        code: 'store_driver_missing',
        hint: 'Run `npm install redis`, or pass a connected client',
        cause: error,
      },
    )
  }
}

/** The address, which is not repeated in the error: it may hold a password. */
function checkedUrl(url: string): string {
  const protocol = URL.canParse(url) ? new URL(url).protocol : 'no URL'
  if (protocol === 'redis:' || protocol === 'rediss:') return url
  throw new ConfigurationError(
    `Cannot share tokens by Redis, as an address that begins with rediss:// or redis:// is needed: found ${protocol}`,
    { code: 'store_address_invalid', hint: 'Write it like rediss://user:password@cache.example:6380' },
  )
}
