// The claims parameter over the wire: who gets a long-lived token, and from when on it is valid (wire.md §§3, 11, 12).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type App, assertRefused, claimsOf, type Json, makeKey, World } from '../test-support.ts'

let world: World
let app: App
let multiTenant: App
const ORDERS = 'api://orders/.default'

before(async () => {
  world = await World.start()
  const key = await makeKey(world.clock.ms)
  app = await world.register(key)
  multiTenant = await world.register(key, { signInAudience: 'AzureADMultipleOrgs' })
  await world.register(key, { identifierUris: ['api://orders'], api: { requestedAccessTokenVersion: 2 } })
})
after(() => world.remove())

const seconds = () => world.clock.ms / 1000
const capabilities = (...values: readonly unknown[]) => ({ access_token: { xms_cc: { values } } })
const notBefore = (value: unknown) => ({ access_token: { nbf: { essential: true, value } } })

/** Asks for a token with this claims request; a text is sent as it is. */
function ask(claims: unknown, changes: Readonly<Record<string, string>> = {}, client = app) {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims)
  return world.postForm(world.form(client, { claims: text, ...changes }))
}

async function granted(claims: unknown, changes: Readonly<Record<string, string>> = {}, client = app) {
  const { status, body, text } = await ask(claims, changes, client)
  assert.equal(status, 200, text)
  const { access_token: token, ...answer } = body
  return { answer, claims: claimsOf(String(token)) }
}

const USUAL = { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 }
const LONG = { token_type: 'Bearer', expires_in: 86_399, ext_expires_in: 86_399, refresh_in: 43_199 }

describe('a client that declares cp1', () => {
  it('gets a token of a day for Graph, and is told to ask again at half of it', async () => {
    for (const name of ['cp1', 'CP1']) {
      const { answer, claims } = await granted(capabilities(name))
      assert.deepEqual(answer, LONG, name)
      assert.deepEqual(claims['xms_cc'], ['cp1'], name)
      assert.deepEqual([claims['nbf'], claims['exp']], [seconds() - 300, seconds() + 86_400], name)
    }
  })

  it('gets it with the claims requests that SDKs send', async () => {
    const others = { id_token: { signin_state: { essential: false }, login_hint: { essential: false } } }
    assert.deepEqual((await granted({ ...others, ...capabilities('cp1') })).answer, LONG)
    assert.deepEqual((await granted(capabilities('cp2', 7, 'cp1'))).answer, LONG)
  })

  it('gets a usual one for another API, and if its application is multi-tenant', async () => {
    for (const { answer, claims } of [
      await granted(capabilities('cp1'), { scope: ORDERS }),
      await granted(capabilities('cp1'), {}, multiTenant),
    ]) {
      assert.deepEqual(answer, USUAL)
      assert.deepEqual([claims['exp'], claims['xms_cc']], [seconds() + 3600, undefined])
    }
  })

  const others: readonly (readonly [string, unknown])[] = [
    ['nothing', ''],
    ['an empty request', {}],
    ['nothing of the access token', { access_token: null }],
    ['a claim without demands', { access_token: { xms_cc: null } }],
    ['another capability', capabilities('cp2', 'cp11', ['cp1'])],
    ['a capability of another token', { id_token: { xms_cc: { values: ['cp1'] } } }],
  ]
  for (const [what, claims] of others) {
    it(`is not one that sends ${what}`, async () => {
      const { answer, claims: given } = await granted(claims)
      assert.deepEqual(answer, USUAL)
      assert.equal(given['xms_cc'], undefined)
    })
  }
})

describe('an instant before which a token must not begin', () => {
  it('moves its beginning to that instant, and leaves its end', async () => {
    for (const [value, nbf] of [
      [String(seconds() - 10), seconds() - 10],
      [seconds() - 299, seconds() - 299],
      [seconds() - 301, seconds() - 300],
      [0, seconds() - 300],
      [seconds() + 300, seconds() + 300],
    ] as const) {
      const { answer, claims } = await granted(notBefore(value))
      assert.deepEqual([claims['nbf'], claims['iat'], claims['exp']], [nbf, nbf, seconds() + 3600])
      assert.deepEqual(answer, USUAL)
    }
  })

  it('is asked for together with cp1, as SDKs answer a challenge', async () => {
    const both = { ...capabilities('cp1').access_token, ...notBefore(String(seconds())).access_token }
    const { answer, claims } = await granted({ access_token: both })
    assert.deepEqual(answer, LONG)
    assert.deepEqual([claims['nbf'], claims['xms_cc']], [seconds(), ['cp1']])
  })
})

describe('a claims parameter that cannot be read', () => {
  const bad: readonly (readonly [string, () => unknown])[] = [
    ['is no JSON', () => '{'],
    ['is a list', () => '[]'],
    ['is null', () => 'null'],
    ['asks by a text', () => ({ access_token: 'xms_cc' })],
    ['has capabilities that are no list', () => ({ access_token: { xms_cc: { values: 'cp1' } } })],
    ['has an instant in words', () => notBefore('yesterday')],
    ['has a negative instant', () => notBefore(-1)],
    ['has a broken instant', () => notBefore(0.5)],
    ['has an instant that is a list', () => notBefore([1])],
    ['has an instant beyond the skew of clocks', () => notBefore(seconds() + 301)],
  ]
  for (const [what, claims] of bad) {
    it(`is refused if it ${what}`, async () => {
      const text = 'Invalid request. Request is malformed or invalid.'
      assertRefused(world, await ask(claims()), 9002313, text)
    })
  }

  it('is found before a missing credential, and after a missing scope', async () => {
    const { client_assertion: _, ...form } = { ...world.form(app), claims: '{' }
    const codes = async (sent: Json) =>
      (await world.postForm(sent as Record<string, string>)).body['error_codes']
    assert.deepEqual(await codes(form), [9002313])
    assert.deepEqual(await codes({ ...form, scope: '' }), [90014])
  })
})
