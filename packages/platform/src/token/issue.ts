import { issuerV1, issuerV2 } from '../discovery/metadata.ts'
import type { SigningKey } from '../discovery/signing-key.ts'
import { TOKEN_EXCHANGE_APP_ID, TOKEN_EXCHANGE_URI } from '../managed-identity/token-exchange.ts'
import { GRAPH_APP_ID } from '../registration/graph-application.ts'
import type { ClaimsRequest } from './claims-request.ts'
import type { Client } from './client.ts'
import { opaque } from './opaque.ts'
import type { Permit } from './permit.ts'
import type { ClientProof } from './prove.ts'
import { signatureOf } from './signature.ts'

export interface IssueRequest {
  readonly origin: string
  readonly tenantId: string
  readonly client: Pick<Client, 'appId' | 'displayName' | 'directoryRoles'>
  readonly proof: ClientProof
  readonly permit: Permit
  readonly nowMs: number
  /** How long the token lives where no policy says it, in seconds. Default: an hour. */
  readonly lifetimeSeconds?: number | undefined
  /** What the client asked for by the `claims` parameter. */
  readonly claims?: ClaimsRequest
  /** The Azure resource id of the managed identity that the token is for. */
  readonly managedIdentity?: string
}

/** The answer of the token endpoint (wire.md §3). */
export interface IssuedToken {
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly ext_expires_in: number
  readonly refresh_in?: number
  readonly access_token: string
}

/** A signed token and its times, in whole seconds since 1970 and from now. */
export interface SignedToken {
  readonly accessToken: string
  readonly notBefore: number
  readonly expiresOn: number
  readonly expiresIn: number
}

// Entra's tokens start five minutes in the past and last an hour from now (wire.md §0 row 5).
export const BACK_DATED_SECONDS = 300
const LIFETIME_SECONDS = 3600
// 20 to 28 hours where the token can be challenged, 24 for a managed identity (wire.md §§10.1, 12).
export const LONG_LIFETIME_SECONDS = 24 * 60 * 60

/** Issues the token that a token request has earned; one that lives long says when to ask again (wire.md §§3, 11). */
export async function issue(request: IssueRequest, key: SigningKey): Promise<IssuedToken> {
  const { accessToken, expiresIn } = await signToken(request, key)
  return {
    token_type: 'Bearer',
    expires_in: expiresIn,
    ext_expires_in: expiresIn,
    ...(isChallengeable(request) ? { refresh_in: Math.floor(expiresIn / 2) } : {}),
    access_token: accessToken,
  }
}

/** The answer of the v1.0 token endpoint, whose numbers are texts (wire.md §3). */
export interface IssuedTokenV1 {
  readonly token_type: 'Bearer'
  readonly expires_in: string
  readonly ext_expires_in: string
  readonly refresh_in?: string
  readonly expires_on: string
  readonly not_before: string
  readonly resource: string
  readonly access_token: string
}

/** Issues the same token in the form of the v1.0 endpoint, with the resource as it was asked for. */
export async function issueV1(
  request: IssueRequest,
  key: SigningKey,
  resource: string,
): Promise<IssuedTokenV1> {
  const { accessToken, expiresIn, expiresOn, notBefore } = await signToken(request, key)
  return {
    token_type: 'Bearer',
    expires_in: String(expiresIn),
    ext_expires_in: String(expiresIn),
    ...(isChallengeable(request) ? { refresh_in: String(Math.floor(expiresIn / 2)) } : {}),
    expires_on: String(expiresOn),
    not_before: String(notBefore),
    resource,
    access_token: accessToken,
  }
}

/** Signs an access token; its version is the resource's choice, not the endpoint's (wire.md §0 row 4, §6). */
export async function signToken(request: IssueRequest, key: SigningKey): Promise<SignedToken> {
  const version = request.permit.resource.tokenVersion
  const span = times(request)
  const claims = version === 1 ? claimsV1(request, span) : claimsV2(request, span)
  const signed = `${headerOf(key)[version]}.${encode(claims)}`
  const signature = await signatureOf(signed, key.privateKey)
  const { nbf, exp, lifetime } = span
  // A second less than what is left, because the answer takes time to arrive.
  return { accessToken: `${signed}.${signature}`, notBefore: nbf, expiresOn: exp, expiresIn: lifetime - 1 }
}

