// Secrets at the token endpoint: in the form or by HTTP Basic, right, wrong, expired, and beside other proofs.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type App, assertRefused, claimsOf, type Json, makeKey, GRAPH_SCOPE, World } from '../test-support.ts'

const YEAR_MS = 365 * 24 * 60 * 60 * 1000

let world: World
let app: App
let other: App
let secret: string
let keyId: string

const addPassword = (path: string, passwordCredential: Json = {}) =>
  world.done(200, 'POST', `${path}/addPassword`, { passwordCredential })

before(async () => {
  world = await World.start()
  const key = await makeKey(world.clock.ms)
  app = await world.register(key)
  other = await world.register(key, { displayName: 'other' })
  const added = await addPassword(`/applications/${app.objectId}`)
  secret = String(added['secretText'])
  keyId = String(added['keyId'])
})
after(() => world.remove())

const form = (changes: Record<string, string> = {}) => ({
  grant_type: 'client_credentials',
  client_id: app.appId,
  scope: GRAPH_SCOPE,
  ...changes,
})
const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
const basic = (clientId: string, text: string) =>
  `Basic ${Buffer.from(`${encode(clientId)}:${encode(text)}`).toString('base64')}`
const post = (authorization: string, fields: Record<string, string>) =>
  world.send(`/${world.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', authorization },
    body: new URLSearchParams(fields).toString(),
  })
const withoutId = () => {
  const { client_id: _, ...rest } = form()
  return rest
}
const WRONG = () =>
  `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${app.appId}'.`
const MALFORMED = 'Invalid request. Request is malformed or invalid.'

describe('a client secret', () => {
  it('gets a token that says so, by either version of the claims', async () => {
    const { status, body } = await world.postForm(form({ client_secret: secret }))
    assert.equal(status, 200)
    const claims = claimsOf(String(body['access_token']))
    assert.deepEqual([claims['ver'], claims['appidacr'], claims['appid']], ['1.0', '1', app.appId])
    await world.register(app.key, {
      identifierUris: ['api://two'],
      api: { requestedAccessTokenVersion: 2 },
    })
    const two = await world.postForm(form({ client_secret: secret, scope: 'api://two/.default' }))
    const claims2 = claimsOf(String(two.body['access_token']))
    assert.deepEqual([claims2['ver'], claims2['azpacr']], ['2.0', '1'])
  })

  it('may be sent by HTTP Basic, with the client id in the form or without, in any case', async () => {
    for (const fields of [form(), withoutId(), form({ client_id: app.appId.toUpperCase() })])
      assert.equal((await post(basic(app.appId, secret), fields)).status, 200)
    assert.equal((await post(basic(app.appId.toUpperCase(), secret), withoutId())).status, 200)
    const lower = basic(app.appId, secret).replace('Basic ', 'bASIC   ')
    assert.equal((await post(lower, form())).status, 200)
    const percent = Buffer.from(secret).toString('hex').replaceAll(/../g, '%$&')
    const spelt = `Basic ${Buffer.from(`${app.appId}:${percent}`).toString('base64')}`
    assert.equal((await post(spelt, form())).status, 200)
  })

  it('does not look at other schemes of the header', async () => {
    const fields = form({ client_secret: secret })
    for (const header of ['Bearer x.y.z', 'Negotiate abc', 'Basically']) {
      assert.equal((await post(header, fields)).status, 200, header)
    }
  })

  it('is refused with AADSTS7000215 if it is another one, cut, empty in part, of another app, or the id of one', async () => {
    const others = String((await addPassword(`/applications/${other.objectId}`))['secretText'])
    for (const wrong of [
      others,
      keyId,
      secret.slice(0, -1),
      `${secret} `,
      secret.toLowerCase(),
      'x',
      '\u{1f600}',
    ]) {
      assertRefused(world, await world.postForm(form({ client_secret: wrong })), 7000215, WRONG())
      const answer = await post(basic(app.appId, wrong), form())
      assertRefused(world, answer, 7000215, WRONG())
      assert.equal(answer.headers['www-authenticate'], 'Basic realm=""')
      assert.equal(answer.text.includes(wrong.slice(3)) && wrong.length > 9, false)
    }
    const inForm = await world.postForm(form({ client_secret: 'x' }))
    assert.equal(inForm.headers['www-authenticate'], undefined)
  })

  it('is no proof for another application', async () => {
    const { body } = await world.postForm(form({ client_id: other.appId, client_secret: secret }))
    assert.deepEqual(body['error_codes'], [7000215])
  })

  it('is AADSTS7000222 from the moment it expires, and AADSTS7000215 before it begins', async () => {
    const startMs = world.clock.ms + 60_000
    const { secretText } = await addPassword(`/applications/${app.objectId}`, {
      startDateTime: new Date(startMs).toISOString(),
      endDateTime: new Date(startMs + 60_000).toISOString(),
    })
    const ask = () => world.postForm(form({ client_secret: String(secretText) }))
    const began = world.clock.ms
    const EXPIRED = `The provided client secret keys for app '${app.appId}' are expired. Create a new one for the app, or use a certificate.`
    world.clock.ms = startMs - 1
    assertRefused(world, await ask(), 7000215, WRONG())
    for (const ms of [startMs, startMs + 60_000]) {
      world.clock.ms = ms
      assert.equal((await ask()).status, 200)
    }
    world.clock.ms = startMs + 60_001
    assertRefused(world, await ask(), 7000222, EXPIRED)
    world.clock.ms = began
  })

  it('lives two years by default, beside others', async () => {
    const second = String((await addPassword(`/applications/${app.objectId}`))['secretText'])
    const began = world.clock.ms
    for (const one of [second, secret])
      assert.equal((await world.postForm(form({ client_secret: one }))).status, 200)
    world.clock.ms = began + 2 * YEAR_MS + 3 * 24 * 60 * 60 * 1000
    const { body } = await world.postForm(form({ client_secret: second }))
    assert.deepEqual(body['error_codes'], [7000222])
    world.clock.ms = began
  })

  it('of a service principal proves the application like its own', async () => {
    const { secretText } = await addPassword(`/servicePrincipals/${app.principalId}`)
    const { status } = await world.postForm(form({ client_secret: String(secretText) }))
    assert.equal(status, 200)
  })

  it('that was removed is refused at once', async () => {
    const { secretText, keyId: id } = await addPassword(`/applications/${app.objectId}`)
    await world.done(204, 'POST', `/applications/${app.objectId}/removePassword`, { keyId: id })
    const answer = await world.postForm(form({ client_secret: String(secretText) }))
    assertRefused(world, answer, 7000215, WRONG())
  })
})

describe('a token request with HTTP Basic or two proofs', () => {
  const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const CASES: readonly (readonly [string, () => string, () => Record<string, string>])[] = [
    ['two proofs in the form', () => '', () => world.form(app, { client_secret: secret })],
    [
      'a secret by Basic and in the form',
      () => basic(app.appId, secret),
      () => form({ client_secret: secret }),
    ],
    ['a secret by Basic beside an assertion', () => basic(app.appId, secret), () => world.form(app)],
    ['another client by Basic', () => basic(other.appId, secret), () => form()],
    ['Basic and nothing', () => 'Basic', () => form()],
    ['Basic that is not base64', () => 'Basic *', () => form()],
    ['Basic with two words', () => `${basic(app.appId, secret)} x`, () => form()],
    ['Basic without a colon', () => encoded(app.appId), () => form()],
    ['Basic without a client id', () => encoded(`:${secret}`), () => withoutId()],
    ['Basic with a broken percent sign', () => encoded(`${app.appId}:%zz`), () => form()],
    ['Basic with a NUL', () => encoded(`${app.appId}:a\0`), () => form()],
    ['Basic with an encoded NUL', () => encoded(`${app.appId}:%00`), () => form()],
  ]
  for (const [what, header, fields] of CASES) {
    it(`is AADSTS9002313 with ${what}`, async () => {
      assertRefused(world, await post(header(), fields()), 9002313, MALFORMED)
    })
  }
})
