import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type App, assertGraphError, type Json, makeKey, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import { GRAPH_APP_ID } from './graph-application.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const ROLE = randomUUID()

let world: World
let key: CertifiedKey
before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
})
after(() => world.remove())

const missing = (id: string) =>
  `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`
const codes = async (app: App, scope?: string) =>
  (await world.postForm(world.form(app, scope === undefined ? {} : { scope }))).body['error_codes']
const deleted = async (kind: string): Promise<Json[]> =>
  (await world.done(200, 'GET', `/directory/deletedItems/microsoft.graph.${kind}`))['value'] as Json[]
const idsOf = (objects: readonly Json[]) => objects.map(({ id }) => id)

describe('a deleted application', () => {
  it('gets no tokens at once, is listed, and comes back with everything that belonged to it', async () => {
    const role = { id: ROLE, value: 'Orders.Read.All', allowedMemberTypes: ['Application'] }
    const app = await world.register(key, {
      displayName: 'orders',
      identifierUris: ['api://orders'],
      appRoles: [role],
    })
    await world.assign(app, app.principalId, ROLE)
    await world.done(200, 'POST', `/applications/${app.objectId}/addPassword`, {})
    const before = await world.done(200, 'GET', `/applications/${app.objectId}`)
    const grants = await world.done(200, 'GET', `/servicePrincipals/${app.principalId}/appRoleAssignments`)
    assert.equal(await codes(app, 'api://orders/.default'), undefined)

    await world.done(204, 'DELETE', `/applications(appId='${app.appId}')`)
    assert.deepEqual(await codes(app), [700016])
    for (const path of [`/applications/${app.objectId}`, `/servicePrincipals/${app.principalId}`])
      assert.equal((await world.graph('GET', path)).status, 404, path)
    const [item] = (await deleted('application')).filter(({ id }) => id === app.objectId)
    assert.deepEqual(item, { ...before, deletedDateTime: new Date(world.clock.ms).toISOString() })

    const restored = await world.done(200, 'POST', `/directory/deletedItems/${app.objectId}/restore`)
    assert.deepEqual(restored, { '@odata.type': '#microsoft.graph.application', ...before })
    assert.deepEqual(await world.done(200, 'GET', `/applications/${app.objectId}`), before)
    const back = await world.done(200, 'GET', `/servicePrincipals/${app.principalId}/appRoleAssignments`)
    assert.deepEqual(back, grants)
    assert.equal(await codes(app, 'api://orders/.default'), undefined)
    assert.deepEqual(idsOf(await deleted('application')).includes(app.objectId), false)
  })

  it('is gone after 30 days, or at once if it is deleted for good', async () => {
    const [first, second] = [await world.register(key), await world.register(key)]
    for (const app of [first, second]) await world.done(204, 'DELETE', `/applications/${app.objectId}`)
    const path = `/directory/deletedItems/${first.objectId}`
    await world.done(204, 'DELETE', path)
    assertGraphError(await world.graph('GET', path), 404, 'Request_ResourceNotFound', missing(first.objectId))
    const other = `/directory/deletedItems/${second.objectId}`
    world.clock.ms += 30 * DAY_MS - 1
    const operator = await world.token(await world.operator())
    assert.equal((await world.graph('GET', other, undefined, operator)).status, 200)
    world.clock.ms += 1
    assert.equal((await world.graph('POST', `${other}/restore`, undefined, operator)).status, 404)
    world.clock.ms -= 30 * DAY_MS
  })

  it('does not come back to an App ID URI that another has taken', async () => {
    const app = await world.register(key, { identifierUris: ['api://taken'] })
    await world.done(204, 'DELETE', `/applications/${app.objectId}`)
    await world.register(key, { identifierUris: ['api://taken'] })
    const answer = await world.graph('POST', `/directory/deletedItems/${app.objectId}/restore`)
    const message = 'Another object with the same value for property identifierUris already exists.'
    assertGraphError(answer, 400, 'Request_BadRequest', message)
    assert.equal((await world.graph('GET', `/applications/${app.objectId}`)).status, 404)
  })

  it('is never the operator, nor is what the platform itself stands on', async () => {
    const { clientId } = world.platform.operator
    const message = 'The operator application cannot be deleted: nothing else can administer this platform.'
    for (const kind of ['applications', 'servicePrincipals'])
      assertGraphError(
        await world.graph('DELETE', `/${kind}(appId='${clientId}')`),
        400,
        'Request_BadRequest',
        message,
      )
    assertGraphError(
      await world.graph('DELETE', `/servicePrincipals(appId='${GRAPH_APP_ID}')`),
      400,
      'Request_BadRequest',
      "The service principal 'Microsoft Graph' belongs to the platform and cannot be deleted.",
    )
  })
})

