// Service principals and the roles they are granted, over the wire.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type App, assertGraphError, claimsOf, type Json, makeKey, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import { SERVICE_PRINCIPAL_PROPERTIES, storedProperties } from './stored-properties.ts'

const READ = randomUUID()
const OFF = randomUUID()
const PEOPLE = randomUUID()

/** What JSON can hold that no conversion to text survives. */
const UNPRINTABLE = { toString: 1, valueOf: 1 }

let world: World
let key: CertifiedKey
let orders: App
let client: App
before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
  const role = (id: string, value: string) => ({ id, value, allowedMemberTypes: ['Application'] })
  orders = await world.register(key, {
    displayName: 'orders',
    identifierUris: ['api://orders'],
    appRoles: [
      role(READ, 'Orders.Read.All'),
      { ...role(OFF, 'Orders.Old'), isEnabled: false },
      { ...role(PEOPLE, 'Orders.Approve'), allowedMemberTypes: ['User'] },
    ],
  })
  client = await world.register(key)
})
after(() => world.remove())

const refused = async (method: string, path: string, body: unknown, message: string) =>
  assertGraphError(await world.graph(method, path, body), 400, 'Request_BadRequest', message)
const missing = (id: string) =>
  `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`
const notFound = async (method: string, path: string, id: string, body?: unknown) =>
  assertGraphError(await world.graph(method, path, body), 404, 'Request_ResourceNotFound', missing(id))

describe('a service principal', () => {
  it('shows what its application is, and is found by id and by (appId=…)', async () => {
    const object = await world.done(200, 'GET', `/servicePrincipals/${orders.principalId}`)
    const { appRoles, ...rest } = object
    assert.deepEqual(rest, {
      ...storedProperties(SERVICE_PRINCIPAL_PROPERTIES, '{}'),
      id: orders.principalId,
      appId: orders.appId,
      displayName: 'orders',
      accountEnabled: true,
      appDisplayName: 'orders',
      appOwnerOrganizationId: world.tenantId,
      appRoleAssignmentRequired: false,
      preferredTokenSigningKeyThumbprint: null,
      servicePrincipalNames: [orders.appId, 'api://orders'],
      servicePrincipalType: 'Application',
      keyCredentials: [],
      passwordCredentials: [],
    })
    assert.equal((appRoles as Json[]).length, 3)
    for (const path of [`(appId='${orders.appId}')`, `%28appId=%27${orders.appId}%27)`])
      assert.deepEqual(await world.done(200, 'GET', `/servicePrincipals${path}`), object)
    const filter = encodeURIComponent(`displayName eq 'orders'`)
    assert.deepEqual(await world.done(200, 'GET', `/servicePrincipals?$filter=${filter}`), {
      value: [object],
    })
    const unknown = randomUUID()
    await notFound('GET', `/servicePrincipals/${unknown}`, unknown)
    await notFound('GET', `/servicePrincipals(appId='${unknown}')`, unknown)
    await notFound('PATCH', `/servicePrincipals/${unknown}`, unknown, { accountEnabled: true })
  })

  it('is there once for each application', async () => {
    const answer = await world.graph('POST', '/servicePrincipals', { appId: orders.appId.toUpperCase() })
    assertGraphError(
      answer,
      409,
      'Request_MultipleObjectsWithSameKeyValue',
      'The service principal of this application already exists.',
    )
  })

  it('is refused for no application, and with more than an appId', async () => {
    const invalid = (appId: string) =>
      `The appId '${appId}' of the service principal does not reference a valid application object.`
    await refused('POST', '/servicePrincipals', { appId: 'x' }, invalid('x'))
    for (const body of [{}, { appId: null }, { appId: UNPRINTABLE }])
      await refused('POST', '/servicePrincipals', body, invalid(''))
    await refused(
      'POST',
      '/servicePrincipals',
      { appId: orders.appId, unicorn: [] },
      "Invalid property 'unicorn'.",
    )
  })

  it('is changed in two flags and nothing else', async () => {
    const path = `/servicePrincipals/${client.principalId}`
    for (const [body, message] of [
      [{}, 'Write requests must contain at least one property to change.'],
      [{ accountEnabled: 'yes' }, 'true or false is expected.'],
      [{ appRoleAssignmentRequired: null }, 'true or false is expected.'],
      [{ displayName: 'x', accountEnabled: false }, "Invalid property 'displayName'."],
    ] as const) {
      await refused('PATCH', path, body, message)
    }
    await world.done(204, 'PATCH', path, { accountEnabled: false })
    assert.equal((await world.done(200, 'GET', path))['accountEnabled'], false)
    assert.deepEqual((await world.postForm(world.form(client))).body['error_codes'], [7000112])
    await world.done(204, 'PATCH', path, { accountEnabled: true })
    assert.equal((await world.postForm(world.form(client))).status, 200)
  })
})

