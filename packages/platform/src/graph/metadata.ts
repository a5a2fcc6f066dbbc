import type { GraphRoute } from './permissions.ts'
import { textOf } from './query.ts'

/** Routes that answer with a JSON body; the others answer 204, or a plain number. */
type Described = Exclude<
  GraphRoute,
  `${'DELETE' | 'PATCH' | 'PUT'} ${string}` | `${string}/$ref` | `${string}/$count`
>

const NOTHING = undefined

/**
 * What the body of each route is, as `@odata.context` names it behind `$metadata#`: Graph's own words, as its documentation and
 * answers have them. `:name` is a parameter of the route. Routes of this platform alone have none.
 */
const CONTEXTS = {
  'GET /organization': 'organization',
  'GET /users': 'users',
  'GET /users/delta': 'users',
  'POST /users': 'users/$entity',
  'GET /users/:id': 'users/$entity',
  'GET /users/:id/manager': 'directoryObjects/$entity',
  'GET /users/:id/directReports': 'directoryObjects',
  'GET /users/:id/memberOf': 'directoryObjects',
  'GET /users/:id/memberOf/microsoft.graph.group': 'groups',
  'GET /users/:id/transitiveMemberOf': 'directoryObjects',
  'GET /users/:id/transitiveMemberOf/microsoft.graph.group': 'groups',
  'GET /users/:id/ownedObjects': 'directoryObjects',
  'GET /groups': 'groups',
  'POST /groups': 'groups/$entity',
  'GET /groups/delta': 'groups',
  'GET /groups/:id': 'groups/$entity',
  'GET /groups/:id/members': 'directoryObjects',
  'GET /groups/:id/members/microsoft.graph.user': 'users',
  'GET /groups/:id/members/microsoft.graph.group': 'groups',
  'GET /groups/:id/transitiveMembers': 'directoryObjects',
  'GET /groups/:id/transitiveMembers/microsoft.graph.user': 'users',
  'GET /groups/:id/memberOf': 'directoryObjects',
  'GET /groups/:id/transitiveMemberOf': 'directoryObjects',
  'GET /groups/:id/owners': 'directoryObjects',
  'GET /applications': 'applications',
  'POST /applications': 'applications/$entity',
  'GET /applications/:id': 'applications/$entity',
  'GET /applications/:id/owners': 'directoryObjects',
  'GET /applications/:id/tokenLifetimePolicies': 'Collection(microsoft.graph.tokenLifetimePolicy)',
  'GET /applications/:id/appManagementPolicies': 'Collection(microsoft.graph.appManagementPolicy)',
  'POST /applications/:id/addPassword': 'microsoft.graph.passwordCredential',
  'POST /applications/:id/removePassword': NOTHING,
  'POST /applications/:id/addKey': 'microsoft.graph.keyCredential',
  'POST /applications/:id/removeKey': NOTHING,
  'GET /applications/:id/federatedIdentityCredentials': "applications(':id')/federatedIdentityCredentials",
  'POST /applications/:id/federatedIdentityCredentials':
    "applications(':id')/federatedIdentityCredentials/$entity",
  'GET /applications/:id/federatedIdentityCredentials/:credentialId':
    "applications(':id')/federatedIdentityCredentials/$entity",
  'GET /servicePrincipals': 'servicePrincipals',
  'POST /servicePrincipals': 'servicePrincipals/$entity',
  'GET /servicePrincipals/:id': 'servicePrincipals/$entity',
  'GET /servicePrincipals/:id/owners': 'directoryObjects',
  'GET /servicePrincipals/:id/tokenLifetimePolicies': 'Collection(microsoft.graph.tokenLifetimePolicy)',
  'GET /servicePrincipals/:id/appManagementPolicies': 'Collection(microsoft.graph.appManagementPolicy)',
  'POST /servicePrincipals/:id/addPassword': 'microsoft.graph.passwordCredential',
  'POST /servicePrincipals/:id/removePassword': NOTHING,
  'POST /servicePrincipals/:id/addTokenSigningCertificate': 'microsoft.graph.selfSignedCertificate',
  'POST /servicePrincipals/:id/addKey': 'microsoft.graph.keyCredential',
  'POST /servicePrincipals/:id/removeKey': NOTHING,
  'GET /servicePrincipals/:id/appRoleAssignments': 'appRoleAssignments',
  'POST /servicePrincipals/:id/appRoleAssignments': 'appRoleAssignments/$entity',
  'GET /servicePrincipals/:id/appRoleAssignedTo': 'appRoleAssignments',
  'POST /servicePrincipals/:id/appRoleAssignedTo': 'appRoleAssignments/$entity',
  'GET /servicePrincipals/:id/oauth2PermissionGrants': 'oauth2PermissionGrants',
  'GET /oauth2PermissionGrants': 'oauth2PermissionGrants',
  'GET /directoryRoles': 'directoryRoles',
  'GET /directoryRoles/:id': 'directoryRoles/$entity',
  'GET /directoryRoles/:id/members': 'directoryObjects',
  'GET /roleManagement/directory/roleDefinitions': 'roleManagement/directory/roleDefinitions',
  'GET /roleManagement/directory/roleDefinitions/:id': 'roleManagement/directory/roleDefinitions/$entity',
  'GET /roleManagement/directory/roleAssignments': 'roleManagement/directory/roleAssignments',
  'POST /roleManagement/directory/roleAssignments': 'roleManagement/directory/roleAssignments/$entity',
  'GET /roleManagement/directory/roleAssignments/:id': 'roleManagement/directory/roleAssignments/$entity',
  'GET /directory/deletedItems/microsoft.graph.application': 'applications',
  'GET /directory/deletedItems/microsoft.graph.servicePrincipal': 'servicePrincipals',
  'GET /directory/deletedItems/microsoft.graph.user': 'users',
  'GET /directory/deletedItems/microsoft.graph.group': 'groups',
  'GET /directory/deletedItems/:id': 'directoryObjects/$entity',
  'POST /directory/deletedItems/:id/restore': 'directoryObjects/$entity',
  'GET /directory/certificateAuthorities/certificateBasedApplicationConfigurations':
    'directory/certificateAuthorities/certificateBasedApplicationConfigurations',
  'POST /directory/certificateAuthorities/certificateBasedApplicationConfigurations':
    'directory/certificateAuthorities/certificateBasedApplicationConfigurations/$entity',
  'GET /directory/certificateAuthorities/certificateBasedApplicationConfigurations/:policyId':
    'directory/certificateAuthorities/certificateBasedApplicationConfigurations/$entity',
  'GET /policies/tokenLifetimePolicies': 'policies/tokenLifetimePolicies',
  'POST /policies/tokenLifetimePolicies': 'policies/tokenLifetimePolicies/$entity',
  'GET /policies/tokenLifetimePolicies/:policyId': 'policies/tokenLifetimePolicies/$entity',
  'GET /policies/appManagementPolicies': 'policies/appManagementPolicies',
  'POST /policies/appManagementPolicies': 'policies/appManagementPolicies/$entity',
  'GET /policies/appManagementPolicies/:policyId': 'policies/appManagementPolicies/$entity',
  'GET /identity/conditionalAccess/policies': 'identity/conditionalAccess/policies',
  'POST /identity/conditionalAccess/policies': 'identity/conditionalAccess/policies/$entity',
  'GET /identity/conditionalAccess/policies/:policyId': 'identity/conditionalAccess/policies/$entity',
  'GET /identity/conditionalAccess/namedLocations': 'identity/conditionalAccess/namedLocations',
  'POST /identity/conditionalAccess/namedLocations': 'identity/conditionalAccess/namedLocations/$entity',
  'GET /identity/conditionalAccess/namedLocations/:policyId':
    'identity/conditionalAccess/namedLocations/$entity',
  'GET /policies/defaultAppManagementPolicy': 'policies/defaultAppManagementPolicy/$entity',
  'GET /identityProtection/riskyServicePrincipals': 'identityProtection/riskyServicePrincipals',
  'GET /identityProtection/riskyServicePrincipals/:id': 'identityProtection/riskyServicePrincipals/$entity',
  'POST /identityProtection/riskyServicePrincipals/confirmCompromised': NOTHING,
  'POST /identityProtection/riskyServicePrincipals/dismiss': NOTHING,
  'POST /tomte/signingKeys': NOTHING,
  'GET /tomte/tenants': NOTHING,
  'POST /tomte/tenants': NOTHING,
  'GET /tomte/tenants/:tenant': NOTHING,
  'POST /tomte/tenants/:tenant/domains': NOTHING,
  'POST /tomte/tenants/:tenant/accounts': NOTHING,
  'GET /auditLogs/signIns': 'auditLogs/signIns',
  'GET /auditLogs/signIns/:id': 'auditLogs/signIns/$entity',
  'GET /auditLogs/directoryAudits': 'auditLogs/directoryAudits',
  'GET /auditLogs/directoryAudits/:id': 'auditLogs/directoryAudits/$entity',
} as const satisfies Record<Described, string | undefined>

