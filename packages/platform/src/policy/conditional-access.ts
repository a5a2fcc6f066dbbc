import type { Database } from '../store/database.ts'
import type { ConditionalAccessPolicy, RiskLevel } from './conditional-access-policy.ts'
import { type Location, locationOf } from './named-location.ts'
import type { PolicyBody } from './policies.ts'

/** A policy that is switched on or only reported, by its id. */
export interface ActivePolicy extends ConditionalAccessPolicy {
  readonly id: string
}

/** All that Conditional Access needs to know of a tenant. */
export interface AccessRules {
  readonly policies: readonly ActivePolicy[]
  readonly locations: readonly Location[]
}

/** Reads the policies of a tenant that are not switched off, and its named locations. */
export async function readAccessRules(db: Database, tenantId: string): Promise<AccessRules> {
  const rows = await db
    .selectFrom('policy')
    .select(['id', 'kind', 'body'])
    .where('tenant_id', '=', tenantId)
    .where('kind', 'in', ['conditionalAccessPolicies', 'namedLocations'])
    .orderBy('id')
    .execute()
  const policies = rows
    .filter(({ kind }) => kind === 'conditionalAccessPolicies')
    .map(({ id, body }) => ({ id, ...(JSON.parse(body) as ConditionalAccessPolicy) }))
  return {
    policies: policies.filter(({ state }) => state !== 'disabled'),
    locations: rows
      .filter(({ kind }) => kind === 'namedLocations')
      .map(({ id, body }) => locationOf(id, JSON.parse(body) as PolicyBody)),
  }
}

/** Who asks for a token, for which API, and from where. */
export interface AccessRequest {
  readonly servicePrincipalId: string
  /** Policies are for applications that are of this tenant alone; managed identities and guests are let be. */
  readonly isGoverned: boolean
  readonly resourceAppId: string
  readonly ipAddress: string
  readonly risk: RiskLevel
}

/** A policy that applied to a request, and what came of it: `failure` is a block, the other is only told (Graph's words). */
export interface AppliedPolicy {
  readonly id: string
  readonly displayName: string
  readonly result: 'failure' | 'reportOnlyFailure'
}

/** Lists the policies that apply to a request; one `failure` is enough to refuse it (wire.md §8, 53003). */
export function applyPolicies(
  { policies, locations }: AccessRules,
  request: AccessRequest,
): readonly AppliedPolicy[] {
  if (!request.isGoverned) return []
  return policies
    .filter((policy) => applies(policy, locations, request))
    .map(({ id, displayName, state }) => ({
      id,
      displayName,
      result: state === 'enabled' ? 'failure' : 'reportOnlyFailure',
    }))
}

function applies(
  { conditions }: ConditionalAccessPolicy,
  known: readonly Location[],
  { servicePrincipalId, resourceAppId, ipAddress, risk }: AccessRequest,
): boolean {
  const { applications, clientApplications, locations, servicePrincipalRiskLevels: risks } = conditions
  const { includeServicePrincipals, excludeServicePrincipals } = clientApplications
  const isClient =
    names(includeServicePrincipals, [servicePrincipalId, 'ServicePrincipalsInMyTenant']) &&
    !names(excludeServicePrincipals, [servicePrincipalId, 'ServicePrincipalsInMyTenant'])
  const isResource =
    names(applications.includeApplications, [resourceAppId, 'All']) &&
    !names(applications.excludeApplications, [resourceAppId])
  if (!isClient || !isResource) return false
  if (risks.length > 0 && !risks.includes(risk)) return false
  if (!locations) return true
  const places = placesOf(ipAddress, known)
  return names(locations.includeLocations, places) && !names(locations.excludeLocations, places)
}

/** Everything by which a policy may mean the place that an address is in. */
function placesOf(ipAddress: string, known: readonly Location[]): readonly string[] {
  const here = known.filter((location) => location.includes(ipAddress))
  const trusted = here.some(({ isTrusted }) => isTrusted) ? ['AllTrusted'] : []
  return ['All', ...trusted, ...here.map(({ id }) => id)]
}

const names = (list: readonly string[], any: readonly string[]): boolean =>
  list.some((name) => any.some((one) => one.toLowerCase() === name.toLowerCase()))