describe('a role assignment', () => {
  const path = () => `/servicePrincipals/${client.principalId}/appRoleAssignments`
  const from = () => `/servicePrincipals/${orders.principalId}/appRoleAssignedTo`
  const grant = (appRoleId: unknown) => ({
    principalId: client.principalId,
    resourceId: orders.principalId,
    appRoleId,
  })
  const UNKNOWN =
    'Permission being assigned was not found on application or cannot be assigned to an application.'

  it('is listed on both sides, once, and ends with its deletion', async () => {
    const made = await world.done(201, 'POST', path(), grant(READ.toUpperCase()))
    const { id, ...rest } = made
    assert.deepEqual(rest, {
      deletedDateTime: null,
      appRoleId: READ,
      createdDateTime: new Date(world.clock.ms).toISOString(),
      principalDisplayName: 'nightly-sync',
      principalId: client.principalId,
      principalType: 'ServicePrincipal',
      resourceDisplayName: 'orders',
      resourceId: orders.principalId,
    })
    for (const list of [path(), from()])
      assert.deepEqual(await world.done(200, 'GET', list), { value: [made] }, list)
    const exists = 'Permission being assigned already exists on the object'
    await refused('POST', path(), grant(READ), exists)
    await refused('POST', from(), grant(READ), exists)
    const wrongSide = `/servicePrincipals/${orders.principalId}/appRoleAssignments/${String(id)}`
    await notFound('DELETE', wrongSide, String(id))
    assert.equal((await world.graph('DELETE', `${path()}/${String(id)}`)).status, 204)
    await notFound('DELETE', `${path()}/${String(id)}`, String(id))
    for (const list of [path(), from()]) assert.deepEqual(await world.done(200, 'GET', list), { value: [] })
  })

  it('can be made from the side of the resource', async () => {
    const { id } = await world.done(201, 'POST', from(), grant(READ))
    assert.deepEqual(claimsOf(await world.token(client, 'api://orders/.default'))['roles'], [
      'Orders.Read.All',
    ])
    await world.done(204, 'DELETE', `${path()}/${String(id)}`)
  })

  it('is refused for a role that is unknown, disabled or for people', async () => {
    for (const role of [randomUUID(), OFF, PEOPLE, 'x', undefined, null, 7, UNPRINTABLE])
      await refused('POST', path(), grant(role), UNKNOWN)
  })

  it('is refused for parties that are unknown, or that the address does not name', async () => {
    const unknown = randomUUID()
    await notFound('POST', path(), unknown, { ...grant(READ), principalId: unknown })
    await notFound('POST', path(), unknown, { ...grant(READ), resourceId: unknown })
    await notFound('POST', path(), '', { ...grant(READ), resourceId: UNPRINTABLE })
    await notFound('POST', path(), '', {})
    const other = await world.register(key)
    await refused(
      'POST',
      `/servicePrincipals/${other.principalId}/appRoleAssignments`,
      grant(READ),
      'principalId or resourceId must be the object that was addressed.',
    )
  })
})
