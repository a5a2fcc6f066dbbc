import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { answerToken, refusalOf, type TokenEndpoint } from './endpoint.ts'
import type { EndpointVersion } from './parse.ts'
import { refusalBody, type RequestIds, type TokenRefusal } from './refusal.ts'
import { answerHeaders, refusalIds } from './request-ids.ts'

const PATHS: Readonly<Record<string, EndpointVersion>> = {
  '/:tenant/oauth2/token': 1,
  '/:tenant/oauth2/v2.0/token': 2,
}

/** How long the body of a token request may be, in bytes. */
export const BODY_BYTES_MAX = 262_144

/** Registers both token endpoints. */
export function tokenRoutes(app: FastifyInstance, endpoint: TokenEndpoint): void {
  app.removeAllContentTypeParsers()
  // Whatever the content type, the body is read as a form: JSON then lacks 'grant_type', as at Entra (wire.md §3).
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_BYTES_MAX }, (_request, body, done) =>
    done(null, body),
  )
  app.setErrorHandler((error, request, reply) =>
    sendRefusal(reply, refusalOf(error, failureOf(request)), refusalIds(request, endpoint)),
  )
  for (const [url, version] of Object.entries(PATHS)) {
    app.route<{ Params: { tenant: string } }>({
      method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      handler: async (request, reply) => {
        const { method, headers, ip: ipAddress, params } = request
        const body = typeof request.body === 'string' ? request.body : ''
        const sent = { version, method, tenantName: params.tenant, headers, body, ipAddress }
        const answer = await answerToken(endpoint, sent, failureOf(request))
        return reply.code(answer.status).headers(answer.headers).send(answer.body)
      },
    })
  }
}

const failureOf = (request: FastifyRequest) => (err: unknown) =>
  request.log.error({ err }, 'token request failed')

/** Answers with a refusal in Entra's envelope. */
export function sendRefusal(reply: FastifyReply, refusal: TokenRefusal, ids: RequestIds): FastifyReply {
  return reply.headers(answerHeaders(ids)).code(refusal.status).send(refusalBody(refusal, ids))
}
