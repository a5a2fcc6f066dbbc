import type { GraphRoute } from '../graph/permissions.ts'

type Operation = 'Add' | 'Update' | 'Delete' | 'Restore' | 'Assign' | 'Unassign'
type Target = 'Application' | 'ServicePrincipal' | 'User' | 'Group' | 'Policy' | 'Directory' | 'Role'
/** A route that reads. */
type Reading = Extract<GraphRoute, `GET ${string}`>
/** A route that changes something. */
type Changing = Exclude<GraphRoute, Reading>

/** What a change is called in the directory audit, and what shows the object that it changed. */
export interface Activity {
  readonly activity: string
  readonly category:
    | 'ApplicationManagement'
    | 'UserManagement'
    | 'GroupManagement'
    | 'Policy'
    | 'DirectoryManagement'
    | 'IdentityProtection'
    | 'RoleManagement'
  readonly operation: Operation
  readonly target: Target
  /** The route that reads what is changed, before and after; its parameter is the target's id. */
  readonly shownBy?: Reading
  /** What is linked or unlinked: of it the log has the id alone, since it may be a person. */
  readonly links?: 'Member' | 'Owner' | 'Policy'
  /** The property of the body that lists the ids of the targets, each of which gets a row of its own. */
  readonly targets?: string
  /** What the change is called for each type of target, where one route changes several. */
  readonly byType?: Readonly<Record<string, Pick<Activity, 'activity' | 'category' | 'target'>>>
}

const APPLICATION = {
  category: 'ApplicationManagement',
  operation: 'Update',
  target: 'Application',
  shownBy: 'GET /applications/:id',
} as const
const CREDENTIALS = {
  ...APPLICATION,
  activity: 'Update application – Certificates and secrets management',
} as const
const TRUST = {
  ...APPLICATION,
  activity: 'Update application',
  shownBy: 'GET /applications/:id/federatedIdentityCredentials',
} as const
const PRINCIPAL = {
  ...APPLICATION,
  target: 'ServicePrincipal',
  shownBy: 'GET /servicePrincipals/:id',
} as const
const GRANT = {
  ...PRINCIPAL,
  activity: 'Add app role assignment to service principal',
  operation: 'Assign',
  shownBy: 'GET /servicePrincipals/:id/appRoleAssignments',
} as const
const GRANT_REMOVED = {
  ...GRANT,
  activity: 'Remove app role assignment from service principal',
  operation: 'Unassign',
} as const
const GRANTED_TO = { shownBy: 'GET /servicePrincipals/:id/appRoleAssignedTo' } as const
const USER = {
  category: 'UserManagement',
  operation: 'Update',
  target: 'User',
  shownBy: 'GET /users/:id',
} as const
const GROUP = {
  category: 'GroupManagement',
  operation: 'Update',
  target: 'Group',
  shownBy: 'GET /groups/:id',
} as const

const LINKED = { operation: 'Assign' } as const
const UNLINKED = { operation: 'Unassign' } as const
const POLICY_OF_APPLICATION = {
  ...APPLICATION,
  ...LINKED,
  activity: 'Add policy to application',
  links: 'Policy',
} as const
const NO_POLICY_OF_APPLICATION = {
  ...APPLICATION,
  ...UNLINKED,
  activity: 'Remove policy from application',
  links: 'Policy',
} as const
const POLICY_OF_PRINCIPAL = {
  ...PRINCIPAL,
  ...LINKED,
  activity: 'Add policy to service principal',
  links: 'Policy',
} as const
const NO_POLICY_OF_PRINCIPAL = {
  ...PRINCIPAL,
  ...UNLINKED,
  activity: 'Remove policy from service principal',
  links: 'Policy',
} as const

const DELETED = {
  category: 'DirectoryManagement',
  target: 'Directory',
  shownBy: 'GET /directory/deletedItems/:id',
} as const
/** The names of a change to what was deleted, by the type that it has. */
const deleted = (application: string, principal: string, user: string, group: string) => ({
  '#microsoft.graph.application': named(APPLICATION, application),
  '#microsoft.graph.servicePrincipal': named(PRINCIPAL, principal),
  '#microsoft.graph.user': named(USER, user),
  '#microsoft.graph.group': named(GROUP, group),
})
const named = ({ category, target }: Pick<Activity, 'category' | 'target'>, activity: string) => ({
  activity,
  category,
  target,
})

type PolicyPath =
  | '/policies/tokenLifetimePolicies'
  | '/policies/appManagementPolicies'
  | '/identity/conditionalAccess/policies'
  | '/identity/conditionalAccess/namedLocations'
  | '/directory/certificateAuthorities/certificateBasedApplicationConfigurations'

