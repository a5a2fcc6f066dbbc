import type { Agent, request } from 'node:https'
import { type Clock, systemClock } from '../clock.ts'

/** Gets the text of a document over https; every failure is an Error that says what was found. */
export type GetDocument = (url: string) => Promise<string>

/** How the issuer's documents are reached. */
export interface DocumentOptions {
  /** PEM text of the certificate authorities to trust instead of the system's own, as Node's `ca`. */
  readonly ca?: string | undefined
  /** For one document, name look-up to last byte, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** Ends the wait. Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

const TIMEOUT_MS = 10_000
// Entra's keys are some 15 kB, each with its certificate.
const BODY_LIMIT_BYTES = 512 * 1024

/** Makes the function that gets a document: over https alone, following no redirect, up to 512 kB within the time limit. */
export function documentGetter({
  ca,
  timeoutMs = TIMEOUT_MS,
  clock = systemClock,
}: DocumentOptions): GetDocument {
  let transport: Promise<Transport> | undefined
  return async (url) => {
    transport ??= loadTransport(ca)
    const exchange = { ...(await transport), url, clock, timeoutMs }
    return get(exchange)
  }
}

interface Transport {
  readonly agent: Agent
  readonly send: typeof request
}

/** Loading node:https costs more than the rest of this package: who brings the keys does not pay for it. */
async function loadTransport(ca: string | undefined): Promise<Transport> {
  const https = await import('node:https')
  return { agent: new https.Agent(ca === undefined ? {} : { ca }), send: https.request }
}

interface Exchange extends Transport {
  readonly url: string
  readonly clock: Clock
  readonly timeoutMs: number
}

function get({ agent, send, url, clock, timeoutMs }: Exchange): Promise<string> {
  return new Promise((resolve, reject) => {
    // Nothing is decoded here, so nothing small can become large.
    const headers = { accept: 'application/json', 'accept-encoding': 'identity' }
    const outgoing = send(url, { agent, headers })
    const inTime = clock.after(timeoutMs, () =>
      outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)),
    )
    const fail = (error: Error) => {
      inTime()
      reject(error)
    }
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      let size = 0
      incoming.on('error', fail)
      if (incoming.statusCode !== 200)
        return outgoing.destroy(new Error(`status ${String(incoming.statusCode)}`))
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > BODY_LIMIT_BYTES) return outgoing.destroy(new Error(`more than ${BODY_LIMIT_BYTES} bytes`))
        chunks.push(chunk)
      })
      incoming.on('end', () => {
        inTime()
        resolve(Buffer.concat(chunks).toString('utf8'))
      })
    })
    outgoing.end()
  })
}
