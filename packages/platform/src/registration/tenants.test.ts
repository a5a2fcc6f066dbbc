// Two tenants on one platform: neither can see, name or change anything of the other.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { PERMISSIONS } from '../graph/permissions.ts'
import { openDatabase } from '../store/database.ts'
import {
  type App,
  assertGraphError,
  type Json,
  keyCredential,
  makeKey,
  temporaryFolder,
  World,
} from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import { GRAPH_APP_ID, GRAPH_ROLES } from './graph-application.ts'
import { keyCredentialRows } from './key-credentials.ts'

const FABRIKAM = randomUUID()
const ROLE = randomUUID()

let world: World
let key: CertifiedKey
let ours: { app: App; user: string; assignment: string }
let theirToken: string

/** Writes a second tenant, which no call of this release can make, with an administrator of its own. */
async function insertTenant(folder: string, nowMs: number): Promise<App> {
  const db = await openDatabase(folder)
  const [objectId, appId, principalId, graphId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  const at = { created_at_ms: nowMs }
  const principal = {
    ...at,
    tenant_id: FABRIKAM,
    account_enabled: 1,
    app_role_assignment_required: 0,
  } as const
  await db
    .insertInto('tenant')
    .values({ ...at, id: FABRIKAM, display_name: 'Fabrikam' })
    .execute()
  await db
    .insertInto('domain')
    .values({ name: 'fabrikam.example', tenant_id: FABRIKAM, is_default: 1 })
    .execute()
  await db
    .insertInto('application')
    .values({
      ...at,
      id: objectId,
      app_id: appId,
      tenant_id: FABRIKAM,
      display_name: 'fabrikam administrator',
      sign_in_audience: 'AzureADMyOrg',
      identifier_uris: '["api://fabrikam"]',
      app_roles: '[]',
      required_resource_access: '[]',
      requested_access_token_version: null,
    })
    .execute()
  await db
    .insertInto('key_credential')
    .values(keyCredentialRows([keyCredential(key)], objectId))
    .execute()
  await db
    .insertInto('service_principal')
    .values([
      { ...principal, id: principalId, app_id: appId },
      { ...principal, id: graphId, app_id: GRAPH_APP_ID },
    ])
    .execute()
  for (const { id } of Object.values(GRAPH_ROLES)) {
    const grant = { tenant_id: FABRIKAM, principal_id: principalId, resource_id: graphId, app_role_id: id }
    await db
      .insertInto('app_role_assignment')
      .values({ ...at, ...grant, id: randomUUID() })
      .execute()
  }
  await db.destroy()
  return { objectId, appId, principalId, key }
}

before(async () => {
  const folder = await temporaryFolder()
  const first = await World.start(folder)
  key = await makeKey(first.clock.ms)
  await first.stop()
  const administrator = await insertTenant(folder, first.clock.ms)
  world = await World.start(folder)
  const role = { id: ROLE, value: 'Orders.Read.All', allowedMemberTypes: ['Application'] }
  const app = await world.register(key, { identifierUris: ['api://orders'], appRoles: [role] })
  ours = {
    app,
    user: await world.user('ada'),
    assignment: await world.assign(app, app.principalId, ROLE),
  }
  const claims = { aud: `${world.platform.origin}/${FABRIKAM}/v2.0` }
  const client_assertion = world.assertion(administrator, { claims })
  const { body } = await world.postForm(world.form(administrator, { client_assertion }), 'fabrikam.example')
  theirToken = String(body['access_token'])
})
after(() => world.remove())

const theirs = (method: string, path: string, body?: unknown) => world.graph(method, path, body, theirToken)
const missing = (id: string) =>
  `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`

describe('another tenant', () => {
  it('has an administrator with every role, so that nothing but the tenant stands between', async () => {
    const { value } = (await theirs('GET', '/organization')).body as { value: Json[] }
    assert.deepEqual([value.length, value[0]?.['id'], value[0]?.['displayName']], [1, FABRIKAM, 'Fabrikam'])
    assert.deepEqual(value[0]?.['verifiedDomains'], [
      { name: 'fabrikam.example', isDefault: true, isInitial: true },
    ])
  })

  const BODIES: Readonly<Record<string, () => unknown>> = {
    'PATCH /users/:id': () => ({ jobTitle: 'thief' }),
    'PUT /users/:id/manager/$ref': () => ({ '@odata.id': `https://x/users/${ours.user}` }),
    'PATCH /groups/:id': () => ({ description: 'stolen' }),
    'PATCH /applications/:id': () => ({ displayName: 'stolen' }),
    'PATCH /servicePrincipals/:id': () => ({ accountEnabled: false }),
    'POST /servicePrincipals/:id/appRoleAssignments': () => grant(),
    'POST /servicePrincipals/:id/appRoleAssignedTo': () => grant(),
  }
  const grant = () => ({
    principalId: ours.app.principalId,
    resourceId: ours.app.principalId,
    appRoleId: ROLE,
  })

  for (const route of Object.keys(PERMISSIONS).filter((one) => one.includes(':id'))) {
    it(`finds nothing of ours by ${route}`, async () => {
      const [method = '', template = ''] = route.split(' ')
      const { app, user, assignment } = ours
      const id = template.startsWith('/users')
        ? user
        : template.startsWith('/app')
          ? app.objectId
          : app.principalId
      const path = template
        .replace(':assignmentId', assignment)
        .replace(':credentialId', 'ci-main')
        .replace(':id', id)
      const answer = await theirs(method, path, BODIES[route]?.())
      assertGraphError(answer, 404, 'Request_ResourceNotFound', missing(id))
    })
  }

  it('finds nothing of ours by name or by application id', async () => {
    assert.equal((await theirs('GET', '/users/ada@contoso.example')).status, 404)
    for (const collection of ['applications', 'servicePrincipals']) {
      const { status } = await theirs('GET', `/${collection}(appId='${ours.app.appId}')`)
      assert.equal(status, 404, collection)
    }
  })

  it('lists nothing of ours, filtered or not', async () => {
    for (const [path, count] of [
      ['/users', 0],
      ["/users?$filter=userPrincipalName%20eq%20'ada@contoso.example'", 0],
      ['/applications', 1],
      [`/applications?$filter=appId%20eq%20'${ours.app.appId}'`, 0],
      ['/servicePrincipals', 2],
      [`/servicePrincipals?$filter=appId%20eq%20'${ours.app.appId}'`, 0],
    ] as const) {
      const { status, text, body } = await theirs('GET', path)
      assert.deepEqual([status, (body['value'] as Json[]).length], [200, count], path)
      for (const id of [ours.app.appId, ours.app.objectId, ours.app.principalId, ours.user, world.tenantId])
        assert.equal(text.includes(id), false, path)
    }
    const own = await world.done(200, 'GET', '/applications')
    assert.equal(JSON.stringify(own).includes('fabrikam'), false)
  })

  it('can name none of ours from its own objects', async () => {
    const [own] = (await theirs('GET', '/servicePrincipals')).body['value'] as Json[]
    const ownId = String(own?.['id'])
    const path = `/servicePrincipals/${ownId}/appRoleAssignments`
    const body = { principalId: ownId, resourceId: ours.app.principalId, appRoleId: ROLE }
    assertGraphError(
      await theirs('POST', path, body),
      404,
      'Request_ResourceNotFound',
      missing(ours.app.principalId),
    )
    const user = {
      accountEnabled: true,
      displayName: 'Eve',
      mailNickname: 'eve',
      userPrincipalName: 'eve@fabrikam.example',
      passwordProfile: { password: `Aa1-${randomUUID()}` },
    }
    const { id } = (await theirs('POST', '/users', user)).body
    const link = { '@odata.id': `https://graph.microsoft.com/v1.0/users/${ours.user}` }
    const manager = await theirs('PUT', `/users/${String(id)}/manager/$ref`, link)
    assertGraphError(manager, 404, 'Request_ResourceNotFound', missing(ours.user))
    const foreign = await theirs('POST', '/users', { ...user, userPrincipalName: 'eve@contoso.example' })
    assert.equal(foreign.status, 400)
  })

  it('cannot install our single-tenant application, nor get a token for it', async () => {
    const message = `The appId '${ours.app.appId}' of the service principal does not reference a valid application object.`
    const answer = await theirs('POST', '/servicePrincipals', { appId: ours.app.appId })
    assertGraphError(answer, 400, 'Request_BadRequest', message)
    const { body } = await world.postForm(world.form(ours.app), FABRIKAM)
    assert.deepEqual(body['error_codes'], [700016])
  })

  it('installs an application that we made multi-tenant, under a service principal of its own', async () => {
    const shared = await world.register(key, { displayName: 'shared', signInAudience: 'AzureADMultipleOrgs' })
    const { status, body } = await theirs('POST', '/servicePrincipals', { appId: shared.appId })
    assert.deepEqual([status, body['appOwnerOrganizationId']], [201, world.tenantId])
    assert.notEqual(body['id'], shared.principalId)
    assert.equal((await theirs('GET', `/applications/${shared.objectId}`)).status, 404)
    assert.equal((await theirs('GET', `/servicePrincipals/${shared.principalId}`)).status, 404)
  })

  it('gives credentials to its own service principal of a shared application, which prove nothing here', async () => {
    const shared = await world.register(key, { displayName: 'shared', signInAudience: 'AzureADMultipleOrgs' })
    const { id } = (await theirs('POST', '/servicePrincipals', { appId: shared.appId })).body
    const path = `/servicePrincipals/${String(id)}`
    const { secretText } = (await theirs('POST', `${path}/addPassword`, {})).body
    const made = await makeKey(world.clock.ms)
    const keyCredentials = [keyCredential(made)]
    assert.equal((await theirs('PATCH', path, { keyCredentials })).status, 204)
    const bySecret = { client_id: shared.appId, client_secret: String(secretText) }
    const common = { grant_type: 'client_credentials', scope: 'https://graph.microsoft.com/.default' }
    const claims = (tenant: string) => ({ aud: `${world.platform.origin}/${tenant}/v2.0` })
    const byKey = (tenant: string) =>
      world.form(shared, {
        client_assertion: world.assertion({ ...shared, key: made }, { claims: claims(tenant) }),
      })
    assert.equal((await world.postForm({ ...common, ...bySecret }, FABRIKAM)).status, 200)
    assert.equal((await world.postForm(byKey(FABRIKAM), FABRIKAM)).status, 200)
    const here = await world.postForm({ ...common, ...bySecret })
    assert.deepEqual(here.body['error_codes'], [7000215])
    assert.deepEqual((await world.postForm(byKey(world.tenantId))).body['error_codes'], [700027])
    const own = await world.done(200, 'GET', `/applications/${shared.objectId}`)
    assert.deepEqual([own['passwordCredentials'], (own['keyCredentials'] as Json[]).length], [[], 1])
  })

  it('left nothing of ours changed', async () => {
    const { displayName } = await world.done(200, 'GET', `/applications/${ours.app.objectId}`)
    const user = await world.done(200, 'GET', `/users/${ours.user}?$select=jobTitle`)
    const principal = await world.done(200, 'GET', `/servicePrincipals/${ours.app.principalId}`)
    assert.deepEqual(
      [displayName, user, principal['accountEnabled']],
      ['nightly-sync', { jobTitle: null }, true],
    )
    const path = `/servicePrincipals/${ours.app.principalId}/appRoleAssignments`
    assert.equal(((await world.done(200, 'GET', path))['value'] as Json[]).length, 1)
  })
})