/** The three changes of a collection of policies. */
function policies<P extends PolicyPath>(path: P, name: string) {
  const policy = (operation: 'Add' | 'Update' | 'Delete'): Activity => ({
    category: 'Policy',
    target: 'Policy',
    activity: `${operation} ${name}`,
    operation,
    shownBy: `GET ${path}/:policyId` as Reading,
  })
  return {
    [`POST ${path}`]: policy('Add'),
    [`PATCH ${path}/:policyId`]: policy('Update'),
    [`DELETE ${path}/:policyId`]: policy('Delete'),
  } as Record<`POST ${P}` | `${'PATCH' | 'DELETE'} ${P}/:policyId`, Activity>
}

const ROLE = { category: 'RoleManagement', target: 'Role' } as const
const ROLE_GIVEN = { ...ROLE, ...LINKED, activity: 'Add member to role' } as const
const ROLE_TAKEN = { ...ROLE, ...UNLINKED, activity: 'Remove member from role' } as const
const MEMBER_OF_ROLE = { shownBy: 'GET /directoryRoles/:id', links: 'Member' } as const

const RISK = {
  category: 'IdentityProtection',
  operation: 'Update',
  target: 'ServicePrincipal',
  targets: 'servicePrincipalIds',
} as const
const TENANT = { category: 'DirectoryManagement', target: 'Directory' } as const

