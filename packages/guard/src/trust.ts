import type { Algorithm } from './algorithms.ts'
import { GUID, TENANT_TEMPLATE, type TokenKind, type TrustedIssuer } from './issuers.ts'
import type { JsonObject } from './json-object.ts'
import type { KeySource } from './keys/source.ts'
import { GuardRefusal } from './refusal.ts'
import { quotedClaim, textClaim } from './text-claim.ts'

/** What is known of the issuer that a token names. */
export interface Trust {
  readonly issuer: string
  readonly kind: TokenKind
  readonly tenants: ReadonlySet<string> | undefined
  readonly keys: KeySource
  readonly algorithms: ReadonlySet<Algorithm>
  readonly rolesFrom: 'roles' | 'scope'
  /** What stands before and after the tenant's id, where the issuer is a template. */
  readonly around: readonly [before: string, after: string] | undefined
  /** The one tenant of an issuer of Entra's that is no template. */
  readonly onlyTenant: string | undefined
}

/** Whose token it claims to be: decides by which keys and rules it is judged, before its signature is. */
export interface Origin {
  readonly trust: Trust
  /** `iss`, to the letter. */
  readonly issuer: string
  /** `tid`, bound to the issuer; of an issuer without tenants, the issuer itself. */
  readonly tenantId: string
}

/** Says whose token it claims to be; pure. @throws GuardRefusal claim_missing, claim_malformed, issuer_invalid, tenant_unaccepted. */
export type OriginOf = (claims: JsonObject) => Origin

/** Makes the function that finds a token's issuer among those that are trusted. @throws TypeError on one that cannot be bound. */
export function originFinder(issuers: readonly TrustedIssuer[]): OriginOf {
  const trusts = issuers.map(trusted)
  const exact = new Map(trusts.filter(({ around }) => !around).map((trust) => [trust.issuer, trust]))
  const templates = trusts.filter(({ around }) => around)
  const find: OriginOf = (claims) => {
    const issuer = textClaim(claims, 'iss')
    const trust = exact.get(issuer)
    if (trust && !isEntra(trust.kind)) return { trust, issuer, tenantId: issuer }
    const tenantId = templates.length > 0 || trust ? textClaim(claims, 'tid') : ''
    const found = trust ?? templates.find(({ around }) => around && isBound(issuer, around, tenantId))
    // A tenant of the list has the form of one.
    const isTenant = found?.tenants?.has(tenantId) || GUID.test(tenantId)
    if (!found || !isTenant || (trust && trust.onlyTenant !== tenantId)) {
      const bound = tenantId === '' ? '' : `, or does not belong to tenant ${quotedClaim(tenantId)}`
      throw new GuardRefusal('issuer_invalid', `issuer ${quotedClaim(issuer)} is not trusted${bound}`)
    }
    if (found.tenants && !found.tenants.has(tenantId))
      throw new GuardRefusal('tenant_unaccepted', `tenant ${tenantId} is not on the list`)
    return { trust: found, issuer, tenantId }
  }
  // Most tokens are of the tenant that the one before was of.
  let last: { readonly iss: unknown; readonly tid: unknown; readonly origin: Origin } | undefined
  return (claims) => {
    const [iss, tid] = [claims['iss'], claims['tid']]
    if (last && iss === last.iss && tid === last.tid) return last.origin
    const origin = find(claims)
    last = { iss, tid, origin }
    return origin
  }
}

const isEntra = (kind: TokenKind): boolean => kind === '1.0' || kind === '2.0'

/** Whether the issuer is the template with this tenant's id in it. */
const isBound = (issuer: string, [before, after]: readonly [string, string], tenantId: string): boolean =>
  issuer.length === before.length + tenantId.length + after.length &&
  issuer.startsWith(before) &&
  issuer.endsWith(after) &&
  issuer.startsWith(tenantId, before.length)

function trusted({ issuer, kind, tenants, keys, algorithms, rolesFrom = 'roles' }: TrustedIssuer): Trust {
  const [before = '', after, ...more] = issuer.split(TENANT_TEMPLATE)
  const around = after === undefined ? undefined : ([before, after] as const)
  const onlyTenant = around || !isEntra(kind) ? undefined : URL.parse(issuer)?.pathname.split('/')[1]
  const named = tenants?.find((tenant) => !GUID.test(tenant))
  if (named !== undefined)
    throw new TypeError(`Cannot trust tenant '${named}', as a GUID in lower case is needed`)
  const unbound = more.length > 0 || (onlyTenant !== undefined && !GUID.test(onlyTenant))
  if (unbound || (around && !isEntra(kind)) || (isEntra(kind) && !around && onlyTenant === undefined))
    throw new TypeError(
      `Cannot trust issuer '${issuer}' of kind ${kind}, as a tenant is bound by one ${TENANT_TEMPLATE}, or by its id as the path's first part, in tokens of Entra, and in no others`,
    )
  return {
    issuer,
    kind,
    tenants: tenants && new Set(tenants),
    keys,
    algorithms: new Set(algorithms ?? ['RS256']),
    rolesFrom,
    around,
    onlyTenant,
  }
}
