// Roles of the directory, given to service principals and people in both forms that Graph has, and what a token with them may do.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openLogs } from '../audit/test-support.ts'
import { type App, assertGraphError, claimsOf, type Json, makeKey, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import { DIRECTORY_ROLES } from './directory-roles.ts'

const NO_ROLE = '0997a1d0-0d1d-4acb-b408-d5ca73121e90'
const GLOBAL_ADMINISTRATOR = '62e90394-69f5-4237-9190-012177145e10'
const READERS = '88d8e3e3-8f55-4a1e-953a-9b9898b8876b'
const USER_ADMINISTRATOR = 'fe930be7-5e62-47db-91af-98c3a49a38b1'
const ASSIGNMENTS = '/roleManagement/directory/roleAssignments'
const BAD = 'Request_BadRequest'
const NOBODY = '99999999-9999-4999-8999-999999999999'

let world: World
let key: CertifiedKey
before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
})
after(() => world.remove())

const register = () => world.register(key)
const give = (principalId: string, roleDefinitionId: string, more: Json = {}) =>
  world.graph('POST', ASSIGNMENTS, { principalId, roleDefinitionId, directoryScopeId: '/', ...more })
const wids = async (app: App, scope?: string) => claimsOf(await world.token(app, scope))['wids']
const listed = async (path: string, filter?: string) => {
  const query = filter === undefined ? '' : `?$filter=${encodeURIComponent(filter)}`
  return (await world.done(200, 'GET', `${path}${query}`))['value'] as Json[]
}
const link = (id: string) => ({ '@odata.id': `${world.platform.graphUrl}/directoryObjects/${id}` })

