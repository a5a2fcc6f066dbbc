// A server between a client and an API that breaks what passes through it, as networks and gateways do: before the API has heard
// of a request, after it has done it, or in the middle of the answer.
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { keyPem, makeCertificate, newEcKey } from '../packages/client/src/credential/test-support.ts'

/** What may happen to a request, with its share of all of them. */
export const TROUBLES = {
  'cut before it arrived': 0.02,
  'reset after it was done': 0.03,
  'cut in the middle of the answer': 0.03,
  'status 503, not done': 0.03,
  'status 503, done': 0.01,
  'status 502 without a body': 0.01,
  'answered too late': 0.005,
  'answered slowly': 0.05,
} as const

export type ChaosTrouble = keyof typeof TROUBLES

export interface ChaosProxy {
  readonly origin: string
  /** The PEM certificate to trust. */
  readonly ca: string
  /** How often each thing has happened; `throttled` counts the requests that met a storm. */
  readonly harm: Record<ChaosTrouble | 'throttled', number>
  stop(): void
}

export interface ChaosOptions {
  readonly target: string
  readonly targetCa: string
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  /** How many times as often as usual everything happens. */
  readonly factor: number
  /** After this nobody waits for an answer any more. */
  readonly tooLateMs: number
}

// In every five seconds, one in which everything is throttled.
const STORM_EVERY_MS = 5000
const STORM_MS = 1000
const SLOW_MS = 300

/** Starts the proxy; what does not happen to a request by chance goes through. */
export async function startChaosProxy(options: ChaosOptions): Promise<ChaosProxy> {
  const { certificate, key } = makeCertificate(newEcKey(), {
    name: 'chaos',
    host: 'localhost',
    notBefore: '2020-01-01T00:00:00Z',
    notAfter: '2049-12-31T00:00:00Z',
  })
  const names = Object.keys(TROUBLES) as ChaosTrouble[]
  const harm = Object.fromEntries([...names, 'throttled'].map((name) => [name, 0])) as ChaosProxy['harm']
  const startMs = performance.now()
  const agent = new Agent({ keepAlive: true, ca: options.targetCa, maxSockets: 64 })
  const pass = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const content = await contentOf(incoming)
    if ((performance.now() - startMs) % STORM_EVERY_MS > STORM_EVERY_MS - STORM_MS) {
      harm.throttled += 1
      return answer(response, { status: 429, headers: { 'retry-after': '1' }, content: THROTTLED })
    }
    const trouble = drawn(options.random() / options.factor)
    if (trouble !== undefined) harm[trouble] += 1
    await afflicted(trouble, response, options, () => forwarded(options, agent, incoming, content))
  }
  const server = createServer({ cert: certificate, key: keyPem(key) }, (incoming, response) => {
    pass(incoming, response).catch(() => response.destroy())
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca: certificate,
    harm,
    stop: () => {
      server.closeAllConnections()
      server.close()
      agent.destroy()
    },
  }
}

function drawn(chance: number): ChaosTrouble | undefined {
  let left = chance
  for (const [name, share] of Object.entries(TROUBLES) as [ChaosTrouble, number][]) {
    if (left < share) return name
    left -= share
  }
  return undefined
}

interface Passed {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly content: Buffer
}

const THROTTLED = Buffer.from('{"error":{"code":"TooManyRequests","message":"Please retry again later."}}')
const BROKEN: Passed = { status: 503, headers: {}, content: Buffer.from('<html>Service Unavailable</html>') }

async function afflicted(
  trouble: ChaosTrouble | undefined,
  response: ServerResponse,
  { tooLateMs }: ChaosOptions,
  forward: () => Promise<Passed>,
): Promise<void> {
  switch (trouble) {
    case 'cut before it arrived':
      return void response.socket?.destroy()
    case 'status 503, not done':
      return answer(response, BROKEN)
    case 'status 502 without a body':
      return answer(response, { ...BROKEN, status: 502, content: Buffer.alloc(0) })
  }
  const passed = await forward()
  switch (trouble) {
    case 'reset after it was done':
      return void response.socket?.destroy()
    case 'cut in the middle of the answer':
      return cutAnswer(response, passed)
    case 'status 503, done':
      return answer(response, BROKEN)
    case 'answered too late':
      await sleep(tooLateMs * 1.5)
      return answer(response, passed)
    case 'answered slowly':
      await sleep(SLOW_MS)
  }
  answer(response, passed)
}

function cutAnswer(response: ServerResponse, { status, headers, content }: Passed): void {
  response.writeHead(status, headers)
  response.write(content.subarray(0, content.length / 2), () => response.socket?.destroy())
}

function answer(response: ServerResponse, { status, headers, content }: Passed): void {
  response.writeHead(status, { ...headers, 'content-length': content.length })
  response.end(content)
}

async function forwarded(
  { target }: ChaosOptions,
  agent: Agent,
  { method = 'GET', url = '/', headers }: IncomingMessage,
  content: Buffer,
): Promise<Passed> {
  const { host: _, 'transfer-encoding': __, ...others } = headers
  const outgoing = request(target + url, {
    method,
    agent,
    headers: { ...others, 'content-length': content.length },
  })
  outgoing.end(content)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const { connection: ___, 'transfer-encoding': ____, ...answered } = incoming.headers
  return { status: incoming.statusCode ?? 502, headers: answered, content: await contentOf(incoming) }
}

async function contentOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
