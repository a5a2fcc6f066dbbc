import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type App, assertGraphError, type Json, makeKey, World } from '../test-support.ts'

let world: World
let app: App
let path: string

before(async () => {
  world = await World.start()
  app = await world.register(await makeKey(world.clock.ms))
})
after(() => world.remove())

const credential = (name: string, changes: Json = {}): Json => ({
  name,
  issuer: 'https://token.actions.githubusercontent.com',
  subject: `repo:acme/shop:${name}`,
  audiences: ['api://AzureADTokenExchange'],
  ...changes,
})
const fresh = async () => {
  const { objectId } = await world.register(app.key, { principal: false })
  path = `/applications/${objectId}/federatedIdentityCredentials`
  return objectId
}
const listed = async () => (await world.done(200, 'GET', path))['value'] as readonly Json[]

describe('a federated credential', () => {
  it('is created, listed, found by id and by name, changed and deleted', async () => {
    await fresh()
    const made = await world.done(201, 'POST', path, credential('ci-main'))
    assert.deepEqual(made, { ...credential('ci-main'), id: made['id'], description: null })
    assert.match(String(made['id']), /^[0-9a-f-]{36}$/)
    assert.deepEqual(await listed(), [made])
    for (const one of [String(made['id']), String(made['id']).toUpperCase(), 'ci-main'])
      assert.deepEqual(await world.done(200, 'GET', `${path}/${one}`), made)
    const changes = {
      name: 'ci-main',
      issuer: 'https://idp.example/',
      subject: 'system:serviceaccount:shop:web',
      audiences: ['api://AzureADTokenExchangeChina'],
      description: 'the shop',
    }
    await world.done(204, 'PATCH', `${path}/ci-main`, changes)
    assert.deepEqual(await listed(), [{ ...changes, id: made['id'] }])
    await world.done(204, 'PATCH', `${path}/${String(made['id'])}`, { description: null })
    assert.deepEqual(await listed(), [{ ...changes, id: made['id'], description: null }])
    await world.done(204, 'PATCH', `${path}/ci-main`, {})
    await world.done(204, 'DELETE', `${path}/ci-main`)
    assert.deepEqual(await listed(), [])
  })

  it('is reached by the application id too', async () => {
    await fresh()
    const byAppId = `/applications(appId='${app.appId}')/federatedIdentityCredentials`
    const made = await world.done(201, 'POST', byAppId, credential('by-app-id'))
    assert.deepEqual(await world.done(200, 'GET', `${byAppId}/by-app-id`), made)
    await world.done(204, 'DELETE', `${byAppId}/by-app-id`)
  })

  it('keeps blanks and letter case as they were sent, and asks no issuer', async () => {
    await fresh()
    const odd = credential('odd', { issuer: ' no URL', subject: 'A ', audiences: ['x'.repeat(600)] })
    const made = await world.done(201, 'POST', path, odd)
    assert.deepEqual(made, { ...odd, id: made['id'], description: null })
  })

  it('is not found by the id of another application’s, nor when it is gone', async () => {
    await fresh()
    const { id } = await world.done(201, 'POST', path, credential('theirs'))
    await fresh()
    for (const one of [String(id), 'theirs', randomUUID()])
      for (const [method, body] of [['GET'], ['PATCH', { description: 'x' }], ['DELETE']] as const) {
        const message = `Resource '${one}' does not exist or one of its queried reference-property objects are not present.`
        const answer = await world.graph(method, `${path}/${one}`, body)
        assertGraphError(answer, 404, 'Request_ResourceNotFound', message)
      }
  })

  const NAME =
    "Property 'name' must have 3 to 120 letters, digits, hyphens and underscores, the first a letter or a digit."
  const NEEDS = "A federated credential needs 'name', 'issuer', 'subject' and 'audiences'."
  const ONE = "Property 'audiences' must be a list of exactly one audience."
  const text = (name: string) => `Property '${name}' must be a text of 1 to 600 characters.`
  const cannot = (name: string) =>
    `Property '${name}' cannot be set on type 'microsoft.graph.federatedIdentityCredential'.`
  const long = 'x'.repeat(601)
  const REFUSED: readonly (readonly [string, Json, string])[] = [
    ['no name', { name: undefined }, NAME],
    ['a name of two characters', { name: 'ab' }, NAME],
    ['a name of 121 characters', { name: 'x'.repeat(121) }, NAME],
    ['a name that begins with a hyphen', { name: '-abc' }, NAME],
    ['a name with a slash', { name: 'a/bc' }, NAME],
    ['a name with a line break', { name: 'abc\n' }, NAME],
    ['no issuer', { issuer: undefined }, NEEDS],
    ['an empty issuer', { issuer: '' }, text('issuer')],
    ['an issuer of 601 characters', { issuer: long }, text('issuer')],
    ['no subject', { subject: undefined }, NEEDS],
    ['a subject that is no text', { subject: 7 }, text('subject')],
    ['no audience', { audiences: [] }, ONE],
    ['two audiences', { audiences: ['a', 'b'] }, ONE],
    ['an audience that is no list', { audiences: 'a' }, ONE],
    ['an audience of 601 characters', { audiences: [long] }, text('audiences')],
    ['a description of 601 characters', { description: long }, text('description')],
    ['an id', { id: randomUUID() }, cannot('id')],
    ['a property of another release', { claimsMatchingExpression: {} }, cannot('claimsMatchingExpression')],
    ['an inherited property', { toString: 'x' }, cannot('toString')],
  ]
  for (const [what, changes, message] of REFUSED) {
    it(`is refused with ${what}`, async () => {
      await fresh()
      const answer = await world.graph('POST', path, credential('refused', changes))
      assertGraphError(answer, 400, 'Request_BadRequest', message)
      assert.deepEqual(await listed(), [])
      if (message === NAME || message === NEEDS) return
      await world.done(201, 'POST', path, credential('changed'))
      const before = await listed()
      const changed = await world.graph('PATCH', `${path}/changed`, { description: 'x', ...changes })
      assertGraphError(changed, 400, 'Request_BadRequest', message)
      assert.deepEqual(await listed(), before)
    })
  }

  it('keeps its name', async () => {
    await fresh()
    await world.done(201, 'POST', path, credential('ci-main'))
    const answer = await world.graph('PATCH', `${path}/ci-main`, { name: 'ci-next' })
    assertGraphError(answer, 400, 'Request_BadRequest', "Property 'name' cannot be changed.")
  })

  it('shares neither its name nor its issuer and subject with another of the application', async () => {
    await fresh()
    await world.done(201, 'POST', path, credential('ci-main'))
    const code = 'Request_MultipleObjectsWithSameKeyValue'
    const sameName = await world.graph('POST', path, credential('ci-main', { subject: 'other' }))
    assertGraphError(sameName, 409, code, 'FederatedIdentityCredential with name ci-main already exists.')
    const SAME = 'FederatedIdentityCredential with this issuer and subject already exists.'
    const same = { subject: credential('ci-main')['subject'] }
    assertGraphError(await world.graph('POST', path, credential('ci-next', same)), 409, code, SAME)
    await world.done(201, 'POST', path, credential('ci-next'))
    assertGraphError(await world.graph('PATCH', `${path}/ci-next`, same), 409, code, SAME)
    await world.done(204, 'PATCH', `${path}/ci-main`, same)
    await fresh()
    await world.done(201, 'POST', path, credential('ci-main'))
  })

  it('is one of at most twenty', async () => {
    await fresh()
    for (let made = 0; made < 20; made++) await world.done(201, 'POST', path, credential(`ci-${made}`))
    const answer = await world.graph('POST', path, credential('ci-20'))
    const message = 'An application may have at most 20 federated identity credentials.'
    assertGraphError(answer, 400, 'Request_BadRequest', message)
    await world.done(204, 'PATCH', `${path}/ci-19`, { description: 'the last' })
    await world.done(204, 'DELETE', `${path}/ci-0`)
    await world.done(201, 'POST', path, credential('ci-20'))
  })

  it('is changed by the application itself with Application.ReadWrite.OwnedBy, and by no other with it', async () => {
    const owning = await world.register(app.key, { roles: ['Application.ReadWrite.OwnedBy'] })
    const token = await world.token(owning)
    const own = `/applications/${owning.objectId}/federatedIdentityCredentials`
    assert.equal((await world.graph('POST', own, credential('own'), token)).status, 201)
    assert.equal((await world.graph('PATCH', `${own}/own`, { description: 'x' }, token)).status, 204)
    assert.equal((await world.graph('DELETE', `${own}/own`, undefined, token)).status, 204)
    await fresh()
    await world.done(201, 'POST', path, credential('other'))
    for (const [method, at, body] of [
      ['POST', path, credential('mine')],
      ['PATCH', `${path}/other`, { subject: 'mine' }],
      ['DELETE', `${path}/other`, undefined],
    ] as const) {
      const answer = await world.graph(method, at, body, token)
      const message = 'Insufficient privileges to complete the operation.'
      assertGraphError(answer, 403, 'Authorization_RequestDenied', message)
    }
    assert.equal((await world.graph('GET', path, undefined, token)).status, 200)
  })
})
