// Conditional Access that begins to block while tokens are out: those that can be challenged are, at the very next call (wire.md §11).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type App, assertGraphError, type Json, makeKey, World } from '../test-support.ts'

const POLICIES = '/identity/conditionalAccess/policies'
const LOCATIONS = '/identity/conditionalAccess/namedLocations'
const BLOCKED =
  'Continuous access evaluation resulted in challenge with result: InteractionRequired and code: LocationConditionEvaluationSatisfied'

let world: World
let app: App
let challengeable: string
let ordinary: string
before(async () => {
  world = await World.start()
  app = await world.register(await makeKey(world.clock.ms), { roles: ['User.Read.All'] })
  ordinary = await world.token(app)
  challengeable = String((await ask()).body['access_token'])
})
after(() => world.remove())

const ask = (access: Json = {}) => {
  const claims = JSON.stringify({ access_token: { ...access, xms_cc: { values: ['cp1'] } } })
  return world.postForm(world.form(app, { claims }))
}
const users = (token: string) => world.graph('GET', '/users', undefined, token)
const made = async (path: string, body: Json) => String((await world.done(201, 'POST', path, body))['id'])
const place = (cidrAddress: string) =>
  made(LOCATIONS, {
    '@odata.type': '#microsoft.graph.ipNamedLocation',
    displayName: cidrAddress,
    ipRanges: [{ cidrAddress }],
  })
const block = (locations: readonly string[], state = 'enabled') =>
  made(POLICIES, {
    displayName: 'Block',
    state,
    conditions: {
      applications: { includeApplications: ['All'] },
      clientApplications: { includeServicePrincipals: [app.principalId] },
      locations: { includeLocations: locations },
    },
    grantControls: { operator: 'OR', builtInControls: ['block'] },
  })

describe('a policy that blocks the place a call comes from', () => {
  it('challenges a token that can be, lets others live, and gives no new one', async () => {
    const here = [await place('127.0.0.0/8'), await place('::1/128')]
    assert.equal((await users(challengeable)).status, 200)
    const id = await block(here)
    const refused = await users(challengeable)
    assertGraphError(refused, 401, 'InvalidAuthenticationToken', BLOCKED)
    const header = String(refused.headers['www-authenticate'])
    const [, encoded = ''] =
      /^Bearer realm="", error="insufficient_claims", .*claims="([^"]+)"/.exec(header) ?? []
    const { access_token: asked } = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as Json
    assert.deepEqual((await ask(asked as Json)).body['error_codes'], [53003])
    assert.equal((await users(ordinary)).status, 200)
    await world.done(204, 'DELETE', `${POLICIES}/${id}`)
    assert.equal((await users(challengeable)).status, 200)
  })

  it('does nothing if it only reports, or means another place', async () => {
    await block(['All'], 'enabledForReportingButNotEnforced')
    await block([await place('192.0.2.0/24')])
    assert.equal((await users(challengeable)).status, 200)
  })
})
