import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { after } from '../clock.ts'
import { GRAPH_PREFIX, type GraphAnswer } from '../graph/dispatch.ts'
import type { Drills } from './drills.ts'
import { failureOf } from './failure.ts'
import type { Harm, Target } from './fault.ts'
import type { Replication } from './replication.ts'

/** The target that a request of the platform belongs to; the portal and the drills themselves are none. */
export function targetOf(request: FastifyRequest): Target | undefined {
  const [path = ''] = request.url.split('?', 1)
  if (path.startsWith(`${GRAPH_PREFIX}/`)) return 'directory'
  if (/^\/[^/]+\/oauth2\/(v2\.0\/)?token$/.test(path)) return 'token'
  return /^\/[^/]+\/(.*\.well-known|discovery)\//.test(path) ? 'discovery' : undefined
}

/** Makes the faults of these drills happen to the requests of this server. */
export function watch(
  app: FastifyInstance,
  drills: Drills,
  target: (request: FastifyRequest) => Target | undefined,
): void {
  const cut = new WeakSet<FastifyRequest>()
  app.addHook('onRequest', async (request, reply) => {
    const name = target(request)
    const harm = name && drills.arrive(name)
    if (!name || !harm) return undefined
    if (harm.kind === 'status') return fail(drills, name, harm, request, reply)
    if (harm.kind === 'hang') return hang(drills, request, reply)
    if (harm.kind === 'slow') await slow(drills, harm.delayMs, request)
    else cut.add(request)
    return undefined
  })
  app.decorate('beforeBatchItem', (request: FastifyRequest) => strikeItem(drills, request))
  let closing = false
  app.addHook('onSend', async (request, reply, payload) => {
    if (cut.has(request)) request.raw.socket.destroy()
    // The connection of a request that was slow would be kept for the next one, which nobody answers.
    if (closing) void reply.header('connection', 'close')
    return payload
  })
  // Requests that wait would keep the server from closing.
  app.addHook('preClose', async () => {
    closing = true
    drills.end()
  })
}

/** Has replication notice what a request has made before its answer leaves: that is when the delay begins. */
export function noticeChanges(app: FastifyInstance, replication: Replication): void {
  app.addHook('onSend', async ({ method, url }, _reply, payload) => {
    if (method !== 'GET' && !url.startsWith('/drills')) await replication.look()
    return payload
  })
}

/** A request inside a batch has no connection of its own: it can fail, or be slow. */
async function strikeItem(drills: Drills, request: FastifyRequest): Promise<GraphAnswer | undefined> {
  const harm = drills.arrive('batch-item')
  if (harm?.kind === 'slow') await slow(drills, harm.delayMs, request)
  if (harm?.kind !== 'status') return undefined
  const { headers, body } = failureOf('batch-item', harm.status, request, drills.now())
  const wait = harm.retryAfterSeconds
  return {
    status: harm.status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...headers,
      ...(wait === undefined ? {} : { 'retry-after': String(wait) }),
    },
    body,
  }
}

function fail(
  drills: Drills,
  target: Target,
  { status, retryAfterSeconds }: Extract<Harm, { kind: 'status' }>,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { headers, body } = failureOf(target, status, request, drills.now())
  void reply.code(status).headers(headers)
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds))
  return reply.send(body)
}

function hang(drills: Drills, { raw }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const forget = drills.hold(() => raw.socket.destroy())
  raw.socket.once('close', forget)
  raw.resume()
  return reply.hijack()
}

function slow(drills: Drills, delayMs: number, { raw }: FastifyRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      takeBack()
      forget()
      raw.socket.off('close', done)
      resolve()
    }
    const forget = drills.hold(done)
    const takeBack = after(delayMs, done)
    raw.socket.once('close', done)
  })
}
