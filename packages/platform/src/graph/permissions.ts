import type { GraphRole } from '../registration/graph-application.ts'

const READ_USERS: readonly GraphRole[] = [
  'User.Read.All',
  'User.ReadWrite.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
]
const WRITE_USERS: readonly GraphRole[] = ['User.ReadWrite.All', 'Directory.ReadWrite.All']
// Whoever may write the directory may delete neither users nor groups, says the permission itself.
const DELETE_USERS: readonly GraphRole[] = ['User.ReadWrite.All']
const DELETE_GROUPS: readonly GraphRole[] = ['Group.ReadWrite.All']
const READ_GROUPS: readonly GraphRole[] = [
  'GroupMember.Read.All',
  'Group.Read.All',
  'GroupMember.ReadWrite.All',
  'Group.ReadWrite.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
]
const CREATE_GROUPS: readonly GraphRole[] = ['Group.Create', 'Group.ReadWrite.All', 'Directory.ReadWrite.All']
const WRITE_GROUPS: readonly GraphRole[] = ['Group.ReadWrite.All', 'Directory.ReadWrite.All']
const WRITE_MEMBERS: readonly GraphRole[] = [
  'GroupMember.ReadWrite.All',
  'Group.ReadWrite.All',
  'Directory.ReadWrite.All',
]
const READ_APPLICATIONS: readonly GraphRole[] = [
  'Application.Read.All',
  'Application.ReadWrite.OwnedBy',
  'Application.ReadWrite.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
]
// The route itself looks whether the application is the caller's own.
const WRITE_APPLICATIONS: readonly GraphRole[] = [
  'Application.ReadWrite.OwnedBy',
  'Application.ReadWrite.All',
]
const READ_GRANTS = READ_APPLICATIONS.filter((role) => role !== 'Application.ReadWrite.OwnedBy')
const READ_LOGS: readonly GraphRole[] = ['AuditLog.Read.All']
const WRITE_ASSIGNMENTS: readonly GraphRole[] = ['AppRoleAssignment.ReadWrite.All']
const READ_ROLES: readonly GraphRole[] = [
  'RoleManagement.Read.Directory',
  'Directory.Read.All',
  'RoleManagement.ReadWrite.Directory',
  'Directory.ReadWrite.All',
]
// Whoever gives roles can give any of them: writing the directory is not enough.
const WRITE_ROLES: readonly GraphRole[] = ['RoleManagement.ReadWrite.Directory']
// The route itself looks whether the role is one for what was deleted.
const READ_DELETED: readonly GraphRole[] = [
  'User.Read.All',
  'Group.Read.All',
  'Application.Read.All',
  'User.ReadWrite.All',
  'Group.ReadWrite.All',
  'Application.ReadWrite.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
]
const READ_DELETED_GROUPS: readonly GraphRole[] = [
  'Group.Read.All',
  'Group.ReadWrite.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
]
const READ_DELETED_APPLICATIONS = READ_GRANTS
const WRITE_DELETED: readonly GraphRole[] = [
  'User.ReadWrite.All',
  'Group.ReadWrite.All',
  'Application.ReadWrite.All',
]
const READ_POLICIES: readonly GraphRole[] = ['Policy.Read.All', 'Policy.ReadWrite.ApplicationConfiguration']
const WRITE_POLICIES: readonly GraphRole[] = ['Policy.ReadWrite.ApplicationConfiguration']
const READ_ACCESS: readonly GraphRole[] = ['Policy.Read.All', 'Policy.ReadWrite.ConditionalAccess']
const WRITE_ACCESS: readonly GraphRole[] = ['Policy.ReadWrite.ConditionalAccess']
const RISK: readonly GraphRole[] = ['IdentityRiskyServicePrincipal.ReadWrite.All']
const READ_AUTHORITIES: readonly GraphRole[] = [
  'Directory.Read.All',
  'Directory.ReadWrite.All',
  'Organization.ReadWrite.All',
]
// Whoever adds an authority speaks for every application that trusts its subjects, so that writing the directory is not enough.
const WRITE_AUTHORITIES: readonly GraphRole[] = ['Organization.ReadWrite.All']
// The route itself looks whether the caller is the operator: the role alone is not enough.
const TENANTS: readonly GraphRole[] = ['Organization.ReadWrite.All']

