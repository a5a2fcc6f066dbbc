import type { IncomingHttpHeaders } from 'node:http'
import type { SignInTrail } from '../audit/sign-in.ts'
import type { SignInLog } from '../audit/sign-in-log.ts'
import type { Now } from '../clock.ts'
import type { SigningKeys } from '../discovery/signing-keys.ts'
import type { JwtPart } from '../jwt.ts'
import type { ReadCache } from '../store/read-cache.ts'
import type { RequestLoops } from './loops.ts'
import { readClaimsRequest } from './claims-request.ts'
import { checkClientId, findClient, tenantMissing } from './client.ts'
import { type IssuedToken, type IssuedTokenV1, issue, issueV1 } from './issue.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import {
  type EndpointVersion,
  isBasic,
  readClient,
  readForm,
  readResource,
  refuseBinding,
  required,
} from './parse.ts'
import { permit } from './permit.ts'
import { proveClient, requireCredential } from './prove.ts'
import { refusalBody, TokenRefusal } from './refusal.ts'
import { answerHeaders, refusalIds } from './request-ids.ts'
import type { UsedAssertions } from './used-assertions.ts'
import { audiencesOf, isPersonal, isTemplate, requireTenant } from './tenant.ts'

/** What token requests are answered with. */
export interface TokenEndpoint {
  readonly cache: ReadCache
  readonly keys: SigningKeys
  readonly issuers: IssuerKeys
  readonly assertions: UsedAssertions
  /** Who asks for the same token again and again, if that is looked for. */
  readonly loops: RequestLoops | undefined
  /** How long the next token lives where no policy says it, in seconds; without it all live an hour. */
  readonly lifetimeSeconds?: (() => number) | undefined
  readonly originFor: (host: string | undefined) => string
  readonly now: Now
  readonly signIns: SignInLog
}

/** A token request as it has arrived. */
export interface TokenRequest {
  readonly version: EndpointVersion
  readonly method: string
  readonly tenantName: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly ipAddress: string
}

/** What is sent back, a token or a refusal in Entra's envelope. */
export interface TokenAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: object
}

/** A request, and what the steps need to know besides. */
interface Sent extends TokenRequest {
  /** The origin under which the client has called. */
  readonly origin: string
  /** Filled by the steps, for the sign-in log. */
  readonly trail: SignInTrail
}

/** The steps of a token request in the order of wire.md §8; each may refuse. */
async function takeSteps(
  { cache, keys, issuers, assertions, loops, lifetimeSeconds, now }: TokenEndpoint,
  { version, tenantName, body, headers, ipAddress, origin, trail }: Sent,
): Promise<IssuedToken | IssuedTokenV1> {
  const personal = isPersonal(tenantName)
  const tenant = personal || isTemplate(tenantName) ? undefined : await requireTenant(cache, tenantName)
  if (tenant) trail.tenantId = tenant.id
  const form = readClient(readForm(body), headers.authorization)
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
  refuseBinding(form)
  requireCredential(form)
  const audiences = () => audiencesOf(origin, tenant, tenantName)
  const useOnce = tenant.refusesRepeatedAssertions
    ? (sent: JwtPart) => assertions.use({ tenantId: tenant.id, appId: client.appId }, sent)
    : undefined
  const proof = await proveClient(cache, { form, client, audiences, issuers, nowMs, useOnce, trail })
  const permitted = await permit(cache, { client, tenantId: tenant.id, resource, ipAddress, trail })
  trail.resourceAppId = permitted.resource.appId
  const { servicePrincipalId, resource: found } = permitted
  loops?.count({ servicePrincipalId, resource: found.requested, claims, ipAddress }, nowMs)
  const earned = {
    origin,
    tenantId: tenant.id,
    client,
    proof,
    permit: permitted,
    nowMs,
    claims,
    lifetimeSeconds: lifetimeSeconds?.(),
  }
  const key = await keys.signing(permitted.resource.preferredKey)
  return version === 1 ? issueV1(earned, key, resource) : issue(earned, key)
}

/**
 * Answers one token request and logs it. Whatever goes wrong has the same envelope wherever it is found; what is no fault of
 * the client's is told to `onFailure`.
 */
export async function answerToken(
  endpoint: TokenEndpoint,
  request: TokenRequest,
  onFailure: (error: unknown) => void,
): Promise<TokenAnswer> {
  const ids = refusalIds(request, endpoint)
  const { traceId: id, correlationId, nowMs: atMs, origin } = ids
  const { ipAddress, method, headers } = request
  const trail: SignInTrail = {}
  const log = (errorCode: number) =>
    endpoint.signIns.add({ id, correlationId, atMs, event: 'servicePrincipal', ipAddress, errorCode, trail })
  try {
    if (method !== 'POST') throw new TokenRefusal(900561, { method })
    const body = await takeSteps(endpoint, { ...request, origin, trail })
    log(0)
    return { status: 200, headers: answerHeaders(ids), body }
  } catch (error) {
    const refusal = refusalOf(error, onFailure)
    log(refusal.aadsts)
    // Whoever tried the header is told by the header (RFC 6749 §5.2).
    const challenge = refusal.status === 401 && isBasic(headers.authorization)
    return {
      status: refusal.status,
      headers: { ...answerHeaders(ids), ...(challenge ? { 'www-authenticate': 'Basic realm=""' } : {}) },
      body: refusalBody(refusal, ids),
    }
  }
}

/** The refusal that an error comes to: 9002313 for a body that is too long or cut off, 90033 for a failure of ours. */
export function refusalOf(error: unknown, onFailure: (error: unknown) => void): TokenRefusal {
  if (error instanceof TokenRefusal) return error
  if (isClientFault(error)) return new TokenRefusal(9002313)
  onFailure(error)
  return new TokenRefusal(90033)
}

const isClientFault = (error: unknown): boolean =>
  error instanceof Error && 'statusCode' in error && Number(error.statusCode) < 500
