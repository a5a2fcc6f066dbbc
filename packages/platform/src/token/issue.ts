import { randomBytes, sign } from 'node:crypto'
import { issuerV1, issuerV2 } from '../discovery/metadata.ts'
import type { SigningKey } from '../discovery/signing-keys.ts'
import { GRAPH_APP_ID } from '../registration/graph-application.ts'
import type { Client } from './client.ts'
import type { Permit } from './permit.ts'
import type { ClientProof } from './prove.ts'

export interface IssueRequest {
  readonly origin: string
  readonly tenantId: string
  readonly client: Client
  readonly proof: ClientProof
  readonly permit: Permit
  readonly nowMs: number
}

export interface IssuedToken {
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly ext_expires_in: number
  readonly access_token: string
}

// Entra's tokens start five minutes in the past and last an hour from now (wire.md §0 row 5).
const BACK_DATED_SECONDS = 300
const LIFETIME_SECONDS = 3600

/** Signs an access token; its version is the resource's choice, not the endpoint's (wire.md §0 row 4, §6). */
export function issue(request: IssueRequest, key: SigningKey): IssuedToken {
  const version = request.permit.resource.tokenVersion
  const header = { typ: 'JWT', alg: 'RS256', ...(version === 1 ? { x5t: key.kid } : {}), kid: key.kid }
  const signed = `${encode(header)}.${encode(version === 1 ? claimsV1(request) : claimsV2(request))}`
  const signature = sign('sha256', Buffer.from(signed), key.privateKey).toString('base64url')
  const lifetime = LIFETIME_SECONDS - 1
  return {
    token_type: 'Bearer',
    expires_in: lifetime,
    ext_expires_in: lifetime,
    access_token: `${signed}.${signature}`,
  }
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

function commonClaims({ tenantId, permit: { servicePrincipalId, roles }, nowMs }: IssueRequest): object {
  const now = Math.floor(nowMs / 1000)
  return {
    iat: now - BACK_DATED_SECONDS,
    nbf: now - BACK_DATED_SECONDS,
    exp: now + LIFETIME_SECONDS,
    aio: opaque(24),
    oid: servicePrincipalId,
    rh: `1.${opaque(24)}.`,
    ...(roles.length > 0 ? { roles } : {}),
    sub: servicePrincipalId,
    tid: tenantId,
    uti: opaque(16),
  }
}

function claimsV1(request: IssueRequest): object {
  const { tenantId, client, proof, permit } = request
  const iss = issuerV1(tenantId)
  const graph = {
    app_displayname: client.displayName,
    idtyp: 'app',
    tenant_region_scope: 'EU',
    wids: [NO_DIRECTORY_ROLE],
  }
  return {
    aud: permit.resource.requested,
    iss,
    ...commonClaims(request),
    ...(permit.resource.appId === GRAPH_APP_ID ? graph : {}),
    appid: client.appId,
    appidacr: proof,
    idp: iss,
    ver: '1.0',
  }
}

function claimsV2(request: IssueRequest): object {
  const { origin, tenantId, client, proof, permit } = request
  return {
    aud: permit.resource.appId,
    iss: issuerV2(origin, tenantId),
    ...commonClaims(request),
    azp: client.appId,
    azpacr: proof,
    ver: '2.0',
  }
}

// Graph tokens always carry this one; it stands for no directory role (wire.md §6).
const NO_DIRECTORY_ROLE = '0997a1d0-0d1d-4acb-b408-d5ca73121e90'

const opaque = (bytes: number) => randomBytes(bytes).toString('base64url')
