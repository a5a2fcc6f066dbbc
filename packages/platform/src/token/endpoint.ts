import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { SignInTrail } from '../audit/sign-in.ts'
import type { SignInLog } from '../audit/sign-in-log.ts'
import type { Now } from '../clock.ts'
import type { SigningKeys } from '../discovery/signing-keys.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { readClaimsRequest } from './claims-request.ts'
import { checkClientId, findClient, tenantMissing } from './client.ts'
import { type IssuedToken, type IssuedTokenV1, issue, issueV1 } from './issue.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { type EndpointVersion, isBasic, readClient, readForm, readResource, required } from './parse.ts'
import { permit } from './permit.ts'
import { proveClient, requireCredential } from './prove.ts'
import { refusalBody, type RequestIds, TokenRefusal } from './refusals.ts'
import { audiencesOf, isPersonal, isTemplate, requireTenant } from './tenant.ts'

export interface TokenEndpoint {
  readonly cache: ReadCache
  readonly keys: SigningKeys
  readonly issuers: IssuerKeys
  readonly originFor: (host: string | undefined) => string
  readonly now: Now
  readonly signIns: SignInLog
}

/** What is read of a token request. */
interface Sent {
  readonly version: EndpointVersion
  readonly tenantName: string
  readonly body: string
  readonly authorization: string | undefined
  readonly ipAddress: string
  /** The origin under which the client has called. */
  readonly origin: string
  /** Filled by the steps, for the sign-in log. */
  readonly trail: SignInTrail
}

/** The steps of a token request in the order of wire.md §8; each may refuse. */
async function answer(
  { cache, keys, issuers, now }: TokenEndpoint,
  { version, tenantName, body, authorization, ipAddress, origin, trail }: Sent,
): Promise<IssuedToken | IssuedTokenV1> {
  const personal = isPersonal(tenantName)
  const tenant = personal || isTemplate(tenantName) ? undefined : await requireTenant(cache, tenantName)
  if (tenant) trail.tenantId = tenant.id
  const form = readClient(readForm(body), authorization)
  const grant = required(form, 'grant_type')
  if (grant !== 'client_credentials') throw new TokenRefusal(70003, { grant })
  if (personal) throw new TokenRefusal(9001023)
  const clientId = checkClientId(required(form, 'client_id'))
  trail.appId = clientId
  if (!tenant) throw await tenantMissing(cache, clientId)
  const client = await findClient(cache, clientId, tenant.id)
  trail.servicePrincipalId = client.servicePrincipalId
  const resource = readResource(form, version)
  const nowMs = now()
  const claims = readClaimsRequest(form, nowMs)
  requireCredential(form)
  const audiences = audiencesOf(origin, tenant, tenantName)
  const proof = await proveClient(cache, { form, client, audiences, issuers, nowMs, trail })
  const permitted = await permit(cache, { client, tenantId: tenant.id, resource, ipAddress, trail })
  trail.resourceAppId = permitted.resource.appId
  const earned = { origin, tenantId: tenant.id, client, proof, permit: permitted, nowMs, claims }
  return version === 1 ? issueV1(earned, keys.current, resource) : issue(earned, keys.current)
}

const PATHS: Readonly<Record<string, EndpointVersion>> = {
  '/:tenant/oauth2/token': 1,
  '/:tenant/oauth2/v2.0/token': 2,
}

/** Registers both token endpoints. */
export function tokenRoutes(app: FastifyInstance, endpoint: TokenEndpoint): void {
  app.removeAllContentTypeParsers()
  // Whatever the content type, the body is read as a form: JSON then lacks 'grant_type', as at Entra (wire.md §3).
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: 262_144 }, (_request, body, done) =>
    done(null, body),
  )
  app.setErrorHandler((error, request, reply) => {
    // A body that is too long, or cut off: a client's mistake has the same envelope wherever it is found.
    if (isClientFault(error))
      return sendRefusal(reply, new TokenRefusal(9002313), refusalIds(request, endpoint))
    request.log.error({ err: error }, 'token request failed')
    return sendRefusal(reply, new TokenRefusal(90033), refusalIds(request, endpoint))
  })
  for (const [url, version] of Object.entries(PATHS)) {
    app.route<{ Params: { tenant: string } }>({
      method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      handler: (request, reply) => respond(endpoint, version, request, reply),
    })
  }
}

async function respond(
  endpoint: TokenEndpoint,
  version: EndpointVersion,
  request: FastifyRequest<{ Params: { tenant: string } }>,
  reply: FastifyReply,
): Promise<object> {
  const ids = refusalIds(request, endpoint)
  noStore(reply, ids)
  const trail: SignInTrail = {}
  const log = (errorCode: number) =>
    logSignIn(endpoint.signIns, { ids, ipAddress: request.ip, errorCode, trail })
  try {
    if (request.method !== 'POST') throw new TokenRefusal(900561, { method: request.method })
    const body = typeof request.body === 'string' ? request.body : ''
    const { authorization } = request.headers
    const { tenant: tenantName } = request.params
    const { origin } = ids
    const sent = { version, tenantName, body, authorization, ipAddress: request.ip, origin, trail }
    const token = await answer(endpoint, sent)
    log(0)
    return token
  } catch (refusal) {
    log(refusal instanceof TokenRefusal ? refusal.aadsts : 90033)
    if (!(refusal instanceof TokenRefusal)) throw refusal
    // Whoever tried the header is told by the header (RFC 6749 §5.2).
    if (refusal.status === 401 && isBasic(request.headers.authorization))
      void reply.header('www-authenticate', 'Basic realm=""')
    return sendRefusal(reply, refusal, ids)
  }
}

interface Asked {
  readonly ids: RequestIds
  readonly ipAddress: string
  readonly errorCode: number
  readonly trail: SignInTrail
}

function logSignIn(signIns: SignInLog, { ids, ...asked }: Asked): void {
  const { traceId: id, correlationId, nowMs: atMs } = ids
  signIns.add({ id, correlationId, atMs, event: 'servicePrincipal', ...asked })
}

const isClientFault = (error: unknown): boolean =>
  error instanceof Error && 'statusCode' in error && Number(error.statusCode) < 500

/** Answers with a refusal in Entra's envelope. */
export function sendRefusal(reply: FastifyReply, refusal: TokenRefusal, ids: RequestIds): FastifyReply {
  noStore(reply, ids)
  return reply.code(refusal.status).send(refusalBody(refusal, ids))
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The ids of one request: the client's own correlation id where it sent a GUID. */
export function requestIds(request: FastifyRequest): Pick<RequestIds, 'traceId' | 'correlationId'> {
  const sent = request.headers['client-request-id']
  return {
    traceId: randomUUID(),
    correlationId: typeof sent === 'string' && GUID.test(sent) ? sent : randomUUID(),
  }
}

/** All that a refusal says of the request that it answers. */
export const refusalIds = (
  request: FastifyRequest,
  { now, originFor }: Pick<TokenEndpoint, 'now' | 'originFor'>,
): RequestIds => ({ ...requestIds(request), nowMs: now(), origin: originFor(request.headers.host) })

function noStore(reply: FastifyReply, { traceId, correlationId }: RequestIds): void {
  reply.headers({
    'cache-control': 'no-store, no-cache',
    pragma: 'no-cache',
    'x-ms-request-id': traceId,
    'client-request-id': correlationId,
  })
}
