// The permission table against the wire: every route for every role of Graph, and for none.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { GRAPH_ROLES, type GraphRole } from '../registration/graph-application.ts'
import { type App, assertGraphError, makeKey, World } from '../test-support.ts'
import { PERMISSIONS } from './permissions.ts'

let world: World
let app: App
const tokens = new Map<GraphRole | 'no role', string>()
before(async () => {
  world = await World.start()
  const key = await makeKey(world.clock.ms)
  app = await world.register(key)
  tokens.set('no role', await world.token(app))
  for (const role of Object.keys(GRAPH_ROLES) as GraphRole[])
    tokens.set(role, await world.token(await world.register(key, { roles: [role] })))
})
after(() => world.remove())

const CALLERS: readonly (GraphRole | 'no role')[] = ['no role', ...(Object.keys(GRAPH_ROLES) as GraphRole[])]
const DENIED = 'Insufficient privileges to complete the operation.'
const ALL_ROUTES: readonly (readonly [string, readonly string[] | 'any application'])[] =
  Object.entries(PERMISSIONS)
const ROUTES = ALL_ROUTES.flatMap(([route, roles]) =>
  typeof roles === 'string' ? [] : [[route, roles] as const],
)
const BY_PROOF = ALL_ROUTES.flatMap(([route, roles]) => (typeof roles === 'string' ? [route] : []))

// The permission to write the directory lets nobody delete people or groups.
const isNoDeletion = (route: string) => !/^DELETE \/(?:users|groups)\/:id$/.test(route)

