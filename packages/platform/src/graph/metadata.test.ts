// What each answer of the directory says that it is, as Graph's documentation and answers have it, said here a second time.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { GRAPH_ROLES, type GraphRole } from '../registration/graph-application.ts'
import { type App, assertGraphError, type Json, makeKey, newUser, World } from '../test-support.ts'
import { certificateMaker } from '../token/certificate-test-support.ts'
import { PERMISSIONS } from './permissions.ts'

const ROLES = Object.keys(GRAPH_ROLES) as GraphRole[]
const GROUP = { displayName: 'g', mailNickname: 'g', mailEnabled: false, securityEnabled: true }
const POLICIES = {
  '/policies/tokenLifetimePolicies': {
    displayName: 'An hour',
    definition: ['{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"01:00:00"}}'],
  },
  '/policies/appManagementPolicies': { displayName: 'Strict', isEnabled: false, restrictions: {} },
  '/identity/conditionalAccess/namedLocations': {
    '@odata.type': '#microsoft.graph.ipNamedLocation',
    displayName: 'Office',
    ipRanges: [{ '@odata.type': '#microsoft.graph.iPv4CidrRange', cidrAddress: '192.0.2.0/24' }],
  },
} satisfies Record<string, Json>
const AUTHORITIES = '/directory/certificateAuthorities/certificateBasedApplicationConfigurations'
const ASSIGNMENTS = '/roleManagement/directory/roleAssignments'
const READERS = '88d8e3e3-8f55-4a1e-953a-9b9898b8876b'
const ACCESS = '/identity/conditionalAccess/policies'

let world: World
let app: App
let token: string
const made = new Map<string, Json>()
const contexts = new Map<string, unknown>()

/** Creates what a route makes, and keeps what it says that it is. */
async function create(path: string, body: Json): Promise<Json> {
  const { status, body: object, context } = await world.graph('POST', path, body, token)
  assert.ok(status < 300, `${path}: ${JSON.stringify(object)}`)
  contexts.set(`POST ${path}`, context)
  made.set(path, object)
  return object
}

before(async () => {
  world = await World.start()
  const key = await makeKey(world.clock.ms)
  app = await world.register(key, { roles: ROLES })
  token = await world.token(app)
  const root = await certificateMaker(world.clock.ms)({ subject: 'CN=Root', ca: true })
  for (const [path, policy] of Object.entries(POLICIES)) await create(path, policy)
  await create(AUTHORITIES, {
    displayName: 'Contoso',
    trustedCertificateAuthorities: [{ isRootAuthority: true, certificate: root.der }],
  })
  await create(ACCESS, {
    displayName: 'Block',
    state: 'enabledForReportingButNotEnforced',
    conditions: {
      clientApplications: { includeServicePrincipals: [app.principalId] },
      locations: { includeLocations: ['All'] },
      applications: { includeApplications: ['All'] },
      clientAppTypes: ['all'],
    },
    grantControls: { operator: 'OR', builtInControls: ['block'] },
  })
  const [user, manager] = [await create('/users', newUser('ada')), await world.user('grace')]
  await world.done(204, 'PUT', `/users/${String(user['id'])}/manager/$ref`, reference(manager))
  const group = await create('/groups', { ...GROUP, 'members@odata.bind': [reference(manager)['@odata.id']] })
  await create(`/applications/${app.objectId}/federatedIdentityCredentials`, {
    name: 'ci-main',
    issuer: 'https://token.actions.example',
    subject: 'repo:a/b',
    audiences: ['api://AzureADTokenExchange'],
  })
  const owner = reference(app.principalId)
  await world.done(204, 'POST', `/groups/${String(group['id'])}/owners/$ref`, owner)
  await create(ASSIGNMENTS, {
    principalId: app.principalId,
    roleDefinitionId: READERS,
    directoryScopeId: '/',
  })
  const gone = await world.user('gone')
  await world.done(204, 'DELETE', `/users/${gone}`)
  made.set('deleted', { id: gone })
  await world.done(204, 'POST', '/identityProtection/riskyServicePrincipals/dismiss', {
    servicePrincipalIds: [app.principalId],
  })
})
after(() => world.remove())

const reference = (id: string) => ({ '@odata.id': `${world.platform.graphUrl}/directoryObjects/${id}` })
const idOf = (path: string) => String(made.get(path)?.['id'])

