import type { IncomingMessage } from 'node:http'
import type { Agent, request } from 'node:https'
import type { GetDocument } from '../authority/discovery.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { TokenForm } from '../credential/credential.ts'
import { ConfigurationError, type TomteError, UnavailableError } from '../errors.ts'
import { isUntrusted, networkHint, networkReason } from '../network.ts'
import type { Proxy } from '../proxy.ts'

/** What came back from the token endpoint, uninterpreted. */
export interface RawResponse {
  readonly status: number
  readonly contentType: string
  readonly retryAfter: string | undefined
  /** The server's own clock, by its `Date` header. */
  readonly date?: string | undefined
  readonly body: string
}

/** How the authority is reached. */
export interface TransportOptions {
  /** PEM text of the certificate authorities to trust instead of the system's own, as Node's `ca`. */
  readonly ca?: string | undefined
  /** For the whole exchange, name look-up to last byte. Default 30,000 ms. */
  readonly timeoutMs?: number | undefined
  /** The proxy that HTTPS goes through; needs Node 22.21 or 24.5. Default: none, whatever the environment says. */
  readonly proxy?: Proxy | undefined
}

// A token response is some 2 kB; more than this is no token response.
const BODY_LIMIT_BYTES = 1024 * 1024
const TIMEOUT_MS = 30_000

/**
 * Posts a token request and returns what came back, uninterpreted.
 *
 * @throws UnavailableError if nothing did; ConfigurationError if the authority's certificate is not trusted.
 */
export type PostForm = (url: string, form: TokenForm) => Promise<RawResponse>

/** How the authority is reached, with the clock that ends the wait. */
export type ExchangeOptions = TransportOptions & { readonly clock?: Clock | undefined }

/** Makes the function that posts a token request: it knows the network and none of the rules. Follows no redirect. */
export function formPoster(options: ExchangeOptions = {}): PostForm {
  const exchange = exchanger(options)
  return async (url, { body, headers }) => {
    // A text goes out with the headers in one piece, bytes would follow in another; the encoding leaves ASCII alone.
    const content = body.toString()
    const { incoming, text } = await exchange(url, {
      method: 'POST',
      content,
      headers: {
        ...headers,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': content.length,
      },
    })
    return {
      status: incoming.statusCode ?? 0,
      contentType: incoming.headers['content-type'] ?? '',
      retryAfter: incoming.headers['retry-after'],
      date: incoming.headers.date,
      body: text,
    }
  }
}

/** Makes the function that gets a document of the authority, such as its metadata, under the rules of a token request. */
export function documentGetter(options: ExchangeOptions): GetDocument {
  const exchange = exchanger(options)
  return async (url) => {
    const { incoming, text } = await exchange(url, { method: 'GET', headers: { accept: 'application/json' } })
    return {
      status: incoming.statusCode ?? 0,
      retryAfter: incoming.headers['retry-after'],
      cacheControl: incoming.headers['cache-control'],
      body: text,
    }
  }
}

interface Place {
  /** The origin with a slash. */
  readonly root: string
  readonly host: string
  readonly hostname: string
  readonly port: string
}

function placeOf(url: string): Place {
  const { origin, host, hostname, port } = new URL(url)
  // As node:https wants an IPv6 address: without its brackets.
  return { root: `${origin}/`, host, hostname: hostname.replace(/^\[|\]$/g, ''), port: port || '443' }
}

/** Names and values in turn: Node writes them as they are, and checks each for characters that a header cannot have. */
const flat = (host: string, headers: Outgoing['headers']): string[] => {
  // Who says nothing of codings takes every one (RFC 9110 §12.5.3), and none is undone here.
  const list = ['host', host, 'accept-encoding', 'identity']
  for (const name in headers) list.push(name, String(headers[name]))
  return list
}

interface Outgoing {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string | number>>
  readonly content?: string | undefined
}

interface Answered {
  readonly incoming: IncomingMessage
  readonly text: string
}

function exchanger({ ca, proxy, timeoutMs = TIMEOUT_MS, clock = systemClock }: ExchangeOptions) {
  let transport: Promise<{ readonly agent: Agent; readonly request: typeof request }> | undefined
  let place: Place | undefined
  return async (url: string, { method, headers, content }: Outgoing): Promise<Answered> => {
    transport ??= loadTransport(ca, proxy)
    const { agent, request } = await transport
    // Of one authority come all tokens, of whatever tenant: its address is read once.
    if (place === undefined || !url.startsWith(place.root)) place = placeOf(url)
    const { hostname, port, host, root } = place
    const path = url.slice(root.length - 1)
    return new Promise((resolve, reject) => {
      const outgoing = request({ agent, method, hostname, port, path, headers: flat(host, headers) })
      let late = false
      const inTime = clock.after(timeoutMs, () => {
        late = true
        outgoing.destroy(new Error('the time is over'))
      })
      const fail = (error: Error) => {
        inTime()
        reject(unreachable(url, error, late ? timeoutMs : undefined))
      }
      outgoing.on('error', fail)
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = []
        let size = 0
        incoming.on('error', fail)
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > BODY_LIMIT_BYTES)
            return outgoing.destroy(new Error(`the answer is longer than ${BODY_LIMIT_BYTES} bytes`))
          chunks.push(chunk)
        })
        incoming.on('end', () => {
          inTime()
          resolve({ incoming, text: Buffer.concat(chunks).toString('utf8') })
        })
      })
      outgoing.end(content)
    })
  }
}

/** Loading node:https takes as long as this whole package: a program that never asks for a token does not pay for it. */
async function loadTransport(ca: string | undefined, proxy: Proxy | undefined) {
  const https = await import('node:https')
  const proxyEnv = proxy && { HTTPS_PROXY: proxy.url, NO_PROXY: proxy.except }
  const agent = new https.Agent({
    keepAlive: true,
    ...(ca === undefined ? {} : { ca }),
    ...(proxyEnv === undefined ? {} : { proxyEnv }),
  })
  return { agent, request: https.request }
}

function unreachable(url: string, error: Error, timedOutAfterMs: number | undefined): TomteError {
  const { origin } = new URL(url)
  const facts = { hint: networkHint(error, origin), cause: error }
  if (isUntrusted(error)) {
    return new ConfigurationError(
      `Cannot get a token, as the certificate of the authority ${origin} must be trusted: ${networkReason(error)}`,
      { ...facts, code: 'authority_untrusted' },
    )
  }
  const found =
    timedOutAfterMs === undefined ? networkReason(error) : `no answer within ${timedOutAfterMs} ms`
  return new UnavailableError(`Cannot get a token, as the authority ${origin} must be reachable: ${found}`, {
    ...facts,
    code: 'authority_unreachable',
  })
}
