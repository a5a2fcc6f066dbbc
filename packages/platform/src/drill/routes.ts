import type { FastifyInstance } from 'fastify'
import { actionRoutes, type DrillServices } from './actions.ts'
import type { Drills } from './drills.ts'
import type { Throttle } from '../graph/throttle.ts'
import { DrillError, readFault } from './fault.ts'
import type { Replication } from './replication.ts'
import { noticeChanges, targetOf, watch } from './watch.ts'

/** What the drills act upon. */
type DrillRouteServices = DrillServices & {
  readonly throttle: Throttle
  readonly replication: Replication
}

/** Makes what the drills do happen to this server, and registers their own routes. */
export async function registerDrills(
  app: FastifyInstance,
  drills: Drills,
  services: Omit<DrillRouteServices, 'replication'> & { readonly replication: Replication | undefined },
): Promise<void> {
  const { replication } = services
  watch(app, drills, targetOf)
  if (!replication) return
  noticeChanges(app, replication)
  await app.register(async (scope) => drillRoutes(scope, drills, { ...services, replication }))
}

/**
 * Registers the drills. They need no token, because the token endpoint may be what is broken: being started with them,
 * on a loopback port, is the permission; a web page, which says where it comes from, has none.
 */
function drillRoutes(app: FastifyInstance, drills: Drills, services: DrillRouteServices): void {
  const { throttle, replication } = services
  app.addHook('onRequest', async ({ headers }, reply) => {
    void reply.header('cache-control', 'no-store')
    if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return undefined
    return reply.code(403).send(errorBody('forbidden', 'Web pages may not drill this platform.'))
  })
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof DrillError) return reply.code(400).send(errorBody('invalid_drill', error.message))
    throw error
  })
  const audit = (did: string, facts: object) => app.log.warn({ drill: did, ...facts }, `drill: ${did}`)
  actionRoutes(app, services, audit)
  replicationRoutes(app, replication, audit)
  app.get('/drills', () => ({ ...drills.report(), replication: replication.report() }))
  app.post('/drills/faults', (request, reply) => {
    const fault = readFault(request.body)
    const id = drills.add(fault)
    audit('fault begun', { id, ...fault })
    return reply.code(201).send({ id })
  })
  app.delete('/drills/faults', (_request, reply) => {
    drills.end()
    audit('faults ended', {})
    return reply.code(204).send()
  })
  app.put('/drills/clock', (request, reply) => {
    const { now } = (request.body ?? {}) as { readonly now?: unknown }
    drills.setClock(typeof now === 'string' ? Date.parse(now) : Number.NaN)
    audit('clock set', { now: new Date(drills.now()).toISOString() })
    return reply.code(204).send()
  })
  app.delete('/drills/clock', (_request, reply) => {
    drills.setClock()
    audit('clock returned to the machine', {})
    return reply.code(204).send()
  })
  app.put('/drills/throttling', (request, reply) => {
    const { part } = (request.body ?? {}) as { readonly part?: unknown }
    if (typeof part !== 'number' || !(part > 0 && part <= 10))
      throw new DrillError(
        "'part' must be a number above 0 and at most 10: the part of Graph's limits to grant.",
      )
    throttle.set(part)
    audit('throttling begun', { part })
    return reply.code(204).send()
  })
  app.delete('/drills/throttling', (_request, reply) => {
    throttle.set(undefined)
    audit('throttling ended', {})
    return reply.code(204).send()
  })
}

function replicationRoutes(
  app: FastifyInstance,
  replication: Replication,
  audit: (did: string, facts: object) => void,
): void {
  app.put('/drills/replication', async (request, reply) => {
    const { seconds } = (request.body ?? {}) as { readonly seconds?: unknown }
    await replication.delay(seconds)
    audit('replication delayed', { seconds })
    return reply.code(204).send()
  })
  app.delete('/drills/replication', (_request, reply) => {
    replication.end()
    audit('replication caught up', {})
    return reply.code(204).send()
  })
}

const errorBody = (code: string, message: string) => ({ error: { code, message } })
