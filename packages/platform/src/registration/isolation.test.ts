// Every route of the directory, called with another tenant's ids by an application that has every role in its own tenant.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type GraphRoute, PERMISSIONS } from '../graph/permissions.ts'
import { type App, assertGraphError, type Json, keyCredential, makeKey, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import { certificateMaker } from '../token/certificate-test-support.ts'
import { GRAPH_APP_ID, GRAPH_ROLES } from './graph-application.ts'

const READERS = '88d8e3e3-8f55-4a1e-953a-9b9898b8876b'
const DENIED = 'Insufficient privileges to complete the operation.'

let world: World
let key: CertifiedKey
let operatorThere: string
let theirToken: string
const ours = new Map<string, string>()

before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
  await world.done(201, 'POST', '/tomte/tenants', { domain: 'fabrikam.example', displayName: 'Fabrikam' })
  operatorThere = await tokenThere(await world.operator())
  theirToken = await tokenThere(await administratorThere())
  const app = await world.register(key, { displayName: 'ours', roles: ['AuditLog.Read.All'] })
  const gone = await world.register(key, { displayName: 'gone' })
  await world.done(204, 'DELETE', `/applications/${gone.objectId}`)
  await world.done(204, 'POST', '/identityProtection/riskyServicePrincipals/confirmCompromised', {
    servicePrincipalIds: [app.principalId],
  })
  const group = { displayName: 'Ours', mailNickname: 'ours', mailEnabled: false, securityEnabled: true }
  const auditor = await world.token(app)
  const latest = async (log: string) =>
    ((await world.graph('GET', log, undefined, auditor)).body['value'] as Json[])[0]?.['id']
  const definition = ['{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"00:30:00"}}']
  const made = async (path: string, body: Json) => (await world.done(201, 'POST', path, body))['id']
  const location = await made('/identity/conditionalAccess/namedLocations', {
    '@odata.type': '#microsoft.graph.ipNamedLocation',
    displayName: 'Ours',
    ipRanges: [{ cidrAddress: '192.0.2.0/24' }],
  })
  const facts: Readonly<Record<string, unknown>> = {
    '/users/': await world.user('ada'),
    '/groups/': (await world.graph('POST', '/groups', group)).body['id'] ?? 'none',
    '/applications/': app.objectId,
    '/servicePrincipals/': app.principalId,
    '/directory/deletedItems/': gone.objectId,
    '/auditLogs/signIns/': await latest('/auditLogs/signIns'),
    '/auditLogs/directoryAudits/': await latest('/auditLogs/directoryAudits'),
    '/identityProtection/riskyServicePrincipals/': app.principalId,
    '/policies/tokenLifetimePolicies/': await made('/policies/tokenLifetimePolicies', {
      displayName: 'Ours',
      definition,
    }),
    '/policies/appManagementPolicies/': await made('/policies/appManagementPolicies', {
      displayName: 'Ours',
    }),
    '/directory/certificateAuthorities/certificateBasedApplicationConfigurations/': await made(
      '/directory/certificateAuthorities/certificateBasedApplicationConfigurations',
      { displayName: 'Ours', trustedCertificateAuthorities: [await rootAuthority()] },
    ),
    '/identity/conditionalAccess/namedLocations/': location,
    '/identity/conditionalAccess/policies/': await made('/identity/conditionalAccess/policies', {
      displayName: 'Ours',
      state: 'disabled',
      conditions: {
        applications: { includeApplications: ['All'] },
        clientApplications: { includeServicePrincipals: [app.principalId] },
        locations: { includeLocations: [location] },
      },
      grantControls: { operator: 'OR', builtInControls: ['block'] },
    }),
    '/tomte/tenants/': world.tenantId,
  }
  const given = { principalId: app.principalId, roleDefinitionId: READERS, directoryScopeId: '/' }
  ours.set(
    '/roleManagement/directory/roleAssignments/',
    String(await made('/roleManagement/directory/roleAssignments', given)),
  )
  const roles = await world.done(
    200,
    'GET',
    `/directoryRoles?$filter=${encodeURIComponent(`roleTemplateId eq '${READERS}'`)}`,
  )
  ours.set('/directoryRoles/', String((roles['value'] as Json[])[0]?.['id']))
  for (const [prefix, id] of Object.entries(facts)) ours.set(prefix, String(id))
})
after(() => world.remove())

async function rootAuthority(): Promise<Json> {
  const root = await certificateMaker(world.clock.ms)({ subject: 'CN=Ours', ca: true })
  return { isRootAuthority: true, certificate: root.der }
}

async function tokenThere(app: Pick<App, 'appId' | 'key'>): Promise<string> {
  const claims = { aud: `${world.platform.origin}/fabrikam.example/v2.0` }
  const client_assertion = world.assertion(app, { claims })
  const { body, text } = await world.postForm(world.form(app, { client_assertion }), 'fabrikam.example')
  assert.equal(typeof body['access_token'], 'string', text)
  return String(body['access_token'])
}