/**
 * Who may call what: any one of the roles is enough, the least privileged first. Keys are rolled by 'any application', since
 * it is the proof in the body that lets it (wire.md §13.2).
 */
export const PERMISSIONS = {
  'GET /organization': READ_USERS,
  'GET /users': READ_USERS,
  'GET /users/$count': READ_USERS,
  'GET /users/delta': READ_USERS,
  'POST /users': WRITE_USERS,
  'GET /users/:id': READ_USERS,
  'PATCH /users/:id': WRITE_USERS,
  'DELETE /users/:id': DELETE_USERS,
  'GET /users/:id/manager': READ_USERS,
  'PUT /users/:id/manager/$ref': WRITE_USERS,
  'DELETE /users/:id/manager/$ref': WRITE_USERS,
  'GET /users/:id/directReports': READ_USERS,
  'GET /users/:id/memberOf': READ_GROUPS,
  'GET /users/:id/memberOf/$count': READ_GROUPS,
  'GET /users/:id/memberOf/microsoft.graph.group': READ_GROUPS,
  'GET /users/:id/transitiveMemberOf': READ_GROUPS,
  'GET /users/:id/transitiveMemberOf/microsoft.graph.group': READ_GROUPS,
  'GET /users/:id/ownedObjects': READ_GROUPS,
  'GET /groups': READ_GROUPS,
  'POST /groups': CREATE_GROUPS,
  'GET /groups/$count': READ_GROUPS,
  'GET /groups/delta': READ_GROUPS,
  'GET /groups/:id': READ_GROUPS,
  'PATCH /groups/:id': WRITE_GROUPS,
  'DELETE /groups/:id': DELETE_GROUPS,
  'GET /groups/:id/members': READ_GROUPS,
  'GET /groups/:id/members/$count': READ_GROUPS,
  'GET /groups/:id/members/microsoft.graph.user': READ_GROUPS,
  'GET /groups/:id/members/microsoft.graph.group': READ_GROUPS,
  'POST /groups/:id/members/$ref': WRITE_MEMBERS,
  'DELETE /groups/:id/members/:memberId/$ref': WRITE_MEMBERS,
  'GET /groups/:id/transitiveMembers': READ_GROUPS,
  'GET /groups/:id/transitiveMembers/$count': READ_GROUPS,
  'GET /groups/:id/transitiveMembers/microsoft.graph.user': READ_GROUPS,
  'GET /groups/:id/memberOf': READ_GROUPS,
  'GET /groups/:id/transitiveMemberOf': READ_GROUPS,
  'GET /groups/:id/owners': READ_GROUPS,
  'POST /groups/:id/owners/$ref': WRITE_GROUPS,
  'DELETE /groups/:id/owners/:ownerId/$ref': WRITE_GROUPS,
  'GET /applications': READ_APPLICATIONS,
  'POST /applications': WRITE_APPLICATIONS,
  'GET /applications/:id': READ_APPLICATIONS,
  'PATCH /applications/:id': WRITE_APPLICATIONS,
  'DELETE /applications/:id': WRITE_APPLICATIONS,
  'GET /applications/:id/owners': READ_APPLICATIONS,
  'POST /applications/:id/owners/$ref': WRITE_APPLICATIONS,
  'DELETE /applications/:id/owners/:ownerId/$ref': WRITE_APPLICATIONS,
  'GET /applications/:id/tokenLifetimePolicies': READ_POLICIES,
  'POST /applications/:id/tokenLifetimePolicies/$ref': WRITE_POLICIES,
  'DELETE /applications/:id/tokenLifetimePolicies/:policyId/$ref': WRITE_POLICIES,
  'GET /applications/:id/appManagementPolicies': READ_POLICIES,
  'POST /applications/:id/appManagementPolicies/$ref': WRITE_POLICIES,
  'DELETE /applications/:id/appManagementPolicies/:policyId/$ref': WRITE_POLICIES,
  'POST /applications/:id/addPassword': WRITE_APPLICATIONS,
  'POST /applications/:id/removePassword': WRITE_APPLICATIONS,
  'POST /applications/:id/addKey': 'any application',
  'POST /applications/:id/removeKey': 'any application',
  'GET /applications/:id/federatedIdentityCredentials': READ_APPLICATIONS,
  'POST /applications/:id/federatedIdentityCredentials': WRITE_APPLICATIONS,
  'GET /applications/:id/federatedIdentityCredentials/:credentialId': READ_APPLICATIONS,
  'PATCH /applications/:id/federatedIdentityCredentials/:credentialId': WRITE_APPLICATIONS,
  'DELETE /applications/:id/federatedIdentityCredentials/:credentialId': WRITE_APPLICATIONS,
  'GET /servicePrincipals': READ_APPLICATIONS,
  'POST /servicePrincipals': WRITE_APPLICATIONS,
  'GET /servicePrincipals/:id': READ_APPLICATIONS,
  'PATCH /servicePrincipals/:id': WRITE_APPLICATIONS,
  'DELETE /servicePrincipals/:id': WRITE_APPLICATIONS,
  'GET /servicePrincipals/:id/owners': READ_APPLICATIONS,
  'POST /servicePrincipals/:id/owners/$ref': WRITE_APPLICATIONS,
  'DELETE /servicePrincipals/:id/owners/:ownerId/$ref': WRITE_APPLICATIONS,
  'GET /servicePrincipals/:id/tokenLifetimePolicies': READ_POLICIES,
  'POST /servicePrincipals/:id/tokenLifetimePolicies/$ref': WRITE_POLICIES,
  'DELETE /servicePrincipals/:id/tokenLifetimePolicies/:policyId/$ref': WRITE_POLICIES,
  'GET /servicePrincipals/:id/appManagementPolicies': READ_POLICIES,
  'POST /servicePrincipals/:id/appManagementPolicies/$ref': WRITE_POLICIES,
  'DELETE /servicePrincipals/:id/appManagementPolicies/:policyId/$ref': WRITE_POLICIES,
  'POST /servicePrincipals/:id/addPassword': WRITE_APPLICATIONS,
  'POST /servicePrincipals/:id/removePassword': WRITE_APPLICATIONS,
  'POST /servicePrincipals/:id/addTokenSigningCertificate': WRITE_APPLICATIONS,
  'POST /servicePrincipals/:id/addKey': 'any application',
  'POST /servicePrincipals/:id/removeKey': 'any application',
  'GET /servicePrincipals/:id/appRoleAssignments': READ_GRANTS,
  'POST /servicePrincipals/:id/appRoleAssignments': WRITE_ASSIGNMENTS,
  'DELETE /servicePrincipals/:id/appRoleAssignments/:assignmentId': WRITE_ASSIGNMENTS,
  'GET /servicePrincipals/:id/appRoleAssignedTo': READ_GRANTS,
  'POST /servicePrincipals/:id/appRoleAssignedTo': WRITE_ASSIGNMENTS,
  'DELETE /servicePrincipals/:id/appRoleAssignedTo/:assignmentId': WRITE_ASSIGNMENTS,
  'GET /servicePrincipals/:id/oauth2PermissionGrants': READ_GRANTS,
  'GET /oauth2PermissionGrants': READ_GRANTS,
  'GET /directory/deletedItems/microsoft.graph.application': READ_DELETED_APPLICATIONS,
  'GET /directory/deletedItems/microsoft.graph.servicePrincipal': READ_DELETED_APPLICATIONS,
  'GET /directory/deletedItems/microsoft.graph.user': READ_USERS,
  'GET /directory/deletedItems/microsoft.graph.group': READ_DELETED_GROUPS,
  'GET /directory/deletedItems/:id': READ_DELETED,
  'POST /directory/deletedItems/:id/restore': WRITE_DELETED,
  'DELETE /directory/deletedItems/:id': WRITE_DELETED,
  'GET /directory/certificateAuthorities/certificateBasedApplicationConfigurations': READ_AUTHORITIES,
  'POST /directory/certificateAuthorities/certificateBasedApplicationConfigurations': WRITE_AUTHORITIES,
  'GET /directory/certificateAuthorities/certificateBasedApplicationConfigurations/:policyId':
    READ_AUTHORITIES,
  'PATCH /directory/certificateAuthorities/certificateBasedApplicationConfigurations/:policyId':
    WRITE_AUTHORITIES,
  'DELETE /directory/certificateAuthorities/certificateBasedApplicationConfigurations/:policyId':
    WRITE_AUTHORITIES,
  'GET /directoryRoles': READ_ROLES,
  'GET /directoryRoles/:id': READ_ROLES,
  'GET /directoryRoles/:id/members': READ_ROLES,
  'POST /directoryRoles/:id/members/$ref': WRITE_ROLES,
  'DELETE /directoryRoles/:id/members/:memberId/$ref': WRITE_ROLES,
  'GET /roleManagement/directory/roleDefinitions': READ_ROLES,
  'GET /roleManagement/directory/roleDefinitions/:id': READ_ROLES,
  'GET /roleManagement/directory/roleAssignments': READ_ROLES,
  'POST /roleManagement/directory/roleAssignments': WRITE_ROLES,
  'GET /roleManagement/directory/roleAssignments/:id': READ_ROLES,
  'DELETE /roleManagement/directory/roleAssignments/:id': WRITE_ROLES,
  'GET /policies/tokenLifetimePolicies': READ_POLICIES,
  'POST /policies/tokenLifetimePolicies': WRITE_POLICIES,
  'GET /policies/tokenLifetimePolicies/:policyId': READ_POLICIES,
  'PATCH /policies/tokenLifetimePolicies/:policyId': WRITE_POLICIES,
  'DELETE /policies/tokenLifetimePolicies/:policyId': WRITE_POLICIES,
  'GET /policies/appManagementPolicies': READ_POLICIES,
  'POST /policies/appManagementPolicies': WRITE_POLICIES,
  'GET /policies/appManagementPolicies/:policyId': READ_POLICIES,
  'PATCH /policies/appManagementPolicies/:policyId': WRITE_POLICIES,
  'DELETE /policies/appManagementPolicies/:policyId': WRITE_POLICIES,
  'GET /identity/conditionalAccess/policies': READ_ACCESS,
  'POST /identity/conditionalAccess/policies': WRITE_ACCESS,
  'GET /identity/conditionalAccess/policies/:policyId': READ_ACCESS,
  'PATCH /identity/conditionalAccess/policies/:policyId': WRITE_ACCESS,
  'DELETE /identity/conditionalAccess/policies/:policyId': WRITE_ACCESS,
  'GET /identity/conditionalAccess/namedLocations': READ_ACCESS,
  'POST /identity/conditionalAccess/namedLocations': WRITE_ACCESS,
  'GET /identity/conditionalAccess/namedLocations/:policyId': READ_ACCESS,
  'PATCH /identity/conditionalAccess/namedLocations/:policyId': WRITE_ACCESS,
  'DELETE /identity/conditionalAccess/namedLocations/:policyId': WRITE_ACCESS,
  'GET /policies/defaultAppManagementPolicy': READ_POLICIES,
  'PATCH /policies/defaultAppManagementPolicy': WRITE_POLICIES,
  'GET /identityProtection/riskyServicePrincipals': RISK,
  'GET /identityProtection/riskyServicePrincipals/:id': RISK,
  'POST /identityProtection/riskyServicePrincipals/confirmCompromised': RISK,
  'POST /identityProtection/riskyServicePrincipals/dismiss': RISK,
  'POST /tomte/signingKeys': TENANTS,
  'GET /tomte/tenants': TENANTS,
  'POST /tomte/tenants': TENANTS,
  'GET /tomte/tenants/:tenant': TENANTS,
  'PATCH /tomte/tenants/:tenant': TENANTS,
  'POST /tomte/tenants/:tenant/domains': TENANTS,
  'POST /tomte/tenants/:tenant/accounts': TENANTS,
  'GET /auditLogs/signIns': READ_LOGS,
  'GET /auditLogs/signIns/:id': READ_LOGS,
  'GET /auditLogs/directoryAudits': READ_LOGS,
  'GET /auditLogs/directoryAudits/:id': READ_LOGS,
} as const satisfies Record<string, readonly GraphRole[] | 'any application'>

/** A route of the directory: method and path below `/graph/v1.0`. */
export type GraphRoute = keyof typeof PERMISSIONS
