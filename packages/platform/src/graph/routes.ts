import { createGuard, type GuardRefusal, type KeySource, type Principal } from '@tomte/guard'
import { guarded } from '@tomte/guard/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Now } from '../clock.ts'
import { GRAPH_APP_ID, GRAPH_IDENTIFIER_URIS } from '../registration/graph-application.ts'
import { type Database, isDiskFull } from '../store/database.ts'
import { runBatch } from './batch.ts'
import { clientRequestId, errorBody, GraphError } from './errors.ts'
import { type GraphRoute, PERMISSIONS } from './permissions.ts'

export const GRAPH_PREFIX = '/graph/v1.0'

/** What a route of the directory gets: the caller's tenant comes from the verified token, never from the request. */
export interface GraphCall {
  readonly db: Database
  readonly tenantId: string
  readonly principal: Principal
  readonly params: Readonly<Record<string, string>>
  readonly query: unknown
  readonly body: unknown
  /** This request's own URL without its query. */
  readonly url: string
  readonly nowMs: number
}

/** What a route answers; without a body it is 204. */
export interface GraphReply {
  readonly status?: number
  readonly body?: object
  readonly location?: string
}

export type GraphRoutes = Readonly<Record<GraphRoute, (call: GraphCall) => Promise<GraphReply>>>

export interface GraphOptions {
  readonly db: Database
  readonly keys: KeySource
  readonly origin: () => string
  readonly now: Now
  readonly routes: GraphRoutes
}

/** Registers the directory: every route behind the guard, with the roles of the permission table. */
export function graphRoutes(app: FastifyInstance, { db, keys, origin, now, routes }: GraphOptions): void {
  const guard = createGuard({
    audience: [GRAPH_APP_ID, ...GRAPH_IDENTIFIER_URIS, ...GRAPH_IDENTIFIER_URIS.map((uri) => `${uri}/`)],
    issuers: { '1.0': 'https://sts.windows.net/{tenantid}/' },
    // Every tenant of this platform is let in: each sees only its own directory.
    tenants: undefined,
    keys,
    now,
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'request-id': request.id,
      'client-request-id': clientRequestId(request),
      'cache-control': 'no-cache',
    })
  })
  // Some clients name a content type without sending a body, as for DELETE.
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' ? done(null, undefined) : parseJson(request, body.toString(), done),
  )
  guarded(app, { guard, body: (refusal, request) => refusalBody(refusal, request, now()) })
  app.setNotFoundHandler((request, reply) => {
    const segment = request.url.slice(GRAPH_PREFIX.length).split(/[/?(]/, 2)[1] ?? ''
    const message = `Resource not found for the segment '${segment.slice(0, 100)}'.`
    return reply.code(400).send(errorBody('BadRequest', message, request, now()))
  })
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, now()))
  for (const [route, roles] of Object.entries(PERMISSIONS)) {
    const [method, path] = route.split(' ') as [string, string]
    const handle = routes[route as GraphRoute]
    app.route({
      method,
      url: path,
      config: { roles },
      handler: async (request, reply) => {
        const url = `${origin()}${GRAPH_PREFIX}${(request.url.split('?', 1)[0] ?? '').slice(GRAPH_PREFIX.length)}`
        const { principal, params, query, body } = request
        const call = { db, tenantId: principal.tenantId, principal, query, body, url, nowMs: now() }
        const answer = await handle({ ...call, params: params as Record<string, string> })
        if (answer.location !== undefined) void reply.header('location', answer.location)
        return answer.body ? reply.code(answer.status ?? 200).send(answer.body) : reply.code(204).send()
      },
    })
  }
  // The envelope needs no role of its own: each request in it is guarded as if it had come alone.
  app.post('/$batch', { config: { roles: 'any application' } }, (request) =>
    runBatch(app, GRAPH_PREFIX, request),
  )
}

function refusalBody(refusal: GuardRefusal, request: FastifyRequest, nowMs: number): object {
  const code = refusal.status === 403 ? 'Authorization_RequestDenied' : 'InvalidAuthenticationToken'
  return errorBody(code, refusal.description, request, nowMs)
}

function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  nowMs: number,
): FastifyReply {
  if (error instanceof GraphError)
    return reply.code(error.status).send(errorBody(error.code, error.message, request, nowMs))
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
      ? error.statusCode
      : 500
  if (status < 500) {
    return reply
      .code(status)
      .send(
        errorBody(
          'Request_BadRequest',
          'Unable to read the request: its body or headers are malformed.',
          request,
          nowMs,
        ),
      )
  }
  request.log.error({ err: error }, 'directory request failed')
  const [code, message] = isDiskFull(error)
    ? ['ServiceNotAvailable', 'The platform cannot write: its disk is full.']
    : ['InternalServerError', 'The platform failed: see its log.']
  return reply.code(isDiskFull(error) ? 503 : 500).send(errorBody(code, message, request, nowMs))
}
