// An HTTPS server of other people, as far as a test needs one: an authority, a vault, a directory.
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServerTls } from './tls-test-support.ts'

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: object
}

export interface ScriptedServer {
  readonly origin: string
  readonly received: Received[]
  close(): Promise<void>
}

/** Starts a server whose answers `answer` gives, as JSON. */
export async function scriptedServer(
  { cert, key }: ServerTls,
  answer: (request: Received, origin: string) => Answer,
): Promise<ScriptedServer> {
  const received: Received[] = []
  const server = createServer({ cert, key }, (incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url: path = '', headers } = incoming
      const request = { method, path, headers, body: Buffer.concat(chunks).toString() }
      received.push(request)
      const { status = 200, headers: more = {}, body } = answer(request, origin)
      response.writeHead(status, { 'content-type': 'application/json', ...more })
      response.end(JSON.stringify(body))
    })
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { origin, received, close }
}
