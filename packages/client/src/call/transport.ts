import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { type Clock, systemClock } from '../clock.ts'
import { ProtocolError, type TomteError, UnavailableError } from '../errors.ts'
import { isUntrusted, networkHint, networkReason } from '../network.ts'
import type { Proxy } from '../proxy.ts'

/** One attempt of a call, as it goes out. */
export interface Outgoing {
  readonly method: string
  readonly origin: string
  /** Path and query, as they stand in the request line. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | Readable | undefined
  readonly signal: AbortSignal | undefined
  /** For the whole attempt, or until the answer's head is there if the body is to be streamed. */
  readonly timeoutMs: number
  /** Whether the body of a success is handed on as it comes, without a limit of size. */
  readonly streamed?: boolean | undefined
}

/** What came back, uninterpreted. */
export interface Incoming {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Empty where the body is streamed. */
  readonly text: string
  readonly body?: Readable | undefined
}

/** How requests get to an API, and how much they may cost. */
export interface SenderOptions {
  /** PEM text of the certificate authorities to trust instead of the system's own. */
  readonly ca?: string | undefined
  /** For one attempt, connection to last byte. Default 100,000 ms. */
  readonly timeoutMs?: number | undefined
  /** The longest answer that is read into memory. Default 33,554,432 bytes (32 MiB). */
  readonly answerMaxBytes?: number | undefined
  /** The proxy that HTTPS goes through: {@link proxyFromEnvironment}. Default: none, whatever the environment says. */
  readonly proxy?: Proxy | undefined
}

export type Send = (outgoing: Outgoing) => Promise<Incoming>

/** Requests that ended without an answer although they may have been processed are told from those that certainly were not. */
const unsent = new WeakSet<object>()

/** Whether the request of which this error tells was certainly never sent. */
export const wasNotSent = (error: object): boolean => unsent.has(error)

const hopeless = new WeakSet<object>()

/** Whether the same request would end in the same error. */
export const isHopeless = (error: object): boolean => hopeless.has(error)

const ANSWER_MAX_BYTES = 32 * 1024 * 1024

type Transport = Awaited<ReturnType<typeof loadTransport>>

/** Makes the function that sends one request: one keep-alive pool, no redirects, a limit on time and on size. */
export function sender(
  { ca, proxy, answerMaxBytes = ANSWER_MAX_BYTES }: SenderOptions = {},
  clock: Pick<Clock, 'after'> = systemClock,
): Send {
  let loading: Promise<Transport> | undefined
  let transport: Transport | undefined
  return async (outgoing) => {
    loading ??= commonTransport(ca, proxy)
    transport ??= await loading
    const { pool } = transport
    if (outgoing.streamed === true || isStream(outgoing.body)) {
      const { streamedExchange } = await import('./streamed-exchange.ts')
      return streamedExchange(transport, outgoing, { clock, answerMaxBytes, failure })
    }
    return wholeExchange(pool, outgoing, clock, answerMaxBytes)
  }
}

const isStream = (body: Outgoing['body']): body is Readable =>
  typeof body === 'object' && !(body instanceof Uint8Array)

const transports = new Map<string, Promise<Transport>>()
const TRANSPORTS_MAX = 100

/** The APIs of a process share their connections, however many tenants they are called for. */
function commonTransport(ca: string | undefined, proxy: Proxy | undefined): Promise<Transport> {
  const key = JSON.stringify([ca, proxy?.url, proxy?.except])
  const made = transports.get(key) ?? loadTransport(ca, proxy)
  if (transports.size < TRANSPORTS_MAX) transports.set(key, made)
  return made
}

// More are of no use to a client, and a burden to the other side.
const CONNECTIONS_MAX = 256

/** undici takes tens of milliseconds to load, which a program that only wants a token should not pay. */
async function loadTransport(ca: string | undefined, proxy: Proxy | undefined) {
  const { Agent, EnvHttpProxyAgent, request } = await import('undici')
  // Every exchange has a time limit of its own, so that those of undici would only cost.
  const common = {
    connections: CONNECTIONS_MAX,
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(ca === undefined ? {} : { connect: { ca } }),
  }
  const tls = ca === undefined ? {} : { requestTls: { ca }, proxyTls: { ca } }
  const pool: Dispatcher = proxy
    ? // What is left out would be read from the environment, which is the caller's to read.
      new EnvHttpProxyAgent({
        ...common,
        ...tls,
        httpProxy: '',
        httpsProxy: proxy.url,
        noProxy: proxy.except,
      })
    : new Agent(common)
  return { pool, request }
}