// Said a second time and the other way round, so that a slip in the table itself shows.
const READ_PEOPLE = [
  'GET /organization',
  'GET /users',
  'GET /users/$count',
  'GET /users/delta',
  'GET /users/:id',
  'GET /users/:id/manager',
  'GET /users/:id/directReports',
]
const WRITE_PEOPLE = [
  'POST /users',
  'PATCH /users/:id',
  'DELETE /users/:id',
  'PUT /users/:id/manager/$ref',
  'DELETE /users/:id/manager/$ref',
]
const READ_GROUPS = [
  ...['', '/$count', '/delta', '/:id'].map((path) => `GET /groups${path}`),
  ...['', '/$count', '/microsoft.graph.user', '/microsoft.graph.group'].map(
    (path) => `GET /groups/:id/members${path}`,
  ),
  ...['', '/$count', '/microsoft.graph.user'].map((path) => `GET /groups/:id/transitiveMembers${path}`),
  ...['memberOf', 'transitiveMemberOf', 'owners'].map((path) => `GET /groups/:id/${path}`),
  ...['', '/$count', '/microsoft.graph.group'].map((path) => `GET /users/:id/memberOf${path}`),
  ...['', '/microsoft.graph.group'].map((path) => `GET /users/:id/transitiveMemberOf${path}`),
  'GET /users/:id/ownedObjects',
]
const WRITE_MEMBERS = ['POST /groups/:id/members/$ref', 'DELETE /groups/:id/members/:memberId/$ref']
const WRITE_GROUPS = [
  'PATCH /groups/:id',
  'DELETE /groups/:id',
  'POST /groups/:id/owners/$ref',
  'DELETE /groups/:id/owners/:ownerId/$ref',
  ...WRITE_MEMBERS,
]
const READ_APPS = [
  'GET /applications',
  'GET /applications/:id',
  'GET /applications/:id/federatedIdentityCredentials',
  'GET /applications/:id/federatedIdentityCredentials/:credentialId',
  'GET /servicePrincipals',
  'GET /servicePrincipals/:id',
  'GET /applications/:id/owners',
  'GET /servicePrincipals/:id/owners',
]
const READ_GRANTS = [
  'GET /servicePrincipals/:id/appRoleAssignments',
  'GET /servicePrincipals/:id/appRoleAssignedTo',
  'GET /servicePrincipals/:id/oauth2PermissionGrants',
  'GET /oauth2PermissionGrants',
]
const OWN_REGISTRATIONS = [
  'PATCH /applications/:id',
  'POST /applications/:id/owners/$ref',
  'DELETE /applications/:id/owners/:ownerId/$ref',
  'PATCH /servicePrincipals/:id',
  'POST /servicePrincipals/:id/owners/$ref',
  'DELETE /servicePrincipals/:id/owners/:ownerId/$ref',
  'POST /applications/:id/addPassword',
  'POST /applications/:id/removePassword',
  'POST /applications/:id/federatedIdentityCredentials',
  'PATCH /applications/:id/federatedIdentityCredentials/:credentialId',
  'DELETE /applications/:id/federatedIdentityCredentials/:credentialId',
  'POST /servicePrincipals/:id/addTokenSigningCertificate',
  'POST /servicePrincipals/:id/addPassword',
  'POST /servicePrincipals/:id/removePassword',
]
// Creating makes the owner, and what is deleted here is not there.
const WRITE_APPS = [
  'POST /applications',
  'DELETE /applications/:id',
  'POST /servicePrincipals',
  'DELETE /servicePrincipals/:id',
]
const KINDS = ['applications', 'servicePrincipals']
const ASSIGNED = KINDS.flatMap((kind) =>
  ['tokenLifetimePolicies', 'appManagementPolicies'].map((policies) => `/${kind}/:id/${policies}`),
)
const READ_POLICIES = [
  ...ASSIGNED.map((path) => `GET ${path}`),
  ...['tokenLifetimePolicies', 'appManagementPolicies'].flatMap((kind) => [
    `GET /policies/${kind}`,
    `GET /policies/${kind}/:policyId`,
  ]),
  'GET /policies/defaultAppManagementPolicy',
]
const writes = (path: string) => [`POST ${path}`, `PATCH ${path}/:policyId`, `DELETE ${path}/:policyId`]
const WRITE_POLICIES = [
  ...ASSIGNED.flatMap((path) => [`POST ${path}/$ref`, `DELETE ${path}/:policyId/$ref`]),
  ...writes('/policies/tokenLifetimePolicies'),
  ...writes('/policies/appManagementPolicies'),
  'PATCH /policies/defaultAppManagementPolicy',
]
const ACCESS = ['/identity/conditionalAccess/policies', '/identity/conditionalAccess/namedLocations']
const READ_ACCESS = ACCESS.flatMap((path) => [`GET ${path}`, `GET ${path}/:policyId`])
const RISK = [
  'GET /identityProtection/riskyServicePrincipals',
  'GET /identityProtection/riskyServicePrincipals/:id',
  'POST /identityProtection/riskyServicePrincipals/confirmCompromised',
  'POST /identityProtection/riskyServicePrincipals/dismiss',
]
const AUTHORITIES = '/directory/certificateAuthorities/certificateBasedApplicationConfigurations'
const READ_AUTHORITIES = [`GET ${AUTHORITIES}`, `GET ${AUTHORITIES}/:policyId`]
const TENANTS = [
  'POST /tomte/signingKeys',
  'GET /tomte/tenants',
  'POST /tomte/tenants',
  'GET /tomte/tenants/:tenant',
  'PATCH /tomte/tenants/:tenant',
  'POST /tomte/tenants/:tenant/domains',
  'POST /tomte/tenants/:tenant/accounts',
]
const READ_DELETED_APPS = [
  'GET /directory/deletedItems/microsoft.graph.application',
  'GET /directory/deletedItems/microsoft.graph.servicePrincipal',
]
const READ_DELETED_PEOPLE = ['GET /directory/deletedItems/microsoft.graph.user']
const READ_DELETED_GROUPS = ['GET /directory/deletedItems/microsoft.graph.group']
const READ_DELETED = ['GET /directory/deletedItems/:id']
const WRITE_DELETED = ['POST /directory/deletedItems/:id/restore', 'DELETE /directory/deletedItems/:id']
const READ_LOGS = [
  'GET /auditLogs/signIns',
  'GET /auditLogs/signIns/:id',
  'GET /auditLogs/directoryAudits',
  'GET /auditLogs/directoryAudits/:id',
]
const ASSIGN = [
  'POST /servicePrincipals/:id/appRoleAssignments',
  'DELETE /servicePrincipals/:id/appRoleAssignments/:assignmentId',
  'POST /servicePrincipals/:id/appRoleAssignedTo',
  'DELETE /servicePrincipals/:id/appRoleAssignedTo/:assignmentId',
]
const ASSIGNMENTS = '/roleManagement/directory/roleAssignments'
const READ_ROLES = [
  ...['', '/:id', '/:id/members'].map((path) => `GET /directoryRoles${path}`),
  ...['', '/:id'].map((path) => `GET /roleManagement/directory/roleDefinitions${path}`),
  ...['', '/:id'].map((path) => `GET ${ASSIGNMENTS}${path}`),
]
const WRITE_ROLES = [
  'POST /directoryRoles/:id/members/$ref',
  'DELETE /directoryRoles/:id/members/:memberId/$ref',
  `POST ${ASSIGNMENTS}`,
  `DELETE ${ASSIGNMENTS}/:id`,
]
const OPENED: Readonly<Record<GraphRole, readonly string[]>> = {
  'User.Read.All': [...READ_PEOPLE, ...READ_DELETED_PEOPLE, ...READ_DELETED],
  'User.ReadWrite.All': [
    ...READ_PEOPLE,
    ...WRITE_PEOPLE,
    ...READ_DELETED_PEOPLE,
    ...READ_DELETED,
    ...WRITE_DELETED,
  ],
  'GroupMember.Read.All': READ_GROUPS,
  'GroupMember.ReadWrite.All': [...READ_GROUPS, ...WRITE_MEMBERS],
  'Group.Create': ['POST /groups'],
  'Group.Read.All': [...READ_GROUPS, ...READ_DELETED_GROUPS, ...READ_DELETED],
  'Group.ReadWrite.All': [
    'POST /groups',
    ...READ_GROUPS,
    ...WRITE_GROUPS,
    ...READ_DELETED_GROUPS,
    ...READ_DELETED,
    ...WRITE_DELETED,
  ],
  'Directory.Read.All': [
    ...READ_PEOPLE,
    ...READ_GROUPS,
    ...READ_DELETED_GROUPS,
    ...READ_APPS,
    ...READ_GRANTS,
    ...READ_DELETED_APPS,
    ...READ_DELETED_PEOPLE,
    ...READ_DELETED,
    ...READ_AUTHORITIES,
    ...READ_ROLES,
  ],
  'RoleManagement.Read.Directory': READ_ROLES,
  'RoleManagement.ReadWrite.Directory': [...READ_ROLES, ...WRITE_ROLES],
  'Directory.ReadWrite.All': [
    ...READ_PEOPLE,
    ...WRITE_PEOPLE.filter(isNoDeletion),
    'POST /groups',
    ...READ_GROUPS,
    ...WRITE_GROUPS.filter(isNoDeletion),
    ...READ_DELETED_GROUPS,
    ...READ_APPS,
    ...READ_GRANTS,
    ...READ_DELETED_APPS,
    ...READ_DELETED_PEOPLE,
    ...READ_DELETED,
    ...READ_AUTHORITIES,
    ...READ_ROLES,
  ],
  'Application.Read.All': [...READ_APPS, ...READ_GRANTS, ...READ_DELETED_APPS, ...READ_DELETED],
  'Application.ReadWrite.All': [
    ...READ_APPS,
    ...READ_GRANTS,
    ...WRITE_APPS,
    ...OWN_REGISTRATIONS,
    ...READ_DELETED_APPS,
    ...READ_DELETED,
    ...WRITE_DELETED,
  ],
  'Application.ReadWrite.OwnedBy': [...READ_APPS, ...WRITE_APPS, ...OWN_REGISTRATIONS],
  'Organization.ReadWrite.All': [...TENANTS, ...READ_AUTHORITIES, ...writes(AUTHORITIES)],
  'Policy.Read.All': [...READ_POLICIES, ...READ_ACCESS],
  'Policy.ReadWrite.ApplicationConfiguration': [...READ_POLICIES, ...WRITE_POLICIES],
  'Policy.ReadWrite.ConditionalAccess': [...READ_ACCESS, ...ACCESS.flatMap(writes)],
  'IdentityRiskyServicePrincipal.ReadWrite.All': RISK,
  'AuditLog.Read.All': READ_LOGS,
  'AppRoleAssignment.ReadWrite.All': ASSIGN,
}

