import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import type { TomteError } from '../errors.ts'
import type { Incoming, Outgoing } from './transport.ts'

interface Streaming {
  readonly clock: Pick<Clock, 'after'>
  readonly answerMaxBytes: number
  readonly failure: (outgoing: Outgoing, error: unknown, started: boolean) => TomteError
}

interface Transport {
  readonly pool: Dispatcher
  readonly request: typeof import('undici').request
}

/**
 * Sends a request whose body, or whose answer's, is too large for memory. The time limit holds until the head of the answer
 * is there; from then on it is that of each piece. A refusal is read as text, since its reason is in it.
 */
export async function streamedExchange(
  { pool, request }: Transport,
  outgoing: Outgoing,
  { clock, answerMaxBytes, failure }: Streaming,
): Promise<Incoming> {
  const { method, origin, path, headers, body, signal, timeoutMs, streamed } = outgoing
  const stop = new AbortController()
  const forget = clock.after(timeoutMs, () => stop.abort(new Error(`no answer within ${timeoutMs} ms`)))
  try {
    signal?.throwIfAborted()
    const response = await request(origin + path, {
      dispatcher: pool,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: body ?? null,
      bodyTimeout: timeoutMs,
      signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
    })
    const answered = { status: response.statusCode, headers: response.headers }
    const success = response.statusCode >= 200 && response.statusCode < 300
    if (streamed === true && success) return { ...answered, text: '', body: response.body }
    return { ...answered, text: await bounded(response.body, answerMaxBytes) }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    // A stream that has been read in part cannot be told from one that arrived.
    throw failure(outgoing, error, true)
  } finally {
    forget()
  }
}

async function bounded(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
