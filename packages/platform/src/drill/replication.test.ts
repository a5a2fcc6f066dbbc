// What a daemon meets where one server of Entra knows of a change and another not yet, and where its tokens are revoked.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import {
  type App,
  assertGraphError,
  assertRefused,
  claimsOf,
  type Json,
  keyCredential,
  makeKey,
  World,
} from '../test-support.ts'
import { GRAPH_ROLES } from '../registration/graph-application.ts'

let world: World
before(async () => {
  world = await World.start(undefined, { drills: true })
})
after(() => world.remove())
afterEach(() => drill('DELETE', '/replication'))

const drill = (method: string, path: string, body?: unknown) =>
  world.send(`/drills${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })

async function delay(seconds: number): Promise<void> {
  const { status, text } = await drill('PUT', '/replication', { seconds })
  assert.equal(status, 204, text)
}

const register = async () => world.register(await makeKey(world.clock.ms))
const addSecret = async ({ objectId }: App) =>
  String((await world.done(200, 'POST', `/applications/${objectId}/addPassword`, {}))['secretText'])
const bySecret = ({ appId }: App, secret: string) =>
  world.postForm({
    grant_type: 'client_credentials',
    client_id: appId,
    scope: 'https://graph.microsoft.com/.default',
    client_secret: secret,
  })

describe('delayed replication', () => {
  it('hides a new secret for its seconds by the platform’s clock, and from token requests alone', async () => {
    const app = await register()
    const old = await addSecret(app)
    await delay(30)
    const secret = await addSecret(app)
    const { passwordCredentials } = await world.done(200, 'GET', `/applications/${app.objectId}`)
    assert.equal((passwordCredentials as Json[]).length, 2)
    world.clock.ms += 29_999
    const refused = await bySecret(app, secret)
    assertRefused(
      world,
      refused,
      7000215,
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${app.appId}'.`,
    )
    assert.equal((await bySecret(app, old)).status, 200)
    world.clock.ms += 1
    assert.equal((await bySecret(app, secret)).status, 200)
  })

  it('counts from each change, and not from the first request that looks for it', async () => {
    const app = await register()
    await delay(30)
    const first = await addSecret(app)
    world.clock.ms += 20_000
    const second = await addSecret(app)
    world.clock.ms += 10_000
    assert.equal((await bySecret(app, first)).status, 200)
    assert.deepEqual((await bySecret(app, second)).body['error_codes'], [7000215])
    assert.deepEqual((await drill('GET', '')).body['replication'], { delaySeconds: 30, waiting: 1 })
  })

  it('hides a new certificate, whose key is not found', async () => {
    const app = await register()
    const key = await makeKey(world.clock.ms)
    await delay(30)
    await world.done(204, 'PATCH', `/applications/${app.objectId}`, {
      keyCredentials: [keyCredential(app.key), keyCredential(key)],
    })
    const rolled = { ...app, key }
    const refused = await world.postForm(world.form(rolled))
    assert.deepEqual(refused.body['error_codes'], [700027])
    assert.match(String(refused.body['error_description']), /The key was not found/)
    world.clock.ms += 30_000
    assert.equal((await world.postForm(world.form(rolled))).status, 200)
  })

  it('hides a new grant: the token comes without the role', async () => {
    const app = await register()
    await delay(30)
    await world.assign(app, await world.graphPrincipal(), GRAPH_ROLES['User.Read.All'].id)
    const roles = async () => claimsOf(await world.token(app))['roles']
    assert.equal(await roles(), undefined)
    world.clock.ms += 30_000
    assert.deepEqual(await roles(), ['User.Read.All'])
  })

  it('is over for everything when it is ended', async () => {
    const app = await register()
    await delay(86_400)
    const secret = await addSecret(app)
    assert.deepEqual((await bySecret(app, secret)).body['error_codes'], [7000215])
    assert.equal((await drill('DELETE', '/replication')).status, 204)
    assert.equal((await bySecret(app, secret)).status, 200)
    assert.deepEqual((await drill('GET', '')).body['replication'], { delaySeconds: 0, waiting: 0 })
  })

  for (const seconds of [undefined, 0, 1.5, 86_401, '30']) {
    it(`cannot be of ${String(seconds)} seconds`, async () => {
      const { status, body } = await drill('PUT', '/replication', { seconds })
      const message = "'seconds' must be a whole number from 1 to 86400."
      assert.deepEqual([status, body], [400, { error: { code: 'invalid_drill', message } }])
    })
  }
})

describe('revoked tokens', () => {
  const CP1 = { xms_cc: { values: ['cp1'] } }
  const tokenWith = async (app: App, access: Json) => {
    const claims = JSON.stringify({ access_token: access })
    return String((await world.postForm(world.form(app, { claims }))).body['access_token'])
  }
  const users = (token: string) => world.graph('GET', '/users', undefined, token)
  const registered = async () => world.register(await makeKey(world.clock.ms), { roles: ['User.Read.All'] })
  const revoke = (id: string) => drill('DELETE', `/servicePrincipals/${id}/tokens`)

  it('are answered with a claims challenge, and what it asks for brings a token that counts', async () => {
    const app = await registered()
    const other = await registered()
    const [token, others] = [await tokenWith(app, CP1), await tokenWith(other, CP1)]
    assert.equal((await users(token)).status, 200)
    assert.equal((await revoke(app.principalId)).status, 204)
    const refused = await users(token)
    assertGraphError(
      refused,
      401,
      'InvalidAuthenticationToken',
      'Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenCreatedWithOutdatedPolicies',
    )
    const header = String(refused.headers['www-authenticate'])
    assert.match(header, /error="insufficient_claims"/)
    const [, encoded = ''] = /claims="([^"]+)"/.exec(header) ?? []
    const asked = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as { access_token: Json }
    assert.deepEqual(Object.keys(asked.access_token), ['nbf'])
    const renewed = await tokenWith(app, { ...asked.access_token, ...CP1 })
    assert.equal((await users(renewed)).status, 200)
    assert.equal((await users(token)).status, 401)
    assert.equal((await users(others)).status, 200)
    world.clock.ms += 1000
    assert.equal((await users(await tokenWith(app, CP1))).status, 200)
  })

  it('live until they end if the client did not declare that it understands challenges', async () => {
    const app = await registered()
    const token = await world.token(app)
    for (let use = 0; use < 3; use++) assert.equal((await users(token)).status, 200)
    await revoke(app.principalId.toUpperCase())
    for (let use = 0; use < 3; use++) assert.equal((await users(token)).status, 200)
    const denied = await world.graph('GET', '/applications', undefined, token)
    assert.equal(denied.status, 403)
  })

  it('must be of a service principal that there is', async () => {
    const { status, body } = await revoke('nobody')
    const message = "No service principal has the id 'nobody'."
    assert.deepEqual([status, body], [400, { error: { code: 'invalid_drill', message } }])
  })
})
