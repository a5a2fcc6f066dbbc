// The other side of the client's tests: a real HTTPS server that answers as a test tells it to, well or badly.
import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Clock } from './clock.ts'
import { keyPem, makeCertificate, newEcKey } from './credential/test-support.ts'
import type { TenantOptions } from './authority/token-server.ts'
import { AppIdentity, type ApplicationOptions } from './identity/app-identity.ts'

/** One request as it arrived. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Name and value in turn, as sent. */
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** What is sent back: an object becomes JSON; a function has the socket to itself. */
export type Answer =
  | {
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | object
    }
  | ((response: ServerResponse) => void)

export interface ScriptedServer {
  readonly origin: string
  /** The PEM certificate to trust. */
  readonly ca: string
  readonly received: Received[]
}

const VALID = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2049-12-31T00:00:00Z' }

/** Starts a server for one test; `answer` is asked for every request, counted from 1. */
export async function scriptedServer(
  t: Pick<TestContext, 'after'>,
  answer: (request: Received, number: number) => Answer,
  certificate: { readonly host?: string; readonly notAfter?: string } = {},
): Promise<ScriptedServer> {
  const { certificate: cert, key } = makeCertificate(newEcKey(), {
    ...VALID,
    name: 'scripted server',
    host: 'localhost',
    ...certificate,
  })
  const received: Received[] = []
  const server = createServer({ cert, key: keyPem(key) }, (incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url: path = '', headers, rawHeaders } = incoming
      received.push({ method, path, headers, rawHeaders, body: Buffer.concat(chunks).toString() })
      send(response, answer(received.at(-1) as Received, received.length))
    })
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `https://localhost:${port}`, ca: cert, received }
}

function send(response: ServerResponse, answer: Answer): void {
  if (typeof answer === 'function') return answer(response)
  const { status = 200, headers = {}, body = '' } = answer
  const [type, text] =
    typeof body === 'string' ? ['text/plain', body] : ['application/json', JSON.stringify(body)]
  response.writeHead(status, { 'content-type': type, ...headers })
  response.end(text)
}

/** Time that stands still but for the waits that are asked of it, which it writes down. */
export function manualClock(startMs = Date.UTC(2026, 8, 21)) {
  let nowMs = startMs
  const slept: number[] = []
  const alarms = new Map<() => void, number>()
  const pass = (ms: number) => {
    nowMs += ms
    for (const [end, atMs] of alarms) {
      if (atMs <= nowMs && alarms.delete(end)) end()
    }
  }
  const clock: Clock = {
    now: () => nowMs,
    after: (ms, end) => {
      alarms.set(end, nowMs + ms)
      return () => alarms.delete(end)
    },
    sleep: async (ms) => {
      slept.push(ms)
      pass(ms)
    },
  }
  return { ...clock, slept, pass }
}

export const TENANT = '11111111-aaaa-4aaa-8aaa-000000000001'
export const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'

/** An identity at a scripted authority that believes everyone. */
export function identityAt(
  { origin, ca }: ScriptedServer,
  options: Partial<ApplicationOptions & TenantOptions> = {},
): AppIdentity {
  return new AppIdentity({
    tenantId: TENANT,
    clientId: CLIENT,
    credential: () => {},
    authorityHost: origin,
    ca,
    ...options,
  })
}

export const isTokenRequest = ({ path }: Received): boolean => path.endsWith('/oauth2/v2.0/token')

/** A good answer of the authority. */
export const tokenAnswer = (accessToken: string, facts: object = {}): Answer => ({
  body: { token_type: 'Bearer', expires_in: 3599, access_token: accessToken, ...facts },
})
