import { X509Certificate } from 'node:crypto'
import type { SigningKeys } from '../discovery/signing-keys.ts'
import { badRequest } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import type { CredentialCall } from './credential-owner.ts'
import { GRAPH_TENANT_ID } from './graph-application.ts'
import { requireOwned } from './owned.ts'
import { findServicePrincipal } from './service-principals.ts'
import { certificatesOf, signingCertificateObject } from './signing-certificates.ts'

/** A call that makes a key. */
export interface SigningCall extends CredentialCall {
  readonly keys: SigningKeys
}

const CERTIFICATES_MAX = 10
const YEARS_3_MS = 3 * 365 * 24 * 60 * 60 * 1000
const NAME = /^CN=[A-Za-z0-9 ._-]{1,200}$/

/**
 * Makes a key that may sign the tokens for this service principal as their resource, with a self-signed certificate. It signs
 * once `preferredTokenSigningKeyThumbprint` names it (Graph, `addTokenSigningCertificate`; wire.md §7).
 *
 * @throws GraphError 404, 403, 400.
 */
export async function addTokenSigningCertificate(
  call: SigningCall,
  id: string,
  body: unknown,
): Promise<object> {
  return call.db.transaction().execute(async (db) => {
    const principal = await findServicePrincipal({ ...call, db }, id)
    await requireOwned({ ...call, db }, { objectId: principal.id, appId: principal.appId })
    if (principal.homeTenantId === GRAPH_TENANT_ID)
      throw badRequest('The tokens for this resource are signed with the key of the platform.')
    const { displayName, endDateTime = null, ...others } = bodyObject(body)
    const [other] = Object.keys(others).filter((name) => !name.startsWith('@odata.'))
    if (other !== undefined) throw badRequest(`Invalid property '${other.slice(0, 100)}'.`)
    if (typeof displayName !== 'string' || !NAME.test(displayName))
      throw badRequest("Property 'displayName' must be 'CN=' and 1 to 200 letters, digits, blanks and . _ -")
    const endAtMs = endOf(endDateTime, call.nowMs)
    const registered = await certificatesOf(db, [principal.id])
    if (registered.length >= CERTIFICATES_MAX)
      throw badRequest(`A service principal may have at most ${CERTIFICATES_MAX} token signing certificates.`)
    const wanted = { servicePrincipalId: principal.id, commonName: displayName.slice(3), endAtMs }
    const row = await call.keys.own.make(db, wanted)
    const key = new X509Certificate(row.certificate).raw.toString('base64')
    return { ...signingCertificateObject(row), key, thumbprint: row.thumbprint_sha1 }
  })
}

function endOf(sent: unknown, nowMs: number): number {
  if (sent === null) return nowMs + YEARS_3_MS
  const endAtMs = typeof sent === 'string' ? Date.parse(sent) : Number.NaN
  if (endAtMs > nowMs && endAtMs <= nowMs + YEARS_3_MS) return endAtMs
  throw badRequest("Property 'endDateTime' must be a time within three years from now.")
}
