import type { ClientRequest, IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Clock } from './clock.ts'
import type { RawResponse } from './token/request.ts'

/** One request to a service that gives tokens to programs that run beside it. */
export interface BoundedRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

/** What keeps a request within limits. */
export interface Bounds {
  readonly clock: Clock
  /** For the whole exchange. */
  readonly timeoutMs: number
  /** Until the connection stands. Default: the whole time. */
  readonly connectMs?: number | undefined
  /** PEM text of the certificate authorities to trust instead of the system's own. */
  readonly ca?: string | undefined
  /** The SHA-1 or SHA-256 fingerprint, in hex, of the only certificate to trust, whoever has signed it. */
  readonly thumbprint?: string | undefined
}

/** What came back, uninterpreted. */
export interface BoundedResponse extends RawResponse {
  readonly wwwAuthenticate: string | undefined
}

// A token is some 2 kB; more than this is no answer with a token.
const BODY_LIMIT_BYTES = 64 * 1024

/**
 * Sends one request on a connection of its own: no redirect is followed, no proxy is used, and nothing is sent before the
 * certificate is trusted. Rejects with the connection's error, or one that says which limit was reached.
 */
export async function boundedRequest(asked: BoundedRequest, bounds: Bounds): Promise<BoundedResponse> {
  const { method, url, headers, body = '' } = asked
  const { ca, thumbprint } = bounds
  const request: typeof import('node:https').request =
    url.protocol === 'https:' ? (await import('node:https')).request : (await import('node:http')).request
  const connection: RequestOptions =
    thumbprint === undefined
      ? { agent: false, ...(ca === undefined ? {} : { ca }) }
      : { createConnection: await pinnedConnection(url, thumbprint, bounds) }
  const length = method === 'POST' ? { 'content-length': String(Buffer.byteLength(body)) } : {}
  const outgoing = request(url, { ...connection, method, headers: { ...headers, ...length } })
  const response = answered(outgoing, bounds)
  outgoing.end(body)
  return response
}

function answered(
  outgoing: ClientRequest,
  { clock, timeoutMs, connectMs = timeoutMs }: Bounds,
): Promise<BoundedResponse> {
  return new Promise((resolve, reject) => {
    const alarms: (() => void)[] = []
    const end = () => {
      for (const forget of alarms) forget()
    }
    const fail = (error: Error) => {
      end()
      reject(error)
    }
    const limit = (ms: number, what: string) => {
      const forget = clock.after(ms, () => {
        const late = new Error(`no ${what} within ${ms} ms`)
        // A request that has no socket yet would keep its error to itself.
        fail(late)
        outgoing.destroy(late)
      })
      alarms.push(forget)
      return forget
    }
    outgoing.on('error', fail)
    const connected = limit(connectMs, 'connection')
    limit(timeoutMs, 'answer')
    outgoing.on('socket', (socket) =>
      socket.connecting ? void socket.once('connect', connected) : connected(),
    )
    outgoing.on('response', (incoming) => {
      incoming.on('error', fail)
      collect(incoming, outgoing, (body) => {
        end()
        resolve({
          status: incoming.statusCode ?? 0,
          contentType: incoming.headers['content-type'] ?? '',
          retryAfter: incoming.headers['retry-after'],
          wwwAuthenticate: incoming.headers['www-authenticate'],
          date: incoming.headers.date,
          body,
        })
      })
    })
  })
}

function collect(incoming: IncomingMessage, outgoing: ClientRequest, end: (body: string) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  incoming.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > BODY_LIMIT_BYTES)
      return outgoing.destroy(new Error(`the answer is longer than ${BODY_LIMIT_BYTES} bytes`))
    chunks.push(chunk)
  })
  incoming.on('end', () => end(Buffer.concat(chunks).toString('utf8')))
}

/**
 * Connects and hands the socket over once the certificate is the expected one. Node calls `checkServerIdentity` only for
 * certificates that it trusts, and would send the request's headers, secret included, before anybody could look.
 */
async function pinnedConnection(
  url: URL,
  thumbprint: string,
  { clock, timeoutMs, connectMs = timeoutMs }: Bounds,
) {
  const { connect } = await import('node:tls')
  const { hostname } = url
  const host = hostname.replace(/^\[|\]$/g, '')
  return (_: unknown, done: (error: Error | null, socket: TLSSocket) => void): undefined => {
    const socket = connect({ host, port: Number(url.port || 443), rejectUnauthorized: false })
    const inTime = clock.after(connectMs, () => socket.destroy(new Error('the time is over')))
    const failed = (error: Error) => {
      inTime()
      done(error, socket)
    }
    socket.once('error', failed)
    socket.once('secureConnect', () => {
      inTime()
      socket.off('error', failed)
      if (hasThumbprint(socket, thumbprint)) return done(null, socket)
      socket.destroy()
      done(new Error('its certificate has another thumbprint'), socket)
    })
  }
}

function hasThumbprint(socket: TLSSocket, thumbprint: string): boolean {
  const certificate = socket.getPeerX509Certificate()
  const wanted = thumbprint.replaceAll(/[:\s]/g, '').toUpperCase()
  return [certificate?.fingerprint, certificate?.fingerprint256].some(
    (fingerprint) => fingerprint?.replaceAll(':', '') === wanted,
  )
}
