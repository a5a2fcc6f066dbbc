import type { FastifyInstance } from 'fastify'
import type { Drills } from './drills.ts'
import { DrillError, readFault } from './fault.ts'

/**
 * Registers the drills. They need no token, because the token endpoint may be what is broken: being started with them,
 * on a loopback port, is the permission; a web page, which says where it comes from, has none.
 */
export function drillRoutes(app: FastifyInstance, drills: Drills): void {
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
  app.get('/drills', () => drills.report())
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
}

const errorBody = (code: string, message: string) => ({ error: { code, message } })