/** The path of a GET route, with the id of something that is there in the place of each parameter. */
async function pathOf(route: string): Promise<string> {
  const path = route.slice('GET '.length)
  const parent = path.slice(0, path.lastIndexOf('/:'))
  const first = async (list: string) => {
    const [one] = (await world.graph('GET', list, undefined, token)).body['value'] as Json[]
    return String(one?.['id'])
  }
  if (path === '/directoryRoles/:id' || path === '/directoryRoles/:id/members')
    return path.replace(':id', await first('/directoryRoles'))
  if (path.startsWith('/auditLogs/') && path.endsWith(':id')) return `${parent}/${await first(parent)}`
  if (path.startsWith('/tomte/')) return path.replace(':tenant', world.tenantId)
  return path
    .replace(/^\/users\/:id/, `/users/${idOf('/users')}`)
    .replace(/^\/groups\/:id/, `/groups/${idOf('/groups')}`)
    .replace(/^\/applications\/:id/, `/applications/${app.objectId}`)
    .replace(/^\/servicePrincipals\/:id/, `/servicePrincipals/${app.principalId}`)
    .replace(':credentialId', idOf(`/applications/${app.objectId}/federatedIdentityCredentials`))
    .replace(/^\/directory\/deletedItems\/:id/, `/directory/deletedItems/${idOf('deleted')}`)
    .replace('roleDefinitions/:id', `roleDefinitions/${READERS}`)
    .replace('roleAssignments/:id', `roleAssignments/${idOf(ASSIGNMENTS)}`)
    .replace(/riskyServicePrincipals\/:id/, `riskyServicePrincipals/${app.principalId}`)
    .replace(':policyId', idOf(parent))
}

const read = async (route: string, query = '') => {
  const path = `${await pathOf(route)}${query}`
  return world.graph('GET', path, undefined, route.includes('/tomte/') ? undefined : token)
}
const GETS = Object.keys(PERMISSIONS).filter(
  (route) => route.startsWith('GET ') && !route.endsWith('/$count'),
)

/** Which entity set each first segment of a path is, where the whole path is not what Graph names. */
function expected(route: string): string | undefined {
  const path = route.slice('GET '.length)
  if (path.startsWith('/tomte/')) return undefined
  if (
    /\/(?:members|transitiveMembers|memberOf|transitiveMemberOf|owners|ownedObjects|directReports)$/.test(
      path,
    )
  )
    return 'directoryObjects'
  const policies = /\/:id\/(tokenLifetimePolic|appManagementPolic)ies$/.exec(path)?.[1]
  if (policies !== undefined) return `Collection(microsoft.graph.${policies}y)`
  const cast = /\/microsoft\.graph\.(\w+)$/.exec(path)?.[1]
  if (cast !== undefined) return `${cast}s`
  if (/\/appRole\w+$/.test(path)) return 'appRoleAssignments'
  if (path.endsWith('oauth2PermissionGrants')) return 'oauth2PermissionGrants'
  if (/\/manager$|deletedItems\/:id$/.test(path)) return 'directoryObjects/$entity'
  if (path.endsWith('/defaultAppManagementPolicy')) return `${path.slice(1)}/$entity`
  const credentials = `applications('${app.objectId}')/federatedIdentityCredentials`
  return path
    .slice(1)
    .replace(/\/delta$/, '')
    .replace('applications/:id/federatedIdentityCredentials', credentials)
    .replace(/\/:\w+$/, '/$entity')
}

const metadata = (context: string | undefined) =>
  context === undefined ? undefined : `${world.platform.graphUrl}/$metadata#${context}`