const known: Readonly<Record<string, string | undefined>> = CONTEXTS

/** What an answer is described by, beside its route. */
export interface AskedFor {
  readonly params: Readonly<Record<string, string>>
  readonly query: unknown
  /** The `$select` of the first request, for those that follow a link. */
  readonly selected?: string | undefined
}

/** What `@odata.context` says behind `$metadata#`; `undefined` if Graph has none of it for this route. */
export function contextOf(route: GraphRoute, { params, query, selected }: AskedFor): string | undefined {
  const context = known[route]
  if (context === undefined) return undefined
  const { $select: select = selected, $expand: expand } = (query ?? {}) as Readonly<Record<string, unknown>>
  const projected = route.startsWith('GET') ? projection(textOf(select), textOf(expand)) : ''
  const [set = '', entity] = context.split('/$entity')
  const named = set.includes(':id') ? set.replace(':id', keyOf(params['id'] ?? '')) : set
  return `${named}${projected}${entity === undefined ? '' : '/$entity'}`
}

/** The key of a registration, which may be its application's id: `appId:x` here, `appId='x'` in Graph. */
const keyOf = (id: string) => encodeURIComponent(id.replace(':', '='))

/** What `$select` and `$expand` leave of an object, such as `(id,manager(displayName))`; the route has read both before. */
function projection(select: string, expand: string): string {
  if (select === '' && expand === '') return ''
  const names = select === '' ? [] : [...new Set(select.split(',').map((name) => name.trim()))]
  const [, relationship = '', inner = ''] = /^\s*(\w+)(?:\(\s*\$select=([\w,\s]+)\))?\s*$/.exec(expand) ?? []
  const expanded = relationship === '' ? [] : [`${relationship}(${inner.replaceAll(/\s/g, '')})`]
  return `(${[...names, ...expanded].join(',')})`
}

/** Whether an `Accept` asks for no metadata (OData JSON 4.01 §3.1.3); `full` is answered like `minimal`, as `minimal` is by default. */
export const wantsNoMetadata = (accept: unknown): boolean =>
  typeof accept === 'string' && /;\s*odata(?:\.metadata)?=none\b/i.test(accept)

/** A body without what an application that asked for no metadata does not want: counts and links remain. */
export function withoutMetadata(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMetadata)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) =>
      DROPPED.test(name) ? [] : [[name, withoutMetadata(inner)]],
    ),
  )
}

const DROPPED = /@odata\.(?:context|type|id|etag|editLink)$/