/** An application of the other tenant that has every role there is. */
async function administratorThere(): Promise<Pick<App, 'appId' | 'key'>> {
  const call = async (method: string, path: string, body?: unknown) =>
    (await world.graph(method, path, body, operatorThere)).body
  const { appId } = await call('POST', '/applications', {
    displayName: 'theirs',
    keyCredentials: [keyCredential(key)],
  })
  const { id: principalId } = await call('POST', '/servicePrincipals', { appId })
  const { id: resourceId } = await call('GET', `/servicePrincipals(appId='${GRAPH_APP_ID}')`)
  const path = `/servicePrincipals/${String(principalId)}/appRoleAssignments`
  for (const { id: appRoleId } of Object.values(GRAPH_ROLES))
    await call('POST', path, { principalId, resourceId, appRoleId })
  return { appId: String(appId), key }
}

// Bodies that reach the object that the path names; whatever else a route wants to read comes later.
const BODIES: Readonly<Partial<Record<GraphRoute, () => unknown>>> = {
  'PATCH /users/:id': () => ({ jobTitle: 'thief' }),
  'PATCH /groups/:id': () => ({ description: 'stolen' }),
  'PATCH /applications/:id': () => ({ displayName: 'stolen' }),
  'PATCH /servicePrincipals/:id': () => ({ accountEnabled: false }),
  'PUT /users/:id/manager/$ref': () => ({ '@odata.id': `https://x/users/${ours.get('/users/')}` }),
}

// Routes without an id: reading shows nothing of ours, and creating is done in the tenant of the token.
const WITHOUT_ID: readonly GraphRoute[] = [
  'POST /users',
  'POST /applications',
  'POST /servicePrincipals',
  'POST /policies/tokenLifetimePolicies',
  'POST /roleManagement/directory/roleAssignments',
  'POST /policies/appManagementPolicies',
  'POST /directory/certificateAuthorities/certificateBasedApplicationConfigurations',
  'POST /identity/conditionalAccess/policies',
  'POST /identity/conditionalAccess/namedLocations',
  'PATCH /policies/defaultAppManagementPolicy',
  'POST /identityProtection/riskyServicePrincipals/confirmCompromised',
  'POST /identityProtection/riskyServicePrincipals/dismiss',
  'POST /tomte/signingKeys',
  'POST /tomte/tenants',
]
const CREATES_ELSEWHERE: readonly string[] = [...WITHOUT_ID, 'POST /groups']

const theirs = (method: string, path: string, body?: unknown) => world.graph(method, path, body, theirToken)
const prefixOf = (template: string) => /^(\/.*?\/):/.exec(template)?.[1]

