import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'

const TIMEOUT_MS = 30_000

/** Sends one request over a connection of its own. @throws Error for any status that is no success. */
export async function httpsJson(method: string, url: string, ca: string, body?: object): Promise<unknown> {
  const content = body === undefined ? undefined : JSON.stringify(body)
  const headers = content === undefined ? {} : { 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const outgoing = request(url, { method, ca, headers, agent: false, signal })
  outgoing.end(content)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const { statusCode = 0 } = incoming
  if (statusCode < 200 || statusCode > 299) throw new Error(`${method} ${url}: ${statusCode} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}
