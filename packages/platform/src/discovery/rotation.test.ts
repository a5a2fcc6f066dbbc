// The signing key changed by the operator: over the wire, and in a data folder that no platform has open.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { assertGraphError, type Json, makeKey, temporaryFolder, World } from '../test-support.ts'
import { rotateSigningKey } from './rotation.ts'

const kidOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8')) as Json)['kid']

const rotations = async (world: World) => {
  const path = `/auditLogs/directoryAudits?$filter=${encodeURIComponent("activityDisplayName eq 'Rotate token signing key'")}`
  const reader = await world.register(await makeKey(world.clock.ms), { roles: ['AuditLog.Read.All'] })
  const { body, text } = await world.graph('GET', path, undefined, await world.token(reader))
  assert.ok(Array.isArray(body['value']), text)
  return body['value'] as readonly Json[]
}

describe('the signing key', () => {
  it('is changed by the operator, old tokens go on, and the log says so', async (t) => {
    const world = await World.start()
    t.after(() => world.remove())
    const app = await world.register(await makeKey(world.clock.ms), { roles: ['User.Read.All'] })
    const old = await world.token(app)
    world.clock.ms += 1000
    const { kid, previous } = await world.done(201, 'POST', '/tomte/signingKeys', {})
    assert.equal((previous as Json)['kid'], kidOf(old))
    const token = await world.token(app)
    assert.equal(kidOf(token), kid)
    for (const one of [old, token])
      assert.equal((await world.graph('GET', '/users', undefined, one)).status, 200)
    const [logged, ...others] = await rotations(world)
    assert.equal(others.length, 0)
    assert.match(JSON.stringify(logged?.['initiatedBy']), new RegExp(world.platform.operator.clientId))
    assert.match(JSON.stringify(logged?.['targetResources']), new RegExp(String(kid)))
  })

  it('is changed by nobody else', async (t) => {
    const world = await World.start()
    t.after(() => world.remove())
    const other = await world.register(await makeKey(world.clock.ms), {
      roles: ['Organization.ReadWrite.All'],
    })
    const answer = await world.graph('POST', '/tomte/signingKeys', {}, await world.token(other))
    assertGraphError(
      answer,
      403,
      'Authorization_RequestDenied',
      'Insufficient privileges to complete the operation.',
    )
  })

  it('is changed in a folder at rest, and in no folder that a platform has open', async (t) => {
    const folder = await temporaryFolder()
    t.after(() => rm(folder, { recursive: true, force: true }))
    const first = await World.start(folder)
    await assert.rejects(rotateSigningKey({ dataFolder: folder }), { code: 'data_folder_held' })
    await first.stop()
    const { kid } = await rotateSigningKey({ dataFolder: folder })
    const second = await World.start(folder)
    t.after(() => second.stop())
    // It signs from the moment of the machine's clock, which the platform of the test is behind of.
    second.clock.ms = Date.now() + 1000
    const app = await second.register(await makeKey(second.clock.ms), { roles: ['User.Read.All'] })
    assert.equal(kidOf(await second.token(app)), kid)
    assert.equal((await rotations(second)).length, 1)
  })
})
