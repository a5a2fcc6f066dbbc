// Clients that ask for the same token again and again: told so with 50196, if the platform was started to look for them.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type App, assertRefused, makeKey, temporaryFolder, World } from '../test-support.ts'
import { startPlatform } from '../platform.ts'
import { RequestLoops } from './loops.ts'

const TEXT =
  'The server terminated an operation because it encountered a client request loop. Please contact your app vendor.'
const FIVE_MINUTES_MS = 300_000

describe('a platform that looks for loops', () => {
  let world: World
  let app: App
  before(async () => {
    world = await World.start(undefined, { loopDetection: true })
    app = await world.register(await makeKey(world.clock.ms), { identifierUris: ['api://orders'] })
  })
  after(() => world.remove())

  const ask = (changes: Readonly<Record<string, string>> = {}) => world.postForm(world.form(app, changes))

  it('gives a client fifteen of the same token in five minutes, and then tells it, until they are over', async () => {
    for (let asked = 1; asked <= 15; asked++) assert.equal((await ask()).status, 200, `${asked}`)
    world.clock.ms += FIVE_MINUTES_MS - 1
    assertRefused(world, await ask(), 50196, TEXT)
    assertRefused(world, await ask(), 50196, TEXT)
    // Another API, another client, and an answer to a challenge are other requests.
    assert.equal((await ask({ scope: 'api://orders/.default' })).status, 200)
    const nbf = { essential: true, value: String(Math.floor(world.clock.ms / 1000) - 300) }
    assert.equal((await ask({ claims: JSON.stringify({ access_token: { nbf } }) })).status, 200)
    const other = await world.register(app.key)
    assert.equal((await world.postForm(world.form(other))).status, 200)
    world.clock.ms += 1
    assert.equal((await ask()).status, 200)
  })

  it('does not count what somebody asks who is not the client', async () => {
    const victim = await world.register(app.key)
    const forged = world.form(victim, {
      client_assertion: world.assertion(
        { ...app, appId: victim.appId, key: app.key },
        { claims: { exp: 1 } },
      ),
    })
    for (let asked = 1; asked <= 20; asked++) assert.equal((await world.postForm(forged)).status, 401)
    assert.equal((await world.postForm(world.form(victim))).status, 200)
  })
})

describe('a platform that was not told to', () => {
  it('gives as many of the same token as are asked for', async () => {
    const world = await World.start()
    const app = await world.register(await makeKey(world.clock.ms))
    for (let asked = 1; asked <= 20; asked++)
      assert.equal((await world.postForm(world.form(app))).status, 200)
    await world.remove()
  })
})

describe('loops', () => {
  const request = {
    resource: 'x',
    claims: { handlesChallenges: false, notBefore: undefined },
    ipAddress: '::1',
  }

  it('are looked for among the last clients and their last requests alone, however many there are', () => {
    const loops = new RequestLoops(1)
    const again = { aadsts: 50196 }
    for (let client = 0; client < 100_000; client++)
      loops.count({ ...request, servicePrincipalId: `${client}` }, 0)
    assert.ok(loops.size <= 20_000, `${loops.size}`)
    const last = { ...request, servicePrincipalId: '99999' }
    assert.throws(() => loops.count(last, 0), again)
    loops.count({ ...request, servicePrincipalId: '0' }, 0)
    for (let address = 1; address <= 15; address++)
      loops.count({ ...last, ipAddress: `192.0.2.${address}` }, 0)
    assert.throws(() => loops.count(last, 0), again)
    loops.count({ ...last, ipAddress: '192.0.2.16' }, 0)
    loops.count(last, 0)
    assert.throws(() => loops.count(last, 299_999), again)
    loops.count(last, 300_000)
  })

  it('need a number of requests that can be counted', async () => {
    const dataFolder = await temporaryFolder()
    for (const loopDetection of [0, 1.5, 1_000_001, Number.NaN])
      await assert.rejects(startPlatform({ dataFolder, port: 0, loopDetection }), {
        name: 'PlatformError',
        code: 'loop_detection_invalid',
        message: `Cannot start, as 'loopDetection' must be true or a whole number from 1 to 1000000: found ${loopDetection}`,
      })
  })
})
