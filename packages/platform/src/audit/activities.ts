import type { GraphRoute } from '../graph/permissions.ts'

/** What a change is called in the directory audit, and what shows the object that it changed. */
export interface Activity {
  readonly activity: string
  readonly category: 'ApplicationManagement' | 'UserManagement' | 'Policy' | 'DirectoryManagement'
  readonly operation: 'Add' | 'Update' | 'Delete' | 'Assign' | 'Unassign'
  readonly target: 'Application' | 'ServicePrincipal' | 'User' | 'Other'
  /** The route that reads what is changed, before and after; its `:id` is the target's. */
  readonly shownBy: GraphRoute | undefined
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
const ASSIGNMENT = {
  ...PRINCIPAL,
  activity: 'Add app role assignment to service principal',
  operation: 'Assign',
  shownBy: 'GET /servicePrincipals/:id/appRoleAssignments',
} as const
const USER = {
  category: 'UserManagement',
  operation: 'Update',
  target: 'User',
  shownBy: 'GET /users/:id',
} as const

/** The names that Entra has for changes by the directory's routes. */
const ACTIVITIES: Readonly<Partial<Record<GraphRoute, Activity>>> = {
  'POST /users': { ...USER, activity: 'Add user', operation: 'Add' },
  'PATCH /users/:id': { ...USER, activity: 'Update user' },
  'PUT /users/:id/manager/$ref': { ...USER, activity: 'Set user manager' },
  'DELETE /users/:id/manager/$ref': { ...USER, activity: 'Remove user manager' },
  'POST /applications': { ...APPLICATION, activity: 'Add application', operation: 'Add' },
  'PATCH /applications/:id': { ...APPLICATION, activity: 'Update application' },
  'POST /applications/:id/addPassword': CREDENTIALS,
  'POST /applications/:id/removePassword': CREDENTIALS,
  'POST /applications/:id/addKey': CREDENTIALS,
  'POST /applications/:id/removeKey': CREDENTIALS,
  'POST /applications/:id/federatedIdentityCredentials': TRUST,
  'PATCH /applications/:id/federatedIdentityCredentials/:credentialId': TRUST,
  'DELETE /applications/:id/federatedIdentityCredentials/:credentialId': TRUST,
  'POST /servicePrincipals': { ...PRINCIPAL, activity: 'Add service principal', operation: 'Add' },
  'PATCH /servicePrincipals/:id': { ...PRINCIPAL, activity: 'Update service principal' },
  'POST /servicePrincipals/:id/addPassword': { ...PRINCIPAL, activity: 'Add service principal credentials' },
  'POST /servicePrincipals/:id/removePassword': {
    ...PRINCIPAL,
    activity: 'Remove service principal credentials',
  },
  'POST /servicePrincipals/:id/addKey': { ...PRINCIPAL, activity: 'Add service principal credentials' },
  'POST /servicePrincipals/:id/removeKey': { ...PRINCIPAL, activity: 'Remove service principal credentials' },
  'POST /servicePrincipals/:id/appRoleAssignments': ASSIGNMENT,
  'POST /servicePrincipals/:id/appRoleAssignedTo': {
    ...ASSIGNMENT,
    shownBy: 'GET /servicePrincipals/:id/appRoleAssignedTo',
  },
  'DELETE /servicePrincipals/:id/appRoleAssignments/:assignmentId': {
    ...ASSIGNMENT,
    activity: 'Remove app role assignment from service principal',
    operation: 'Unassign',
  },
}

const OPERATIONS: Readonly<Record<string, Activity['operation']>> = {
  POST: 'Add',
  PUT: 'Update',
  PATCH: 'Update',
  DELETE: 'Delete',
}

/** The name of a change; a route without one is audited by its method and path. Reading is no change. */
export function activityOf(route: GraphRoute): Activity | undefined {
  const [method = ''] = route.split(' ')
  const operation = OPERATIONS[method]
  if (operation === undefined) return undefined
  const unnamed = { category: 'DirectoryManagement', target: 'Other', shownBy: undefined } as const
  return ACTIVITIES[route] ?? { ...unnamed, activity: route, operation }
}
