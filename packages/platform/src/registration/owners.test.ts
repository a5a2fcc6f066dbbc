import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type App, assertGraphError, type Json, makeKey, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'

const DENIED = 'Insufficient privileges to complete the operation.'

let world: World
let key: CertifiedKey
let owner: App
let token: string
before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
  owner = await world.register(key, { displayName: 'owner', roles: ['Application.ReadWrite.OwnedBy'] })
  token = await world.token(owner)
})
after(() => world.remove())

const asOwner = (method: string, path: string, body?: unknown) => world.graph(method, path, body, token)
const link = (kind: string, id: string) => ({ '@odata.id': `${world.platform.graphUrl}/${kind}/${id}` })
const ownersOf = async (path: string) =>
  ((await world.done(200, 'GET', `${path}/owners`))['value'] as Json[]).map((one) => [
    one['@odata.type'],
    one['id'],
  ])

describe('Application.ReadWrite.OwnedBy', () => {
  it('makes whoever creates an application its owner, who may then do everything with it', async () => {
    const { status, body: made } = await asOwner('POST', '/applications', { displayName: 'mine' })
    assert.equal(status, 201)
    const path = `/applications/${String(made['id'])}`
    assert.deepEqual(await ownersOf(path), [['#microsoft.graph.servicePrincipal', owner.principalId]])
    assert.equal((await asOwner('PATCH', path, { displayName: 'still mine' })).status, 204)
    assert.equal((await asOwner('POST', `${path}/addPassword`, {})).status, 200)
    const principal = await asOwner('POST', '/servicePrincipals', { appId: made['appId'] })
    assert.equal(principal.status, 201)
    const principalPath = `/servicePrincipals/${String(principal.body['id'])}`
    assert.deepEqual(await ownersOf(principalPath), [
      ['#microsoft.graph.servicePrincipal', owner.principalId],
    ])
    assert.equal((await asOwner('PATCH', principalPath, { accountEnabled: false })).status, 204)
    assert.equal((await asOwner('DELETE', principalPath)).status, 204)
    assert.equal((await asOwner('DELETE', path)).status, 204)
  })

  it('is no permission for what somebody else owns, until it is shared and after it is not', async () => {
    const other = await world.register(key, { displayName: 'theirs' })
    const path = `/applications/${other.objectId}`
    const attempts = async () =>
      Promise.all(
        (
          [
            ['PATCH', path, { displayName: 'stolen' }],
            ['DELETE', path, undefined],
            ['POST', `${path}/addPassword`, {}],
            ['POST', `${path}/owners/$ref`, link('servicePrincipals', owner.principalId)],
            ['PATCH', `/servicePrincipals/${other.principalId}`, { accountEnabled: false }],
            ['DELETE', `/servicePrincipals/${other.principalId}`, undefined],
          ] as const
        ).map(([method, target, body]) => asOwner(method, target, body)),
      )
    for (const answer of await attempts())
      assertGraphError(answer, 403, 'Authorization_RequestDenied', DENIED)
    await world.done(204, 'POST', `${path}/owners/$ref`, link('servicePrincipals', owner.principalId))
    assert.equal((await asOwner('PATCH', path, { displayName: 'shared' })).status, 204)
    await world.done(204, 'DELETE', `${path}/owners/${owner.principalId}/$ref`)
    for (const answer of await attempts())
      assertGraphError(answer, 403, 'Authorization_RequestDenied', DENIED)
    assert.equal((await world.done(200, 'GET', path))['displayName'], 'shared')
  })

  it('adds no application to the tenant that is not its own', async () => {
    const other = await world.register(key, { principal: false })
    const answer = await asOwner('POST', '/servicePrincipals', { appId: other.appId })
    assertGraphError(answer, 403, 'Authorization_RequestDenied', DENIED)
  })
})

describe('owners', () => {
  it('are users and service principals, bound at creation or later, and each once', async () => {
    const user = await world.user('ada')
    const made = await world.done(201, 'POST', '/applications', {
      displayName: 'bound',
      'owners@odata.bind': [link('users', user)['@odata.id']],
    })
    const path = `/applications/${String(made['id'])}`
    assert.deepEqual(await ownersOf(path), [['#microsoft.graph.user', user]])
    await world.done(204, 'POST', `${path}/owners/$ref`, link('directoryObjects', owner.principalId))
    assert.equal((await ownersOf(path)).length, 2)
    assertGraphError(
      await world.graph('POST', `${path}/owners/$ref`, link('users', user)),
      400,
      'Request_BadRequest',
      "One or more added object references already exist for the following modified properties: 'owners'.",
    )
    await world.done(204, 'DELETE', `/users/${user}`)
    assert.deepEqual(await ownersOf(path), [['#microsoft.graph.servicePrincipal', owner.principalId]])
    await world.done(200, 'POST', `/directory/deletedItems/${user}/restore`)
    assert.equal((await ownersOf(path)).length, 2)
  })

  it('are refused where the link leads nowhere', async () => {
    const path = `/applications/${owner.objectId}/owners/$ref`
    const id = randomUUID()
    const missing = `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`
    assertGraphError(
      await world.graph('POST', path, link('users', id)),
      404,
      'Request_ResourceNotFound',
      missing,
    )
    for (const body of [{}, link('groups', id), { '@odata.id': 7 }])
      assertGraphError(
        await world.graph('POST', path, body),
        400,
        'Request_BadRequest',
        "Invalid URL format specified in '@odata.id'.",
      )
    assert.equal(
      (await world.graph('DELETE', `/applications/${owner.objectId}/owners/${id}/$ref`)).status,
      404,
    )
  })
})
