import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Now } from '../clock.ts'
import type { SigningKeys } from '../discovery/signing-keys.ts'
import { issuerV2 } from '../discovery/metadata.ts'
import { canNameTenant, findTenant, type Tenant } from '../registration/tenants.ts'
import type { Database } from '../store/database.ts'
import { readClaimsRequest } from './claims-request.ts'
import { findClient } from './client.ts'
import { type IssuedToken, issue } from './issue.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { isBasic, readClient, readForm, required, resourceOf } from './parse.ts'
import { permit } from './permit.ts'
import { proveClient, requireCredential } from './prove.ts'
import { refusalBody, type RequestIds, TokenRefusal } from './refusals.ts'

export interface TokenEndpoint {
  readonly db: Database
  readonly keys: SigningKeys
  readonly issuers: IssuerKeys
  readonly origin: () => string
  readonly now: Now
}

/** What is read of a token request. */
interface SentForm {
  readonly body: string
  readonly authorization: string | undefined
}

/** The steps of a token request in the order of wire.md §8; each may refuse. */
async function answer(
  { db, keys, issuers, origin, now }: TokenEndpoint,
  tenantName: string,
  { body, authorization }: SentForm,
): Promise<IssuedToken> {
  const tenant = await requireTenant(db, tenantName)
  const form = readClient(readForm(body), authorization)
  const grant = required(form, 'grant_type')
  if (grant !== 'client_credentials') throw new TokenRefusal(70003, { grant })
  const client = await findClient(db, required(form, 'client_id'), tenant.id)
  const resource = resourceOf(required(form, 'scope'))
  const nowMs = now()
  const claims = readClaimsRequest(form, nowMs)
  requireCredential(form)
  const proof = await proveClient(db, {
    form,
    client,
    audiences: audiences(origin(), tenant, tenantName),
    issuers,
    nowMs,
  })
  const permitted = await permit(db, { client, tenantId: tenant.id, resource })
  return issue(
    { origin: origin(), tenantId: tenant.id, client, proof, permit: permitted, nowMs, claims },
    keys.current,
  )
}

/** Finds the tenant that a URL names. @throws TokenRefusal 900023, 90002. */
export async function requireTenant(db: Database, name: string): Promise<Tenant> {
  if (!canNameTenant(name)) throw new TokenRefusal(900023, { tenant: name })
  const tenant = await findTenant(db, name)
  if (!tenant) throw new TokenRefusal(90002, { tenant: name })
  return tenant
}

/** What an assertion may name as its audience: this tenant's token endpoints and issuer, by GUID, by domain or as called. */
function audiences(origin: string, tenant: Tenant, called: string): ReadonlySet<string> {
  const names = [tenant.id, tenant.defaultDomain, called.toLowerCase()]
  return new Set(
    names.flatMap((name) => [
      `${origin}/${name}/oauth2/v2.0/token`,
      `${origin}/${name}/oauth2/token`,
      issuerV2(origin, name),
      `${origin}/${name}`,
      `${origin}/${name}/`,
    ]),
  )
}

/** Registers the token endpoint. */
export function tokenRoutes(app: FastifyInstance, endpoint: TokenEndpoint): void {
  app.removeAllContentTypeParsers()
  // Whatever the content type, the body is read as a form: JSON then lacks 'grant_type', as at Entra (wire.md §3).
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: 262_144 }, (_request, body, done) =>
    done(null, body),
  )
  app.setErrorHandler((error, request, reply) => {
    if (!isClientFault(error)) throw error
    // A body that is too long, or cut off: a client's mistake has the same envelope wherever it is found.
    const ids = { ...requestIds(request), nowMs: endpoint.now() }
    return sendRefusal(reply, new TokenRefusal(9002313), ids)
  })
  app.route<{ Params: { tenant: string } }>({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/:tenant/oauth2/v2.0/token',
    handler: async (request, reply) => {
      const ids = { ...requestIds(request), nowMs: endpoint.now() }
      noStore(reply, ids)
      try {
        if (request.method !== 'POST') throw new TokenRefusal(900561, { method: request.method })
        const body = typeof request.body === 'string' ? request.body : ''
        const { authorization } = request.headers
        return await answer(endpoint, request.params.tenant, { body, authorization })
      } catch (refusal) {
        if (!(refusal instanceof TokenRefusal)) throw refusal
        // Whoever tried the header is told by the header (RFC 6749 §5.2).
        if (refusal.status === 401 && isBasic(request.headers.authorization))
          void reply.header('www-authenticate', 'Basic realm=""')
        return sendRefusal(reply, refusal, ids)
      }
    },
  })
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
export function requestIds(request: FastifyRequest): Omit<RequestIds, 'nowMs'> {
  const sent = request.headers['client-request-id']
  return {
    traceId: randomUUID(),
    correlationId: typeof sent === 'string' && GUID.test(sent) ? sent : randomUUID(),
  }
}

function noStore(reply: FastifyReply, { traceId, correlationId }: RequestIds): void {
  reply.headers({
    'cache-control': 'no-store, no-cache',
    pragma: 'no-cache',
    'x-ms-request-id': traceId,
    'client-request-id': correlationId,
  })
}
