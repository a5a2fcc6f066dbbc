import { issuerV2 } from '../discovery/metadata.ts'
import { isSignedBy, type Jwt } from '../jwt.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { checkTime } from './assertion-time.ts'
import type { Client } from './client.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { IssuerUnreachable } from './issuer-network.ts'
import { TokenRefusal } from './refusal.ts'

/** An assertion that another identity provider has issued. */
export interface FederatedProof {
  readonly assertion: Jwt
  readonly iss: string
  readonly sub: string
  readonly client: Client
  readonly issuers: IssuerKeys
  readonly nowMs: number
}

const UNPROVEN = 'failed signature validation'

interface Trust {
  readonly id: string
  readonly issuer: string
  readonly subject: string
  readonly audience: string
}

/**
 * Checks an assertion of another identity provider against the federated credentials of the application: issuer, subject
 * and audience letter by letter, then the signature with the issuer's own keys (RFC 7523 §3, wire.md §5). Only an issuer that
 * a credential names is ever asked for its keys. An assertion may be used again until it expires: its file on a disk is
 * read by every request.
 *
 * @throws TokenRefusal 700021, 700211, 700213, 700212, 7002138, 5002730, 50166, 50013, 700229, 700024.
 */
export async function proveByFederation(cache: ReadCache, proof: FederatedProof): Promise<string> {
  const { assertion, iss, client, issuers, nowMs } = proof
  const trusts = await cache.read(`trusts ${client.id}`, (db) =>
    db
      .selectFrom('federated_credential')
      .select(['id', 'issuer', 'subject', 'audience'])
      .where('application_id', '=', client.id)
      .execute(),
  )
  const { id } = requireTrust(trusts, proof)
  const { alg, crit, kid } = assertion.header
  if (alg !== 'RS256' || crit !== undefined) throw new TokenRefusal(5002730)
  const key = await findKey(issuers, iss, typeof kid === 'string' ? kid : '')
  if (!key) throw new TokenRefusal(50013, { fault: UNPROVEN, reason: 'The key was not found.' })
  if (!isSignedBy(assertion, key))
    throw new TokenRefusal(50013, {
      fault: UNPROVEN,
      reason: 'The provided signature value did not match the expected signature value.',
    })
  if (issuers.isOwn(iss)) await requireManagedIdentity(cache, proof)
  checkTime(assertion.claims, nowMs)
  return id
}

/**
 * Of this platform's own tokens, those of user-assigned managed identities of the application's home tenant alone prove
 * another application (wire.md §5): any other service principal has credentials of its own, and would lend them.
 */
async function requireManagedIdentity(
  cache: ReadCache,
  { iss, sub, client: { homeTenantId } }: FederatedProof,
): Promise<void> {
  const found = await cache.read(`user-assigned ${homeTenantId} ${sub}`, (db) =>
    db
      .selectFrom('managed_identity')
      .innerJoin('service_principal', 'service_principal.id', 'managed_identity.principal_id')
      .select('service_principal.id')
      .where('service_principal.id', '=', sub)
      .where('service_principal.tenant_id', '=', homeTenantId)
      .where('managed_identity.kind', '=', 'user')
      .executeTakeFirst(),
  )
  if (!found || !iss.endsWith(issuerV2('', homeTenantId)))
    throw new TokenRefusal(700229, {
      reason: 'The subject must be a user-assigned managed identity of the application’s own tenant.',
    })
}

function requireTrust(trusts: readonly Trust[], { assertion, iss, sub }: FederatedProof): Trust {
  const ofIssuer = trusts.filter(({ issuer }) => issuer === iss)
  if (ofIssuer.length === 0) throw otherIssuer(trusts, iss)
  const ofSubject = ofIssuer.filter(({ subject }) => subject === sub)
  if (ofSubject.length === 0) {
    const near = ofIssuer.find(({ subject }) => fold(subject) === fold(sub))
    throw near
      ? new TokenRefusal(7002138, { claim: 'subject', found: sub, expected: near.subject })
      : new TokenRefusal(700213, { subject: sub })
  }
  // Kubernetes writes the audience as a list, which may have one entry alone (wire.md §5).
  const { aud } = assertion.claims
  const [audience, ...others] = Array.isArray(aud) ? (aud as readonly unknown[]) : [aud]
  const trust = ofSubject.find((one) => one.audience === audience)
  if (others.length > 0 || !trust)
    throw new TokenRefusal(700212, { audience: [audience, ...others].filter(isText).join(' ') })
  return trust
}

function otherIssuer(trusts: readonly Trust[], iss: string): TokenRefusal {
  const near = trusts.find(({ issuer }) => fold(issuer) === fold(iss))
  if (near) return new TokenRefusal(7002138, { claim: 'issuer', found: iss, expected: near.issuer })
  return URL.canParse(iss) ? new TokenRefusal(700211, { issuer: iss }) : new TokenRefusal(700021)
}

const fold = (text: string) => text.toLowerCase()
const isText = (value: unknown) => typeof value === 'string'

async function findKey(issuers: IssuerKeys, issuer: string, kid: string) {
  try {
    return await issuers.find(issuer, kid)
  } catch (error) {
    if (error instanceof IssuerUnreachable) throw new TokenRefusal(50166, { reason: error.message })
    throw error
  }
}
