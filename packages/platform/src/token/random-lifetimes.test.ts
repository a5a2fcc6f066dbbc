// Tokens whose lives differ, as Entra's do, if the platform was started so.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type App, claimsOf, makeKey, World } from '../test-support.ts'

let world: World
let app: App
before(async () => {
  world = await World.start(undefined, { randomLifetimes: true })
  app = await world.register(await makeKey(world.clock.ms))
})
after(() => world.remove())

const lifeOf = async (changes: Readonly<Record<string, string>> = {}) => {
  const { body } = await world.postForm(world.form(app, changes))
  const { exp } = claimsOf(String(body['access_token']))
  assert.equal(Number(exp) - world.clock.ms / 1000, Number(body['expires_in']) + 1)
  return Number(body['expires_in'])
}

describe('random lifetimes', () => {
  it('are of 60 to 90 minutes, and differ', async () => {
    const lives = new Set<number>()
    for (let asked = 0; asked < 20; asked++) lives.add(await lifeOf())
    for (const life of lives) assert.ok(life >= 3599 && life <= 5399, `${life}`)
    assert.ok(lives.size > 1)
  })

  it('are not those of tokens that can be challenged, nor of those that a policy bounds', async () => {
    const claims = JSON.stringify({ access_token: { xms_cc: { values: ['cp1'] } } })
    assert.equal(await lifeOf({ claims }), 86_399)
    const definition = ['{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"00:30:00"}}']
    const policy = { displayName: 'Half an hour', definition, isOrganizationDefault: true }
    await world.done(201, 'POST', '/policies/tokenLifetimePolicies', policy)
    assert.equal(await lifeOf(), 1799)
  })
})