/** The names that Entra has for changes by the directory's routes; those of tenants are the platform's own. */
export const ACTIVITIES: Readonly<Record<Changing, Activity>> = {
  'POST /users': { ...USER, activity: 'Add user', operation: 'Add' },
  'PATCH /users/:id': { ...USER, activity: 'Update user' },
  'DELETE /users/:id': { ...USER, activity: 'Delete user', operation: 'Delete' },
  'PUT /users/:id/manager/$ref': { ...USER, activity: 'Set user manager' },
  'DELETE /users/:id/manager/$ref': { ...USER, activity: 'Remove user manager' },
  'POST /groups': { ...GROUP, activity: 'Add group', operation: 'Add' },
  'PATCH /groups/:id': { ...GROUP, activity: 'Update group' },
  'DELETE /groups/:id': { ...GROUP, activity: 'Delete group', operation: 'Delete' },
  'POST /groups/:id/members/$ref': { ...GROUP, ...LINKED, activity: 'Add member to group', links: 'Member' },
  'DELETE /groups/:id/members/:memberId/$ref': {
    ...GROUP,
    ...UNLINKED,
    activity: 'Remove member from group',
    links: 'Member',
  },
  'POST /groups/:id/owners/$ref': { ...GROUP, ...LINKED, activity: 'Add owner to group', links: 'Owner' },
  'DELETE /groups/:id/owners/:ownerId/$ref': {
    ...GROUP,
    ...UNLINKED,
    activity: 'Remove owner from group',
    links: 'Owner',
  },
  'POST /applications': { ...APPLICATION, activity: 'Add application', operation: 'Add' },
  'PATCH /applications/:id': { ...APPLICATION, activity: 'Update application' },
  'DELETE /applications/:id': { ...APPLICATION, activity: 'Delete application', operation: 'Delete' },
  'POST /applications/:id/owners/$ref': {
    ...APPLICATION,
    ...LINKED,
    activity: 'Add owner to application',
    links: 'Owner',
  },
  'DELETE /applications/:id/owners/:ownerId/$ref': {
    ...APPLICATION,
    ...UNLINKED,
    activity: 'Remove owner from application',
    links: 'Owner',
  },
  'POST /applications/:id/tokenLifetimePolicies/$ref': POLICY_OF_APPLICATION,
  'DELETE /applications/:id/tokenLifetimePolicies/:policyId/$ref': NO_POLICY_OF_APPLICATION,
  'POST /applications/:id/appManagementPolicies/$ref': POLICY_OF_APPLICATION,
  'DELETE /applications/:id/appManagementPolicies/:policyId/$ref': NO_POLICY_OF_APPLICATION,
  'POST /applications/:id/addPassword': CREDENTIALS,
  'POST /applications/:id/removePassword': CREDENTIALS,
  'POST /applications/:id/addKey': CREDENTIALS,
  'POST /applications/:id/removeKey': CREDENTIALS,
  'POST /applications/:id/federatedIdentityCredentials': TRUST,
  'PATCH /applications/:id/federatedIdentityCredentials/:credentialId': TRUST,
  'DELETE /applications/:id/federatedIdentityCredentials/:credentialId': TRUST,
  'POST /servicePrincipals': { ...PRINCIPAL, activity: 'Add service principal', operation: 'Add' },
  'PATCH /servicePrincipals/:id': { ...PRINCIPAL, activity: 'Update service principal' },
  'DELETE /servicePrincipals/:id': {
    ...PRINCIPAL,
    activity: 'Remove service principal',
    operation: 'Delete',
  },
  'POST /servicePrincipals/:id/owners/$ref': {
    ...PRINCIPAL,
    ...LINKED,
    activity: 'Add owner to service principal',
    links: 'Owner',
  },
  'DELETE /servicePrincipals/:id/owners/:ownerId/$ref': {
    ...PRINCIPAL,
    ...UNLINKED,
    activity: 'Remove owner from service principal',
    links: 'Owner',
  },
  'POST /servicePrincipals/:id/tokenLifetimePolicies/$ref': POLICY_OF_PRINCIPAL,
  'DELETE /servicePrincipals/:id/tokenLifetimePolicies/:policyId/$ref': NO_POLICY_OF_PRINCIPAL,
  'POST /servicePrincipals/:id/appManagementPolicies/$ref': POLICY_OF_PRINCIPAL,
  'DELETE /servicePrincipals/:id/appManagementPolicies/:policyId/$ref': NO_POLICY_OF_PRINCIPAL,
  'POST /servicePrincipals/:id/addPassword': { ...PRINCIPAL, activity: 'Add service principal credentials' },
  'POST /servicePrincipals/:id/addTokenSigningCertificate': {
    ...PRINCIPAL,
    activity: 'Add service principal credentials',
  },
  'POST /servicePrincipals/:id/removePassword': {
    ...PRINCIPAL,
    activity: 'Remove service principal credentials',
  },
  'POST /servicePrincipals/:id/addKey': { ...PRINCIPAL, activity: 'Add service principal credentials' },
  'POST /servicePrincipals/:id/removeKey': { ...PRINCIPAL, activity: 'Remove service principal credentials' },
  'POST /servicePrincipals/:id/appRoleAssignments': GRANT,
  'DELETE /servicePrincipals/:id/appRoleAssignments/:assignmentId': GRANT_REMOVED,
  'POST /servicePrincipals/:id/appRoleAssignedTo': { ...GRANT, ...GRANTED_TO },
  'DELETE /servicePrincipals/:id/appRoleAssignedTo/:assignmentId': { ...GRANT_REMOVED, ...GRANTED_TO },
  'POST /directory/deletedItems/:id/restore': {
    ...DELETED,
    activity: 'Restore deleted item',
    operation: 'Restore',
    byType: deleted('Restore application', 'Restore service principal', 'Restore user', 'Restore Group'),
  },
  'DELETE /directory/deletedItems/:id': {
    ...DELETED,
    activity: 'Hard Delete deleted item',
    operation: 'Delete',
    byType: deleted(
      'Hard Delete application',
      'Hard delete service principal',
      'Hard Delete user',
      'Hard Delete group',
    ),
  },
  ...policies('/policies/tokenLifetimePolicies', 'policy'),
  ...policies('/policies/appManagementPolicies', 'policy'),
  ...policies('/identity/conditionalAccess/policies', 'conditional access policy'),
  ...policies('/identity/conditionalAccess/namedLocations', 'named location'),
  ...policies(
    '/directory/certificateAuthorities/certificateBasedApplicationConfigurations',
    'certificate based application configuration',
  ),
  'POST /directoryRoles/:id/members/$ref': { ...ROLE_GIVEN, ...MEMBER_OF_ROLE },
  'DELETE /directoryRoles/:id/members/:memberId/$ref': { ...ROLE_TAKEN, ...MEMBER_OF_ROLE },
  'POST /roleManagement/directory/roleAssignments': ROLE_GIVEN,
  'DELETE /roleManagement/directory/roleAssignments/:id': {
    ...ROLE_TAKEN,
    shownBy: 'GET /roleManagement/directory/roleAssignments/:id',
  },
  'PATCH /policies/defaultAppManagementPolicy': {
    category: 'Policy',
    target: 'Policy',
    activity: 'Update policy',
    operation: 'Update',
    shownBy: 'GET /policies/defaultAppManagementPolicy',
  },
  'POST /identityProtection/riskyServicePrincipals/confirmCompromised': {
    ...RISK,
    activity: 'Confirm service principal compromised',
  },
  'POST /identityProtection/riskyServicePrincipals/dismiss': {
    ...RISK,
    activity: 'Dismiss service principal risk',
  },
  'POST /tomte/signingKeys': { ...TENANT, activity: 'Rotate token signing key', operation: 'Update' },
  'POST /tomte/tenants': { ...TENANT, activity: 'Add tenant', operation: 'Add' },
  'PATCH /tomte/tenants/:tenant': {
    ...TENANT,
    activity: 'Update tenant',
    operation: 'Update',
    shownBy: 'GET /tomte/tenants/:tenant',
  },
  'POST /tomte/tenants/:tenant/domains': { ...TENANT, activity: 'Add verified domain', operation: 'Update' },
  'POST /tomte/tenants/:tenant/accounts': {
    category: 'UserManagement',
    target: 'User',
    activity: 'Add portal account',
    operation: 'Add',
  },
}

/** The name of a change. Reading is no change. */
export const activityOf = (route: GraphRoute): Activity | undefined =>
  (ACTIVITIES as Readonly<Partial<Record<GraphRoute, Activity>>>)[route]
