import type { Dispatcher } from 'undici'
import { UnavailableError } from '../errors.ts'
import { networkHint, networkReason } from '../network.ts'

export interface Outgoing {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string | undefined
  readonly signal: AbortSignal | undefined
}

export interface Incoming {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface SenderOptions {
  /** PEM text of the certificate authorities to trust instead of the system's own. */
  readonly ca?: string | undefined
  /** For one attempt, connection to last byte. Default 100,000 ms. */
  readonly timeoutMs?: number | undefined
}

export type Send = (outgoing: Outgoing) => Promise<Incoming>

const TIMEOUT_MS = 100_000

/** Makes the function that sends one request: one keep-alive pool, no redirects, a time limit on everything. */
export function sender({ ca, timeoutMs = TIMEOUT_MS }: SenderOptions = {}): Send {
  let transport: ReturnType<typeof loadTransport> | undefined
  return async ({ method, url, headers, body, signal }) => {
    transport ??= loadTransport(ca)
    const { pool, request } = await transport
    const limit = AbortSignal.timeout(timeoutMs)
    try {
      const response = await request(url, {
        dispatcher: pool,
        method: method as Dispatcher.HttpMethod,
        headers,
        body: body ?? null,
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      })
      return { status: response.statusCode, headers: response.headers, text: await response.body.text() }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw unreachable(method, url, error, limit.aborted ? timeoutMs : undefined)
    }
  }
}

/** undici takes tens of milliseconds to load, which a program that only wants a token should not pay. */
async function loadTransport(ca: string | undefined) {
  const { Agent, request } = await import('undici')
  const pool: Dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } })
  return { pool, request }
}

function unreachable(
  method: string,
  url: string,
  error: unknown,
  timedOutAfterMs: number | undefined,
): UnavailableError {
  const { origin, pathname } = new URL(url)
  const cause = error instanceof Error ? error : new Error('unknown network error')
  const found =
    timedOutAfterMs === undefined ? networkReason(cause) : `no answer within ${timedOutAfterMs} ms`
  return new UnavailableError(
    `Cannot ${method} ${origin}${pathname}, as the API must be reachable: ${found}`,
    {
      code: 'api_unreachable',
      hint: networkHint(cause, origin),
      cause,
    },
  )
}