describe('another tenant', () => {
  for (const route of Object.keys(PERMISSIONS)) {
    const [method = '', template = ''] = route.split(' ')
    const prefix = prefixOf(template)
    // What a built-in role is called is the same in every tenant, and says nothing of one.
    if (template === '/roleManagement/directory/roleDefinitions/:id') continue
    if (prefix !== undefined) {
      it(`finds nothing of ours by ${route}`, async () => {
        const id = ours.get(prefix)
        assert.ok(id, `no case for ${route}: add an object of ours for ${prefix}`)
        const path = template.replace(/:(id|policyId|tenant)/, id).replaceAll(/:\w+/g, id)
        const sent = BODIES[route as GraphRoute]?.() ?? {}
        const answer = await theirs(method, path, method === 'GET' || method === 'DELETE' ? undefined : sent)
        if (prefix === '/tomte/tenants/')
          return assertGraphError(answer, 403, 'Authorization_RequestDenied', DENIED)
        assert.equal(answer.status, 404, answer.text)
        assert.equal((answer.body['error'] as Json)['code'], 'Request_ResourceNotFound')
      })
    } else if (method === 'GET') {
      it(`is shown nothing of ours by ${route}`, async () => {
        const answer = await theirs('GET', template)
        assert.ok(answer.status < 500, answer.text)
        if (!template.startsWith('/tomte/')) assert.notEqual(answer.status, 403, answer.text)
        // The id of a tenant is no secret: it stands beside every application that comes from there.
        for (const [name, id] of ours)
          assert.equal(
            name !== '/tomte/tenants/' && answer.text.includes(id),
            false,
            `${name} ${answer.text}`,
          )
      })
    } else {
      it(`has a case for ${route}`, () =>
        assert.ok(CREATES_ELSEWHERE.includes(route), `no case for ${route}`))
    }
  }

  it('cannot state a risk of ours, nor make tenants with the role for it', async () => {
    const ids = { servicePrincipalIds: [ours.get('/servicePrincipals/')] }
    const { status } = await theirs('POST', '/identityProtection/riskyServicePrincipals/dismiss', ids)
    assert.equal(status, 404)
    const seed = { domain: 'evil.example', displayName: 'Evil' }
    for (const token of [theirToken, operatorThere])
      assertGraphError(
        await world.graph('POST', '/tomte/tenants', seed, token),
        403,
        'Authorization_RequestDenied',
        DENIED,
      )
  })

  it('cannot give a role to a service principal of ours, nor find who holds one here', async () => {
    const given = {
      principalId: ours.get('/servicePrincipals/'),
      roleDefinitionId: READERS,
      directoryScopeId: '/',
    }
    assert.equal((await theirs('POST', '/roleManagement/directory/roleAssignments', given)).status, 404)
    const link = { '@odata.id': `https://x/directoryObjects/${ours.get('/servicePrincipals/')}` }
    assert.equal((await theirs('POST', `/directoryRoles/${READERS}/members/$ref`, link)).status, 404)
    const path = `/directoryRoles/${READERS}/members`
    assert.deepEqual((await theirs('GET', path)).body['value'], [])
    assert.equal((await theirs('DELETE', `${path}/${ours.get('/servicePrincipals/')}/$ref`)).status, 404)
    assert.equal(((await world.done(200, 'GET', path))['value'] as Json[]).length, 1)
  })

  it('cannot assign a policy of its own to an object of ours, nor one of ours to its own', async () => {
    const own = (await theirs('GET', '/applications')).body['value'] as Json[]
    const link = {
      '@odata.id': `https://x/policies/tokenLifetimePolicies/${ours.get('/policies/tokenLifetimePolicies/')}`,
    }
    const path = `/applications/${String(own[0]?.['id'])}/tokenLifetimePolicies/$ref`
    assert.equal((await theirs('POST', path, link)).status, 404)
  })

  it('left nothing of ours changed', async () => {
    for (const [prefix, id] of ours) {
      if (prefix === '/tomte/tenants/' || prefix.startsWith('/auditLogs/')) continue
      const { status, text } = await world.graph('GET', `${prefix}${id}`)
      assert.ok(status === 200 || prefix === '/groups/', `${prefix}: ${text}`)
    }
    const { displayName } = await world.done(200, 'GET', `/applications/${ours.get('/applications/')}`)
    assert.equal(displayName, 'ours')
  })
})

describe('the operator’s routes', () => {
  it('list tenants, add domains that nobody has, and accounts with a password that is told once', async () => {
    const listed = (await world.done(200, 'GET', '/tomte/tenants'))['value'] as Json[]
    // Both were made in the same millisecond, maybe, and then their random ids decide.
    assert.deepEqual(new Set(listed.map(({ displayName }) => displayName)), new Set(['Contoso', 'Fabrikam']))
    const path = '/tomte/tenants/fabrikam.example'
    const grown = await world.done(201, 'POST', `${path}/domains`, { name: 'Fabrikam.TEST' })
    assert.deepEqual(
      (grown['verifiedDomains'] as Json[]).map(({ name }) => name),
      ['fabrikam.example', 'fabrikam.test'],
    )
    for (const [name, message] of [
      ['contoso.example', "The domain 'contoso.example' belongs to a tenant already."],
      ['localhost', "'localhost' cannot be a domain: a DNS name of two parts or more is expected."],
      [
        world.tenantId,
        `'${world.tenantId}' cannot be a domain: a DNS name of two parts or more is expected.`,
      ],
    ] as const)
      assertGraphError(
        await world.graph('POST', `${path}/domains`, { name }),
        400,
        'Request_BadRequest',
        message,
      )
    for (const [body, message] of [
      [{}, "Property 'refuseRepeatedAssertions' must be true or false."],
      [{ refuseRepeatedAssertions: 1 }, "Property 'refuseRepeatedAssertions' must be true or false."],
      [{ displayName: 'x' }, "Property 'displayName' of a tenant cannot be changed."],
    ] as const)
      assertGraphError(await world.graph('PATCH', path, body), 400, 'Request_BadRequest', message)
    assert.equal((await world.graph('GET', '/tomte/tenants/nobody.example')).status, 404)
    const account = await world.done(201, 'POST', `${path}/accounts`, {
      userName: 'ada@fabrikam.test',
      administrator: true,
    })
    assert.deepEqual([account['isAdministrator'], String(account['password']).length], [true, 32])
    const short = await world.graph('POST', `${path}/accounts`, {
      userName: 'bo@fabrikam.test',
      password: 'short',
    })
    assertGraphError(
      short,
      400,
      'Request_BadRequest',
      'A password for the portal needs 12 to 256 characters, and no blank at either end.',
    )
    const foreign = await world.graph('POST', `${path}/accounts`, { userName: 'bo@contoso.example' })
    assert.equal(foreign.status, 400)
  })
})