describe('a deleted service principal', () => {
  it('gets no tokens in its tenant, and comes back with its grants', async () => {
    const app = await world.register(key, { roles: ['User.Read.All'] })
    await world.done(204, 'DELETE', `/servicePrincipals/${app.principalId}`)
    assert.deepEqual(await codes(app), [7000229])
    assert.equal((await world.graph('GET', `/applications/${app.objectId}`)).status, 200)
    assert.ok(idsOf(await deleted('servicePrincipal')).includes(app.principalId))
    await world.done(200, 'POST', `/directory/deletedItems/${app.principalId}/restore`)
    const answer = await world.graph('GET', '/users', undefined, await world.token(app))
    assert.equal(answer.status, 200)
  })

  it('does not come back beside a new one, nor without its application', async () => {
    const app = await world.register(key)
    await world.done(204, 'DELETE', `/servicePrincipals/${app.principalId}`)
    const { id } = await world.done(201, 'POST', '/servicePrincipals', { appId: app.appId })
    const restore = `/directory/deletedItems/${app.principalId}/restore`
    assertGraphError(
      await world.graph('POST', restore),
      400,
      'Request_BadRequest',
      'The service principal of this application already exists.',
    )
    await world.done(204, 'DELETE', `/servicePrincipals/${String(id)}`)
    await world.done(204, 'DELETE', `/applications/${app.objectId}`)
    assertGraphError(
      await world.graph('POST', restore),
      400,
      'Request_BadRequest',
      'The application of this service principal does not exist: restore it first.',
    )
  })

  it('leaves grants behind whose other side was deleted meanwhile', async () => {
    const role = { id: randomUUID(), value: 'X', allowedMemberTypes: ['Application'] }
    const api = await world.register(key, { appRoles: [role] })
    const app = await world.register(key)
    await world.assign(app, api.principalId, role.id)
    await world.done(204, 'DELETE', `/servicePrincipals/${app.principalId}`)
    await world.done(204, 'DELETE', `/servicePrincipals/${api.principalId}`)
    await world.done(200, 'POST', `/directory/deletedItems/${app.principalId}/restore`)
    const path = `/servicePrincipals/${app.principalId}/appRoleAssignments`
    assert.deepEqual((await world.done(200, 'GET', path))['value'], [])
  })
})

describe('a deleted user', () => {
  it('comes back as it was, still the manager of whom nobody else manages', async () => {
    const [boss, ada, bob] = [await world.user('boss'), await world.user('ada'), await world.user('bob')]
    const link = (id: string) => ({ '@odata.id': `${world.platform.graphUrl}/users/${id}` })
    for (const id of [ada, bob]) await world.done(204, 'PUT', `/users/${id}/manager/$ref`, link(boss))
    await world.done(204, 'DELETE', '/users/boss@contoso.example')
    assert.equal((await world.graph('GET', `/users/${boss}`)).status, 404)
    assert.equal((await world.graph('GET', `/users/${ada}/manager`)).status, 404)
    assert.ok(idsOf(await deleted('user')).includes(boss))
    await world.done(204, 'PUT', `/users/${bob}/manager/$ref`, link(ada))
    await world.done(200, 'POST', `/directory/deletedItems/${boss}/restore`)
    assert.equal((await world.done(200, 'GET', `/users/${ada}/manager`))['id'], boss)
    assert.equal((await world.done(200, 'GET', `/users/${bob}/manager`))['id'], ada)
  })

  it('does not come back under a name that another has taken', async () => {
    const first = await world.user('carl')
    await world.done(204, 'DELETE', `/users/${first}`)
    await world.user('carl')
    assertGraphError(
      await world.graph('POST', `/directory/deletedItems/${first}/restore`),
      400,
      'Request_BadRequest',
      'Another object with the same value for property userPrincipalName already exists.',
    )
  })

  it('is not for those who may restore applications alone, nor the reverse', async () => {
    const user = await world.user('dora')
    await world.done(204, 'DELETE', `/users/${user}`)
    const app = await world.register(key)
    await world.done(204, 'DELETE', `/applications/${app.objectId}`)
    const people = await world.token(await world.register(key, { roles: ['User.ReadWrite.All'] }))
    const apps = await world.token(await world.register(key, { roles: ['Application.ReadWrite.All'] }))
    for (const [id, token] of [
      [user, apps],
      [app.objectId, people],
    ] as const)
      for (const [method, rest] of [
        ['GET', ''],
        ['POST', '/restore'],
        ['DELETE', ''],
      ] as const)
        assertGraphError(
          await world.graph(method, `/directory/deletedItems/${id}${rest}`, undefined, token),
          403,
          'Authorization_RequestDenied',
          'Insufficient privileges to complete the operation.',
        )
  })
})