describe('a role of the directory', () => {
  it('stands in the next token for Graph, beside the one that is none, until it is taken away', async () => {
    const app = await register()
    assert.deepEqual(await wids(app), [NO_ROLE])
    const { status, body } = await give(app.principalId, USER_ADMINISTRATOR)
    const { id, ...given } = body
    assert.equal(status, 201)
    assert.deepEqual(given, {
      principalId: app.principalId,
      directoryScopeId: '/',
      roleDefinitionId: USER_ADMINISTRATOR,
    })
    await give(app.principalId, READERS.toUpperCase())
    assert.deepEqual(await wids(app), [READERS, USER_ADMINISTRATOR, NO_ROLE])
    assert.deepEqual(await world.done(200, 'GET', `${ASSIGNMENTS}/${String(id)}`), body)
    await world.done(204, 'DELETE', `${ASSIGNMENTS}/${String(id)}`)
    assert.deepEqual(await wids(app), [READERS, NO_ROLE])
    assert.equal((await world.graph('DELETE', `${ASSIGNMENTS}/${String(id)}`)).status, 404)
  })

  it('is in no token for another API', async () => {
    const api = await world.register(key, { identifierUris: ['api://orders'] })
    await give(api.principalId, READERS)
    assert.equal(await wids(api, 'api://orders/.default'), undefined)
  })

  it('opens what it stands for, and no more, to a token that has no permission', async () => {
    const app = await register()
    const call = async (method: string, path: string, body?: Json) =>
      (await world.graph(method, path, body, await world.token(app))).status
    assert.equal(await call('GET', '/users'), 403)
    await give(app.principalId, READERS)
    assert.deepEqual([await call('GET', '/users'), await call('POST', '/users', {})], [200, 403])
    await give(app.principalId, USER_ADMINISTRATOR)
    assert.deepEqual([await call('POST', '/users', {}), await call('POST', '/applications', {})], [400, 403])
    const requests = [
      {
        id: '1',
        method: 'POST',
        url: '/applications',
        body: {},
        headers: { 'content-type': 'application/json' },
      },
    ]
    const batch = await world.graph('POST', '/$batch', { requests }, await world.token(app))
    assert.deepEqual(
      (batch.body['responses'] as Json[]).map((each) => each['status']),
      [403],
    )
  })

  it('of the global administrator opens every route but the operator’s', async () => {
    const app = await register()
    await give(app.principalId, GLOBAL_ADMINISTRATOR)
    const token = await world.token(app)
    for (const path of [
      '/users',
      '/applications',
      '/auditLogs/signIns',
      '/identity/conditionalAccess/policies',
      ASSIGNMENTS,
    ])
      assert.equal((await world.graph('GET', path, undefined, token)).status, 200, path)
    assert.equal((await world.graph('GET', '/tomte/tenants', undefined, token)).status, 403)
  })

  it('is the same thing by directoryRoles, under the id of the tenant or of the template', async () => {
    const app = await register()
    const [role = {}] = await listed('/directoryRoles', "displayName eq 'User Administrator'")
    assert.deepEqual(role, {
      id: role['id'],
      deletedDateTime: null,
      description: 'Can manage people and groups.',
      displayName: 'User Administrator',
      roleTemplateId: USER_ADMINISTRATOR,
    })
    const names = [String(role['id']), USER_ADMINISTRATOR, `roleTemplateId=${USER_ADMINISTRATOR}`]
    for (const name of [...names.map((one) => `/${one}`), `(roleTemplateId='${USER_ADMINISTRATOR}')`])
      assert.deepEqual(await world.done(200, 'GET', `/directoryRoles${name}`), role, name)
    const person = await world.user('ruth')
    const path = `/directoryRoles/${names[1]}/members`
    for (const id of [app.principalId, person]) await world.done(204, 'POST', `${path}/$ref`, link(id))
    const members = await listed(`/directoryRoles/${names[2]}/members`)
    for (const id of [app.principalId, person]) assert.ok(members.some((one) => one['id'] === id))
    assert.deepEqual(await wids(app), [USER_ADMINISTRATOR, NO_ROLE])
    const held = await listed(ASSIGNMENTS, `principalId eq '${app.principalId}'`)
    assert.deepEqual(
      held.map((one) => one['roleDefinitionId']),
      [USER_ADMINISTRATOR],
    )
    assertGraphError(
      await world.graph('POST', `${path}/$ref`, link(app.principalId)),
      400,
      BAD,
      "One or more added object references already exist for the following modified properties: 'members'.",
    )
    await world.done(204, 'DELETE', `${path}/${app.principalId}/$ref`)
    assert.deepEqual(await wids(app), [NO_ROLE])
    assert.equal((await world.graph('DELETE', `${path}/${app.principalId}/$ref`)).status, 404)
  })

  it('is defined once for all tenants, and every one is listed', async () => {
    const definitions = await listed('/roleManagement/directory/roleDefinitions')
    assert.deepEqual(
      definitions.map((one) => one['id']),
      [...DIRECTORY_ROLES.keys()].sort(),
    )
    const [reader = {}] = await listed(
      '/roleManagement/directory/roleDefinitions',
      "displayName eq 'Directory Readers'",
    )
    assert.deepEqual(
      await world.done(200, 'GET', `/roleManagement/directory/roleDefinitions/${READERS}`),
      reader,
    )
    assert.equal((await listed('/directoryRoles')).length, DIRECTORY_ROLES.size)
  })

  it('goes with a service principal that is deleted, and comes back with it', async () => {
    const app = await register()
    await give(app.principalId, READERS)
    const held = () => listed(ASSIGNMENTS, `principalId eq '${app.principalId}'`)
    const before = await held()
    await world.done(204, 'DELETE', `/servicePrincipals/${app.principalId}`)
    assert.deepEqual(await held(), [])
    await world.done(200, 'POST', `/directory/deletedItems/${app.principalId}/restore`)
    assert.deepEqual(await held(), before)
    assert.deepEqual(await wids(app), [READERS, NO_ROLE])
  })

  it('is logged when it is given and taken, by whichever form', async () => {
    const logs = await openLogs(world)
    const app = await register()
    world.clock.ms += 1000
    const { body } = await give(app.principalId, READERS)
    await world.done(204, 'DELETE', `${ASSIGNMENTS}/${String(body['id'])}`)
    const path = `/directoryRoles/${READERS}/members`
    await world.done(204, 'POST', `${path}/$ref`, link(app.principalId))
    await world.done(204, 'DELETE', `${path}/${app.principalId}/$ref`)
    const rows = (await logs.rows('/directoryAudits')).filter((row) => row['category'] === 'RoleManagement')
    const names = rows.slice(0, 4).map((row) => row['activityDisplayName'])
    for (const name of ['Add member to role', 'Remove member from role'])
      assert.equal(names.filter((one) => one === name).length, 2, name)
    assert.ok(rows.slice(0, 4).every((row) => JSON.stringify(row).includes(app.principalId)))
  })
})

describe('a role that cannot be given', () => {
  it('is refused with what is wrong', async () => {
    const app = await register()
    const group = { displayName: 'Jobs', mailNickname: 'jobs', mailEnabled: false, securityEnabled: true }
    const { id: groupId } = await world.done(201, 'POST', '/groups', group)
    const scoped = { directoryScopeId: `/${app.objectId}` }
    await give(app.principalId, READERS)
    for (const [answer, message] of [
      [await give(app.principalId, NOBODY), `No role definition has the id '${NOBODY}'.`],
      [
        await give(app.principalId, USER_ADMINISTRATOR, scoped),
        "Property 'directoryScopeId' must be '/': a role is given in the whole tenant.",
      ],
      [
        await give(app.principalId, USER_ADMINISTRATOR, { condition: 'x' }),
        "Property 'condition' of a role assignment is not supported.",
      ],
      [
        await give(String(groupId), READERS),
        'A role is given to a user or a service principal: a group cannot hold one.',
      ],
      [
        await give(app.principalId, READERS),
        'A conflicting object with one or more of the specified property values is present in the directory.',
      ],
    ] as const)
      assertGraphError(answer, 400, BAD, message)
    assert.equal((await give(NOBODY, READERS)).status, 404)
    for (const path of [
      `/directoryRoles/${NOBODY}`,
      `/directoryRoles/${NOBODY}/members`,
      `/roleManagement/directory/roleDefinitions/${NOBODY}`,
      `${ASSIGNMENTS}/${NOBODY}`,
    ])
      assert.equal((await world.graph('GET', path)).status, 404, path)
  })
})