/**
 * Sends a request and reads the answer into memory. This is undici's own interface for handlers: its `request` would make
 * a stream of every answer, which costs a third of the call.
 */
function wholeExchange(
  pool: Dispatcher,
  outgoing: Outgoing,
  clock: Pick<Clock, 'after'>,
  answerMaxBytes: number,
): Promise<Incoming> {
  const { method, origin, path, headers, signal, timeoutMs } = outgoing
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const reading = new Reading(answerMaxBytes)
    let over = false
    const end = () => {
      over = true
      forget()
      signal?.removeEventListener('abort', stop)
    }
    const fail = (reason: unknown) => {
      if (over) return
      end()
      reject(reason)
      reading.controller?.abort(reason instanceof Error ? reason : new Error('stopped'))
    }
    const stop = () => fail(signal?.reason)
    const forget = clock.after(timeoutMs, () => {
      fail(failure(outgoing, new Error(`no answer within ${timeoutMs} ms`), reading.started))
    })
    signal?.addEventListener('abort', stop, { once: true })
    const options = {
      origin,
      path,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: (outgoing.body as string | Uint8Array | undefined) ?? null,
    }
    pool.dispatch(options, {
      onRequestStart(controller) {
        if (over) return controller.abort(new Error('stopped'))
        reading.controller = controller
      },
      onResponseStart(_, status, answered) {
        reading.begin(status, answered)
      },
      onResponseData(_, chunk) {
        if (!reading.add(chunk)) fail(tooLong(outgoing, answerMaxBytes))
      },
      onResponseEnd() {
        if (over) return
        end()
        resolve(reading.whole())
      },
      onResponseError(_, error) {
        fail(failure(outgoing, error, reading.started))
      },
    })
  })
}

/** An answer on its way into memory. */
class Reading {
  controller: Dispatcher.DispatchController | undefined
  #status = 0
  #headers: Incoming['headers'] = {}
  #size = 0
  readonly #chunks: Buffer[] = []
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** From here on the API may have processed the request. */
  get started(): boolean {
    return this.controller !== undefined
  }

  begin(status: number, headers: Incoming['headers']): void {
    this.#status = status
    this.#headers = headers
  }

  /** Keeps the next piece, and says whether the answer is still within its limit. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length
    if (this.#size > this.#maxBytes) return false
    this.#chunks.push(chunk)
    return true
  }

  whole(): Incoming {
    const [only] = this.#chunks
    const bytes = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks, this.#size)
    return { status: this.#status, headers: this.#headers, text: bytes.toString('utf8') }
  }
}

function tooLong({ method, path }: Outgoing, maxBytes: number): ProtocolError {
  return new ProtocolError(
    `Cannot read the answer to ${method} ${withoutQuery(path)}, as it must be of ${maxBytes} bytes at most: found more`,
    {
      code: 'answer_too_long',
      hint: 'Ask for less, with $select or $top, take download() for a file, or raise answerMaxBytes',
    },
  )
}

const withoutQuery = (path: string) => path.split('?', 1)[0]

/** What an exchange that ended without an answer comes to. */
function failure({ method, origin, path }: Outgoing, error: unknown, started: boolean): TomteError {
  const cause = error instanceof Error ? error : new Error('unknown network error')
  const made = new UnavailableError(
    `Cannot ${method} ${origin}${withoutQuery(path)}, as the API must be reachable: ${networkReason(cause)}`,
    { code: 'api_unreachable', hint: networkHint(cause, origin), cause },
  )
  if (!started) unsent.add(made)
  const refusedHere = 'code' in cause && cause.code === 'UND_ERR_INVALID_ARG'
  if (isUntrusted(cause) || refusedHere) hopeless.add(made)
  return made
}