// A key's headers are the same for all of its tokens.
const headers = new WeakMap<SigningKey, Readonly<Record<1 | 2, string>>>()

function headerOf(key: SigningKey): Readonly<Record<1 | 2, string>> {
  const known = headers.get(key)
  if (known) return known
  const { kid } = key
  const made = {
    1: encode({ typ: 'JWT', alg: 'RS256', x5t: kid, kid }),
    2: encode({ typ: 'JWT', alg: 'RS256', kid }),
  }
  headers.set(key, made)
  return made
}

/**
 * Whether the token can be taken back before it expires, for which alone Entra lets it live for a day: Graph is the one
 * resource that challenges applications, and it does so to single-tenant ones that say they can answer (wire.md §11).
 */
const isChallengeable = ({ claims, permit, managedIdentity }: IssueRequest): boolean =>
  claims?.handlesChallenges === true &&
  permit.singleTenant &&
  permit.resource.appId === GRAPH_APP_ID &&
  managedIdentity === undefined

interface Span {
  readonly nbf: number
  readonly exp: number
  readonly lifetime: number
}

function times(request: IssueRequest): Span {
  const now = Math.floor(request.nowMs / 1000)
  const long = request.managedIdentity !== undefined || isChallengeable(request)
  const { permit, lifetimeSeconds = LIFETIME_SECONDS } = request
  const lifetime = long ? LONG_LIFETIME_SECONDS : (permit.lifetimeSeconds ?? lifetimeSeconds)
  return {
    nbf: Math.max(now - BACK_DATED_SECONDS, request.claims?.notBefore ?? 0),
    exp: now + lifetime,
    lifetime,
  }
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

// Graph's tokens say these always, others where their API's registration asks for it (wire.md §6).
const saysType = ({ resource }: Permit) => resource.appId === GRAPH_APP_ID || resource.optionalClaims.type
const saysRegion = ({ resource }: Permit) => resource.appId === GRAPH_APP_ID || resource.optionalClaims.region

/** Whether the token repeats that the client handles claims challenges: an API may ask for it, to challenge by itself. */
const saysCapabilities = (request: IssueRequest): boolean =>
  isChallengeable(request) ||
  (request.permit.resource.optionalClaims.capabilities &&
    request.claims?.handlesChallenges === true &&
    request.managedIdentity === undefined)

function commonClaims(request: IssueRequest, { nbf, exp }: Span): object {
  const { tenantId, managedIdentity, permit } = request
  const { servicePrincipalId, roles } = permit
  return {
    iat: nbf,
    nbf,
    exp,
    aio: opaque(24),
    oid: servicePrincipalId,
    rh: `1.${opaque(24)}.`,
    ...(roles.length > 0 ? { roles } : {}),
    sub: servicePrincipalId,
    ...(saysType(permit) ? { idtyp: 'app' } : {}),
    ...(saysRegion(permit) ? { tenant_region_scope: 'EU' } : {}),
    tid: tenantId,
    uti: opaque(16),
    ...(saysCapabilities(request) ? { xms_cc: ['cp1'] } : {}),
    ...(managedIdentity === undefined ? {} : { xms_mirid: managedIdentity }),
  }
}

function claimsV1(request: IssueRequest, span: Span): object {
  const { tenantId, client, proof, permit } = request
  const iss = issuerV1(tenantId)
  const graph = {
    app_displayname: client.displayName,
    wids: client.directoryRoles,
  }
  return {
    aud: permit.resource.optionalClaims.audienceAsId ? permit.resource.appId : permit.resource.requested,
    iss,
    ...commonClaims(request, span),
    ...(permit.resource.appId === GRAPH_APP_ID ? graph : {}),
    appid: client.appId,
    appidacr: proof,
    idp: iss,
    ver: '1.0',
  }
}

function claimsV2(request: IssueRequest, span: Span): object {
  const { origin, tenantId, client, proof, permit } = request
  return {
    aud: audienceV2(permit.resource.appId),
    iss: issuerV2(origin, tenantId),
    ...commonClaims(request, span),
    azp: client.appId,
    azpacr: proof,
    ver: '2.0',
  }
}

/**
 * The resource's application id; but a token for the token exchange is compared, as an assertion, with the audience that
 * a federated credential states, and that is the URI (wire.md §5).
 */
const audienceV2 = (appId: string) => (appId === TOKEN_EXCHANGE_APP_ID ? TOKEN_EXCHANGE_URI : appId)