// Ids that fit no object below our application or its service principal, which themselves are not to be deleted.
const pathOf = (template: string, method = 'GET') =>
  template
    .replace(/(?<=^\/(?:applications|servicePrincipals)\/):id$/, (id) => (method === 'DELETE' ? 'none' : id))
    .replace(':assignmentId', 'none')
    .replace(':credentialId', 'none')
    .replace(':id', template.startsWith('/servicePrincipals') ? app.principalId : app.objectId)

describe('the permission table', () => {
  for (const [role, opened] of Object.entries(OPENED)) {
    it(`opens to ${role} what the role is for`, () => {
      const found = ROUTES.flatMap(([route, allowed]) => (allowed.includes(role) ? [route] : []))
      assert.deepEqual(found.sort(), [...opened].sort())
    })
  }

  for (const [route, allowed] of ROUTES) {
    const [method = '', template = ''] = route.split(' ')
    it(`lets ${route} be called with ${allowed.join(' or ')}, and by no one else`, async () => {
      // Ids that fit no object: a call that is let in ends in 200, 400 or 404, and changes nothing.
      const path = pathOf(template, method)
      const body = method === 'GET' || method === 'DELETE' ? undefined : {}
      for (const caller of CALLERS) {
        const answer = await world.graph(method, path, body, tokens.get(caller))
        const notOwn = caller === 'Application.ReadWrite.OwnedBy' && OWN_REGISTRATIONS.includes(route)
        if (notOwn || (allowed.includes(caller) && TENANTS.includes(route))) {
          // The role opens the route, and the route finds that the application is not the caller's own, or the caller not the operator.
          assertGraphError(answer, 403, 'Authorization_RequestDenied', DENIED)
          assert.equal(answer.headers['www-authenticate'], undefined)
        } else if (allowed.includes(caller)) {
          assert.ok([200, 204, 400, 404].includes(answer.status), `${caller}: ${answer.status}`)
        } else {
          assertGraphError(answer, 403, 'Authorization_RequestDenied', DENIED)
          assert.equal(
            answer.headers['www-authenticate'],
            `Bearer realm="", error="insufficient_scope", error_description="${DENIED}"`,
          )
        }
      }
    })

    it(`refuses ${route} without a token, and with none of ours`, async () => {
      const path = `/graph/v1.0${pathOf(template)}`
      const none = await world.send(path, { method })
      assertGraphError(none, 401, 'InvalidAuthenticationToken', 'Access token is empty.')
      assert.equal(none.headers['www-authenticate'], 'Bearer realm=""')
      const other = await world.send(path, { method, headers: { authorization: 'Bearer x.y.z' } })
      const message = 'The access token is not a signed JWT.'
      assertGraphError(other, 401, 'InvalidAuthenticationToken', message)
    })
  }

  it('lets an application roll its own keys without a role, and with Application.ReadWrite.All those of others', async () => {
    assert.deepEqual(
      [...BY_PROOF].sort(),
      ['applications', 'servicePrincipals'].flatMap((kind) =>
        ['addKey', 'removeKey'].map((action) => `POST /${kind}/:id/${action}`),
      ),
    )
    for (const route of BY_PROOF) {
      const path = pathOf(route.slice('POST '.length))
      for (const caller of CALLERS) {
        const answer = await world.graph('POST', path, {}, tokens.get(caller))
        const letIn = caller === 'Application.ReadWrite.All' || caller === 'no role'
        assert.equal(answer.status, letIn ? 400 : 403, `${route} by ${caller}`)
      }
      assert.equal((await world.send(`/graph/v1.0${path}`, { method: 'POST' })).status, 401)
    }
  })

  it('holds for HEAD as for GET', async () => {
    const head = async (caller: GraphRole | 'no role') =>
      (await world.graph('HEAD', '/users', undefined, tokens.get(caller))).status
    assert.deepEqual([await head('no role'), await head('User.Read.All')], [403, 200])
  })

  it('tells an application that a path does not exist, and a stranger nothing', async () => {
    const answer = await world.graph('GET', '/unicorns?$top=1', undefined, tokens.get('no role'))
    assertGraphError(answer, 400, 'BadRequest', "Resource not found for the segment 'unicorns'.")
    const stranger = await world.send('/graph/v1.0/unicorns', { method: 'GET' })
    assertGraphError(stranger, 401, 'InvalidAuthenticationToken', 'Access token is empty.')
  })

  it('names no role that Graph does not publish', () => {
    for (const [route, roles] of ROUTES)
      for (const role of roles) assert.ok(Object.hasOwn(GRAPH_ROLES, role), `${route}: ${role}`)
  })
})

describe('a token for the directory', () => {
  it('opens it until it expires, with five minutes for clocks that differ', async () => {
    const token = await world.token(app)
    const status = async () => (await world.graph('GET', '/users', undefined, token)).status
    const startMs = world.clock.ms
    world.clock.ms = startMs + (3600 + 300) * 1000 - 1
    assert.equal(await status(), 403)
    world.clock.ms = startMs + (3600 + 300) * 1000
    assert.equal(await status(), 401)
    world.clock.ms = startMs
  })
})