describe('@odata.context', () => {
  for (const route of GETS) {
    it(`says what ${route} answers`, async () => {
      const { status, context, body } = await read(route)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(context, metadata(expected(route)))
    })

    it(`is of no query option that ${route} does not know`, async () => {
      assertGraphError(
        await read(route, '?$shoes=1'),
        400,
        'Request_UnsupportedQuery',
        "Query option '$shoes' is not supported here.",
      )
    })
  }

  it('says of what was created that it is one of its set', () => {
    for (const [route, context] of contexts) {
      const [, path = ''] = /^POST \/(.*)$/.exec(route) ?? []
      const set = path.replace(/^applications\/([^/]+)\//, "applications('$1')/")
      assert.equal(context, metadata(`${set}/$entity`), route)
    }
    assert.equal(contexts.size, 9)
  })

  it('names the type of what an action makes', async () => {
    const path = `/servicePrincipals/${app.principalId}`
    const password = await world.graph('POST', `${path}/addPassword`, { passwordCredential: {} }, token)
    assert.equal(password.context, metadata('microsoft.graph.passwordCredential'))
    const certificate = await world.graph(
      'POST',
      `${path}/addTokenSigningCertificate`,
      { displayName: 'CN=own' },
      token,
    )
    assert.equal(certificate.context, metadata('microsoft.graph.selfSignedCertificate'))
    const restored = await world.graph('POST', `/directory/deletedItems/${idOf('deleted')}/restore`)
    assert.equal(restored.context, metadata('directoryObjects/$entity'))
    assert.equal(restored.body['@odata.type'], '#microsoft.graph.user')
  })

  it('names what was selected and expanded, of lists and of single objects', async () => {
    for (const [route, query, wanted] of [
      ['GET /users', '?$select=id,%20displayName,id', 'users(id,displayName)'],
      ['GET /users/:id', '?$select=id&$expand=manager', 'users(id,manager())/$entity'],
      ['GET /groups', '?$expand=members($select=id,mail)', 'groups(members(id,mail))'],
      ['GET /groups/:id/members', '?$select=id', 'directoryObjects(id)'],
      ['GET /applications/:id', '?$select=appId', 'applications(appId)/$entity'],
      ['GET /organization', '?$select=id', 'organization(id)'],
    ] as const)
      assert.equal((await read(route, query)).context, metadata(wanted), route)
  })

  it('names the application by whose id a registration is addressed', async () => {
    const answer = await world.graph(
      'GET',
      `/applications(appId='${app.appId}')/federatedIdentityCredentials`,
    )
    assert.equal(
      answer.context,
      metadata(`applications('appId%3D${app.appId}')/federatedIdentityCredentials`),
    )
  })

  it('names what the first request of a delta query selected, on every later page', async () => {
    const first = await world.graph('GET', '/users/delta?$select=displayName')
    const link = String(first.body['@odata.deltaLink']).slice(world.platform.graphUrl.length)
    const next = await world.graph('GET', link)
    assert.equal(first.context, metadata('users(displayName)'))
    assert.equal(next.context, metadata('users(displayName)'))
  })

  it('is on no refusal', async () => {
    assert.equal((await world.graph('GET', '/users/nobody@contoso.example')).context, undefined)
  })
})

describe('an application that asks for no metadata', () => {
  const asking = async (accept: string, path: string) => {
    const headers = { authorization: `Bearer ${token}`, accept }
    return (await world.send(`/graph/v1.0${path}`, { headers })).body
  }

  it('gets no context and no types, and the links and counts of the list', async () => {
    const path = `/groups/${idOf('/groups')}`
    for (const none of ['application/json;odata.metadata=none', 'application/json; odata=none']) {
      const body = await asking(none, `${path}/members?$select=id`)
      const [member = {}] = body['value'] as Json[]
      assert.deepEqual([Object.keys(body), Object.keys(member)], [['value'], ['id']])
      const page = await asking(none, '/users?$top=1&$select=id')
      assert.deepEqual(Object.keys(page), ['@odata.nextLink', 'value'])
    }
    for (const others of ['application/json;odata.metadata=minimal', 'application/json;odata.metadata=full'])
      assert.equal((await asking(others, path))['@odata.context'], metadata('groups/$entity'))
  })

  it('gets none of a batch whose requests ask so', async () => {
    const requests = ['none', 'minimal'].map((level) => ({
      id: level,
      method: 'GET',
      url: '/organization?$select=id',
      headers: { Accept: `application/json;odata.metadata=${level}` },
    }))
    const { responses } = await world.done(200, 'POST', '/$batch', { requests })
    assert.deepEqual(
      (responses as { body: Json }[]).map(({ body }) => body),
      [
        { value: [{ id: world.tenantId }] },
        { '@odata.context': metadata('organization(id)'), value: [{ id: world.tenantId }] },
      ],
    )
  })
})
