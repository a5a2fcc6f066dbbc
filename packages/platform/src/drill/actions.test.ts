// Drills that change keys and credentials, and those that a seed file scripts.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type App, assertGraphError, claimsOf, type Json, makeKey, World } from '../test-support.ts'
import { readForgery } from './actions.ts'
import { Drills } from './drills.ts'
import { readScript, runScript } from './script.ts'

let world: World
let app: App
before(async () => {
  world = await World.start(undefined, { drills: true })
  app = await world.register(await makeKey(world.clock.ms), { roles: ['User.Read.All'] })
})
after(() => world.remove())

const drill = (method: string, path: string, body?: unknown) =>
  world.send(`/drills${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })

const secretForm = (secret: unknown) => ({
  grant_type: 'client_credentials',
  client_id: app.appId,
  scope: 'https://graph.microsoft.com/.default',
  client_secret: String(secret),
})
const addSecret = () => world.done(200, 'POST', `/applications/${app.objectId}/addPassword`, {})
const codes = async (secret: unknown) => (await world.postForm(secretForm(secret))).body['error_codes']

describe('a drill of a credential', () => {
  it('makes it expire, so that it is refused as an expired one', async () => {
    const { keyId, secretText } = await addSecret()
    assert.equal(await codes(secretText), undefined)
    world.clock.ms += 1000
    assert.equal((await drill('POST', `/credentials/${String(keyId)}/expire`)).status, 204)
    assert.deepEqual(await codes(secretText), [7000222])
  })

  it('revokes it, so that it is refused as a wrong one', async () => {
    const { keyId, secretText } = await addSecret()
    assert.equal((await drill('DELETE', `/credentials/${String(keyId)}`)).status, 204)
    assert.deepEqual(await codes(secretText), [7000215])
  })

  for (const [method, path] of [
    ['POST', '/credentials/unknown/expire'],
    ['DELETE', '/credentials/unknown'],
  ] as const) {
    it(`refuses ${method} of an unknown one`, async () => {
      const { status, body } = await drill(method, path)
      const message = "No secret or certificate has the keyId 'unknown'."
      assert.deepEqual([status, body], [400, { error: { code: 'invalid_drill', message } }])
    })
  }
})

describe('a drill of the signing key', () => {
  it('signs new tokens with a new key, and old tokens go on', async () => {
    const old = await world.token(app)
    const { status, body } = await drill('POST', '/keys')
    const header = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8')) as Json
    const token = await world.token(app)
    assert.equal(status, 201)
    assert.equal(header(token)['kid'], body['kid'])
    assert.notEqual(header(old)['kid'], body['kid'])
    for (const one of [old, token])
      assert.equal((await world.graph('GET', '/users', undefined, one)).status, 200)
  })
})

describe('a forged token', () => {
  it('is refused for its key, unless it is asked to be trusted', async () => {
    const claims = claimsOf(await world.token(app))
    const forged = async (trusted: boolean) => {
      const { status, body } = await drill('POST', '/tokens', {
        claims: { ...claims, oid: claims['oid'] },
        trusted,
      })
      assert.equal(status, 201)
      return world.graph('GET', '/users', undefined, String(body['access_token']))
    }
    const refused = await forged(false)
    assert.equal(refused.status, 401)
    assert.equal((refused.body['error'] as Json)['code'], 'InvalidAuthenticationToken')
    assert.equal((await forged(true)).status, 200)
  })

  it('says what it was told to say', async () => {
    const claims = claimsOf(await world.token(app))
    const { body } = await drill('POST', '/tokens', { claims: { ...claims, roles: [] }, trusted: true })
    const answer = await world.graph('GET', '/users', undefined, String(body['access_token']))
    assertGraphError(
      answer,
      403,
      'Authorization_RequestDenied',
      'Insufficient privileges to complete the operation.',
    )
  })

  for (const [body, message] of [
    [undefined, 'A forgery must be a JSON object.'],
    [{}, "'claims' must be a JSON object."],
    [{ claims: {}, header: 7 }, "'header' must be a JSON object."],
    [{ claims: {}, trusted: 'yes' }, "'trusted' must be true or false."],
    [{ claims: {}, key: 'mine' }, "'key' is no property of a forgery."],
  ] as const) {
    it(`is not made of ${JSON.stringify(body)}`, () => {
      assert.throws(() => readForgery(body), { name: 'DrillError', message })
    })
  }
})

describe('the drills that change something', () => {
  it('are nowhere unless the platform was started with them', async () => {
    const plain = await World.start()
    for (const [method, path] of [
      ['POST', '/drills/keys'],
      ['POST', `/drills/credentials/${randomUUID()}/expire`],
      ['DELETE', `/drills/credentials/${randomUUID()}`],
      ['POST', '/drills/tokens'],
      ['PUT', '/drills/replication'],
      ['DELETE', `/drills/servicePrincipals/${randomUUID()}/tokens`],
    ] as const)
      assert.equal((await plain.send(path, { method })).status, 404, `${method} ${path}`)
    await plain.remove()
  })

  it('are not for web pages', async () => {
    const { status } = await world.send('/drills/keys', {
      method: 'POST',
      headers: { origin: 'https://attacker.example' },
    })
    assert.equal(status, 403)
  })
})

describe('scripted drills', () => {
  const FAULT = { target: 'token', kind: 'status', status: 503 }

  it('begin when their time comes, and not after the end', async () => {
    const drills = new Drills(() => 0)
    const faults = () => (drills.report() as { faults: readonly Json[] }).faults
    const end = runScript(
      readScript([
        { at: 0, fault: FAULT },
        { at: 3600, fault: FAULT },
      ]),
      drills,
    )
    while (faults().length === 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(faults().length, 1)
    end()
    const none = new Drills(() => 0)
    runScript(readScript([{ at: 0, fault: FAULT }]), none)()
    // Timers of one length fire in the order in which they were set.
    await new Promise((resolve) => setTimeout(resolve, 1))
    assert.deepEqual((none.report() as { faults: readonly Json[] }).faults, [])
  })

  for (const [step, message] of [
    [7, "$.drills[0]: 'at', in seconds from 0 to 86400, and 'fault' are needed."],
    [{ at: -1, fault: FAULT }, "$.drills[0]: 'at', in seconds from 0 to 86400, and 'fault' are needed."],
    [{ at: 1, fault: FAULT, x: 1 }, "$.drills[0]: 'at', in seconds from 0 to 86400, and 'fault' are needed."],
    [{ at: 1 }, '$.drills[0].fault: A fault is a JSON object.'],
  ] as const) {
    it(`refuses ${JSON.stringify(step)} by its path`, () => {
      assert.throws(() => readScript([step]), { name: 'DrillError', message })
    })
  }
})
