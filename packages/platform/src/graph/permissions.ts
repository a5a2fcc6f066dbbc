import type { GraphRole } from '../registration/graph-application.ts'

const READ_USERS: readonly GraphRole[] = [
  'User.Read.All',
  'User.ReadWrite.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
]
const WRITE_USERS: readonly GraphRole[] = ['User.ReadWrite.All', 'Directory.ReadWrite.All']
const READ_APPLICATIONS: readonly GraphRole[] = [
  'Application.Read.All',
  'Application.ReadWrite.OwnedBy',
  'Application.ReadWrite.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
]
const WRITE_APPLICATIONS: readonly GraphRole[] = ['Application.ReadWrite.All']
// The route itself looks whether the application is the caller's own.
const WRITE_CREDENTIALS: readonly GraphRole[] = ['Application.ReadWrite.OwnedBy', 'Application.ReadWrite.All']
const READ_GRANTS = READ_APPLICATIONS.filter((role) => role !== 'Application.ReadWrite.OwnedBy')
const WRITE_ASSIGNMENTS: readonly GraphRole[] = ['AppRoleAssignment.ReadWrite.All']

/**
 * Who may call what: any one of the roles is enough, the least privileged first. Keys are rolled by 'any application', since
 * it is the proof in the body that lets it (wire.md §13.2).
 */
export const PERMISSIONS = {
  'GET /organization': READ_USERS,
  'GET /users': READ_USERS,
  'POST /users': WRITE_USERS,
  'GET /users/:id': READ_USERS,
  'PATCH /users/:id': WRITE_USERS,
  'GET /users/:id/manager': READ_USERS,
  'PUT /users/:id/manager/$ref': WRITE_USERS,
  'DELETE /users/:id/manager/$ref': WRITE_USERS,
  'GET /applications': READ_APPLICATIONS,
  'POST /applications': WRITE_APPLICATIONS,
  'GET /applications/:id': READ_APPLICATIONS,
  'PATCH /applications/:id': WRITE_APPLICATIONS,
  'POST /applications/:id/addPassword': WRITE_CREDENTIALS,
  'POST /applications/:id/removePassword': WRITE_CREDENTIALS,
  'POST /applications/:id/addKey': 'any application',
  'POST /applications/:id/removeKey': 'any application',
  'GET /applications/:id/federatedIdentityCredentials': READ_APPLICATIONS,
  'POST /applications/:id/federatedIdentityCredentials': WRITE_CREDENTIALS,
  'GET /applications/:id/federatedIdentityCredentials/:credentialId': READ_APPLICATIONS,
  'PATCH /applications/:id/federatedIdentityCredentials/:credentialId': WRITE_CREDENTIALS,
  'DELETE /applications/:id/federatedIdentityCredentials/:credentialId': WRITE_CREDENTIALS,
  'GET /servicePrincipals': READ_APPLICATIONS,
  'POST /servicePrincipals': WRITE_APPLICATIONS,
  'GET /servicePrincipals/:id': READ_APPLICATIONS,
  'PATCH /servicePrincipals/:id': WRITE_APPLICATIONS,
  'POST /servicePrincipals/:id/addPassword': WRITE_CREDENTIALS,
  'POST /servicePrincipals/:id/removePassword': WRITE_CREDENTIALS,
  'POST /servicePrincipals/:id/addKey': 'any application',
  'POST /servicePrincipals/:id/removeKey': 'any application',
  'GET /servicePrincipals/:id/appRoleAssignments': READ_GRANTS,
  'POST /servicePrincipals/:id/appRoleAssignments': WRITE_ASSIGNMENTS,
  'DELETE /servicePrincipals/:id/appRoleAssignments/:assignmentId': WRITE_ASSIGNMENTS,
  'GET /servicePrincipals/:id/appRoleAssignedTo': READ_GRANTS,
  'POST /servicePrincipals/:id/appRoleAssignedTo': WRITE_ASSIGNMENTS,
} as const satisfies Record<string, readonly GraphRole[] | 'any application'>

/** A route of the directory: method and path below `/graph/v1.0`. */
export type GraphRoute = keyof typeof PERMISSIONS
