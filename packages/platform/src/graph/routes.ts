import { challenge, type Guard, type Refused } from '@tomte/guard'
import { guarded } from '@tomte/guard/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { audited, auditedTogether } from '../audit/audited.ts'
import type { SignInLog } from '../audit/sign-in-log.ts'
import type { Now } from '../clock.ts'
import type { SigningKeys } from '../discovery/signing-keys.ts'
import type { Database } from '../store/database.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { blockedAccess } from './blocked-access.ts'
import { runBatch } from './batch.ts'
import {
  answer,
  failure,
  GRAPH_PREFIX,
  type GraphAnswer,
  type GraphRoutes,
  notARoute,
  type TogetherRoutes,
} from './dispatch.ts'
import { clientRequestId, errorBody } from './errors.ts'
import { type GraphRoute, PERMISSIONS } from './permissions.ts'
import type { Throttle } from './throttle.ts'

export type { GraphCall, GraphReply, GraphRoutes } from './dispatch.ts'
export { GRAPH_PREFIX } from './dispatch.ts'

export interface GraphOptions {
  readonly db: Database
  /** What is known of tenants' Conditional Access and of callers. */
  readonly cache: ReadCache
  readonly guard: Pick<Guard, 'judge'>
  readonly origin: () => string
  readonly now: Now
  readonly signIns: SignInLog
  readonly keys: SigningKeys
  readonly routes: GraphRoutes
  readonly together: TogetherRoutes
  /** Limits by resource units; without it there are none. */
  readonly throttle?: Throttle | undefined
}

/** Registers the directory: every route behind the guard, with the roles of the permission table. */
export function graphRoutes(app: FastifyInstance, options: GraphOptions): void {
  const { guard, origin, now, throttle } = options
  const baseUrl = () => `${origin()}${GRAPH_PREFIX}`
  const dispatch = {
    ...options,
    routes: audited(options.routes),
    together: auditedTogether(options.together),
    throttle,
    baseUrl,
  }
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
  app.addHook('onRequest', async (request, reply) => {
    const refusal = await blockedAccess(options, { principal: request.principal, ipAddress: request.ip })
    if (!refusal) return undefined
    const body = errorBody('InvalidAuthenticationToken', BLOCKED, request, now())
    return reply.code(refusal.status).header('www-authenticate', challenge(refusal)).send(body)
  })
  app.setNotFoundHandler((request, reply) =>
    send(reply, notARoute(request.url.slice(GRAPH_PREFIX.length), request, now())),
  )
  app.setErrorHandler((error, request, reply) => send(reply, failure(error, request, now())))
  for (const [route, roles] of Object.entries(PERMISSIONS)) {
    const [method, url] = route.split(' ') as [string, string]
    app.route({
      method,
      url,
      config: { roles },
      handler: async (request, reply) => {
        const path = (request.url.split('?', 1)[0] ?? '').slice(GRAPH_PREFIX.length)
        const { query, body, headers } = request
        const params = request.params as Record<string, string>
        return send(
          reply,
          await answer(dispatch, route as GraphRoute, request, { params, query, body, path, headers }),
        )
      },
    })
  }
  // The envelope needs no role of its own: each request in it is held to the permission table as if it had come alone.
  app.post('/$batch', { config: { roles: 'any application' } }, (request) =>
    runBatch(dispatch, request, app.beforeBatchItem),
  )
}

const send = (reply: FastifyReply, { status, headers, body }: GraphAnswer): FastifyReply =>
  reply.code(status).headers(headers).send(body)

function refusalBody(refusal: Refused, request: FastifyRequest, nowMs: number): object {
  const code = refusal.status === 403 ? 'Authorization_RequestDenied' : 'InvalidAuthenticationToken'
  const message = refusal.code === 'claims_challenge' ? OUTDATED : refusal.description
  return errorBody(code, message, request, nowMs)
}

// Graph's own words (wire.md §11).
const BLOCKED =
  'Continuous access evaluation resulted in challenge with result: InteractionRequired and code: LocationConditionEvaluationSatisfied'
const OUTDATED =
  'Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenCreatedWithOutdatedPolicies'
