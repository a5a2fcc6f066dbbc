// The v1.0 endpoint: the resource as it stands, and an answer whose numbers are texts (wire.md §3).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type App, claimsOf, makeKey, World } from '../test-support.ts'

const GRAPH = 'https://graph.microsoft.com'

let world: World
let app: App
before(async () => {
  world = await World.start()
  const key = await makeKey(world.clock.ms)
  app = await world.register(key)
  await world.register(key, {
    displayName: 'orders',
    identifierUris: ['api://orders'],
    api: { requestedAccessTokenVersion: 2 },
  })
})
after(() => world.remove())

const ask = (resource: string, changes: Record<string, string> = {}, tenant?: string) =>
  world.postFormV1({ ...world.form(app), scope: '', resource, ...changes }, tenant)

describe('the v1.0 token endpoint', () => {
  it('answers with texts, the times of the token, and the resource', async () => {
    const seconds = Math.floor(world.clock.ms / 1000)
    const { status, headers, body } = await ask(GRAPH)
    const { access_token: token, ...rest } = body
    assert.equal(status, 200)
    assert.equal(headers['cache-control'], 'no-store, no-cache')
    assert.deepEqual(rest, {
      token_type: 'Bearer',
      expires_in: '3599',
      ext_expires_in: '3599',
      expires_on: String(seconds + 3600),
      not_before: String(seconds - 300),
      resource: GRAPH,
    })
    const claims = claimsOf(String(token))
    assert.deepEqual(
      [claims['aud'], claims['ver'], claims['nbf'], claims['exp']],
      [GRAPH, '1.0', seconds - 300, seconds + 3600],
    )
  })

  it('leaves the version of the token to the resource, as the v2.0 endpoint does', async () => {
    const { body } = await ask('api://orders')
    assert.equal(claimsOf(String(body['access_token']))['ver'], '2.0')
    assert.equal(claimsOf(await world.token(app))['ver'], '1.0')
  })

  it('takes the resource by its letters, with the slash that it has, and needs no scope beside it', async () => {
    for (const [resource, aud] of [
      [`${GRAPH}/`, `${GRAPH}/`],
      ['00000003-0000-0000-c000-000000000000', '00000003-0000-0000-c000-000000000000'],
    ] as const) {
      const { body } = await ask(resource, { scope: 'openid' })
      assert.deepEqual([claimsOf(String(body['access_token']))['aud'], body['resource']], [aud, resource])
    }
    const { body } = await ask(`${GRAPH}/.default`)
    assert.deepEqual(body['error_codes'], [500011])
  })

  it('says when to renew a token that lives long, as a text', async () => {
    const claims = JSON.stringify({ access_token: { xms_cc: { values: ['cp1'] } } })
    const { body } = await ask(GRAPH, { claims })
    assert.deepEqual([body['expires_in'], body['refresh_in']], ['86399', '43199'])
  })

  it('knows tenants by the same names, and takes assertions for its own address', async () => {
    for (const tenant of [world.tenantId, 'contoso.example', 'adfs']) {
      const aud = `${world.platform.origin}/${tenant}/oauth2/token`
      const assertion = world.assertion(app, { claims: { aud } })
      assert.equal((await ask(GRAPH, { client_assertion: assertion }, tenant)).status, 200, tenant)
    }
  })
})
