// Keys that sign the tokens for one API alone: made, preferred, published under its id, and believed by a guard that asks for them.
import assert from 'node:assert/strict'
import { randomUUID, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createGuard, entra, GuardRefusal } from '@tomte/guard'
import { type App, assertGraphError, type Json, makeKey, World } from '../test-support.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const ROLE = randomUUID()
const SCOPE = 'api://orders/.default'

let world: World
let api: App
let client: App

before(async () => {
  world = await World.start()
  const key = await makeKey(world.clock.ms)
  const role = { id: ROLE, value: 'Orders.Read.All', allowedMemberTypes: ['Application'] }
  api = await world.register(key, { identifierUris: ['api://orders'], appRoles: [role] })
  client = await world.register(key)
  await world.assign(client, api.principalId, ROLE)
})
after(() => world.remove())

const principal = () => `/servicePrincipals/${api.principalId}`
const add = (body: Json = {}) =>
  world.done(200, 'POST', `${principal()}/addTokenSigningCertificate`, { displayName: 'CN=orders', ...body })
const prefer = (thumbprint: unknown) =>
  world.done(204, 'PATCH', principal(), { preferredTokenSigningKeyThumbprint: thumbprint })
const kidOf = (token: string) =>
  String((JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid)
const kidOfThumbprint = (thumbprint: unknown) => Buffer.from(String(thumbprint), 'hex').toString('base64url')

async function keysAt(path: string): Promise<readonly Json[]> {
  const { body } = await world.send(path)
  return body['keys'] as readonly Json[]
}

/** What a guard makes of a token that finds keys by discovery alone: who it is, or why it is refused. */
async function admitted(token: string, tenants: readonly string[] | 'any tenant', appId?: string) {
  const { origin: authorityHost, ca } = world.platform
  const guard = createGuard({
    audience: ['api://orders', api.appId],
    issuers: entra({ tenants, authorityHost, ca, appId }),
  })
  try {
    return (await guard.admit(`Bearer ${token}`, ['Orders.Read.All'])).appId
  } catch (error) {
    if (error instanceof GuardRefusal) return error.code
    throw error
  }
}

describe('a key of an API’s own', () => {
  let made: Json

  it('is made with its certificate, of which the private half is nowhere in clear', async () => {
    made = await add({ endDateTime: new Date(world.clock.ms + 30 * DAY_MS).toISOString() })
    const certificate = new X509Certificate(Buffer.from(String(made['key']), 'base64'))
    assert.deepEqual(
      [certificate.subject, certificate.fingerprint.replaceAll(':', ''), made['displayName'], made['type']],
      ['CN=orders', made['thumbprint'], 'CN=orders', 'AsymmetricX509Cert'],
    )
    assert.equal(made['endDateTime'], new Date(world.clock.ms + 30 * DAY_MS).toISOString())
    const file = await readFile(join(world.folder, 'platform.db'))
    const log = await readFile(join(world.folder, 'platform.db-wal')).catch(() => Buffer.alloc(0))
    assert.ok(!Buffer.concat([file, log]).includes('PRIVATE KEY'))
  })

  it('is published under the API’s id at once, and signs nothing before it is preferred', async () => {
    const kid = kidOfThumbprint(made['thumbprint'])
    for (const [document, issuer] of [
      [`/${world.tenantId}/v2.0/.well-known/openid-configuration`, true],
      [`/${world.tenantId}/.well-known/openid-configuration`, false],
      ['/common/v2.0/.well-known/openid-configuration', true],
      ['/common/.well-known/openid-configuration', false],
    ] as const) {
      const { jwks_uri: address } = (await world.send(`${document}?appid=${api.appId}`)).body
      const url = new URL(String(address))
      assert.equal(url.search, `?appid=${api.appId}`)
      const keys = await keysAt(`${url.pathname}${url.search}`)
      assert.equal(keys.length, 2, document)
      assert.deepEqual(
        [keys[0]?.['kid'], keys[0]?.['issuer']],
        [kid, issuer ? `${world.platform.origin}/${world.tenantId}/v2.0` : undefined],
      )
      assert.equal((await keysAt(url.pathname)).length, 1)
      assert.equal((await keysAt(`${url.pathname}?appid=${client.appId}`)).length, 1)
    }
    assert.notEqual(kidOf(await world.token(client, SCOPE)), kid)
  })

  it('signs the tokens for the API once it is preferred, and those for no other', async () => {
    await prefer(made['thumbprint'])
    const kid = kidOfThumbprint(made['thumbprint'])
    const shown = await world.done(200, 'GET', principal())
    assert.equal(shown['preferredTokenSigningKeyThumbprint'], made['thumbprint'])
    for (const requestedAccessTokenVersion of [1, 2]) {
      await world.done(204, 'PATCH', `/applications/${api.objectId}`, {
        api: { requestedAccessTokenVersion },
      })
      const token = await world.token(client, SCOPE)
      assert.equal(kidOf(token), kid)
      for (const tenants of [[world.tenantId], 'any tenant'] as const) {
        assert.equal(await admitted(token, tenants, api.appId), client.appId)
        assert.equal(await admitted(token, tenants), 'key_unknown')
      }
    }
    assert.notEqual(kidOf(await world.token(client)), kid)
  })

  it('is one of those that keyCredentials list, and goes when it is not sent, or is not preferred any more', async () => {
    const next = await add()
    await prefer(String(next['thumbprint']).toLowerCase())
    const kid = kidOfThumbprint(next['thumbprint'])
    assert.equal(kidOf(await world.token(client, SCOPE)), kid)
    await prefer(null)
    assert.notEqual(kidOf(await world.token(client, SCOPE)), kid)
    await prefer(next['thumbprint'])
    const listed = (await world.done(200, 'GET', principal()))['keyCredentials'] as readonly Json[]
    assert.deepEqual(new Set(listed.map(({ keyId }) => keyId)), new Set([made['keyId'], next['keyId']]))
    await world.done(204, 'PATCH', principal(), { keyCredentials: listed })
    assert.equal(kidOf(await world.token(client, SCOPE)), kid)
    const others = listed.filter(({ keyId }) => keyId !== next['keyId'])
    await world.done(204, 'PATCH', principal(), { keyCredentials: others })
    assert.notEqual(kidOf(await world.token(client, SCOPE)), kid)
  })

  it('proves no client: it signs tokens and nothing else', async () => {
    const { key } = await add()
    const certificate = `-----BEGIN CERTIFICATE-----\n${String(key)}\n-----END CERTIFICATE-----\n`
    const named = { ...api, key: { ...api.key, certificate } }
    const answer = await world.postForm(world.form(named))
    assert.deepEqual(answer.body['error_codes'], [700027])
  })

  it('comes back with what was deleted and restored', async () => {
    const kept = await add()
    await prefer(kept['thumbprint'])
    await world.done(204, 'DELETE', principal())
    await world.done(200, 'POST', `/directory/deletedItems/${api.principalId}/restore`)
    assert.equal(kidOf(await world.token(client, SCOPE)), kidOfThumbprint(kept['thumbprint']))
  })

  it('is refused with a name or an end that cannot be, beyond ten, for Graph, and where it is not there', async () => {
    const ask = (body: Json, path = principal()) =>
      world.graph('POST', `${path}/addTokenSigningCertificate`, body)
    const name = "Property 'displayName' must be 'CN=' and 1 to 200 letters, digits, blanks and . _ -"
    const end = "Property 'endDateTime' must be a time within three years from now."
    const displayName = 'CN=x'
    for (const [body, message] of [
      [{}, name],
      [{ displayName: 'orders' }, name],
      [{ displayName: 'CN=a,O=b' }, name],
      [{ displayName, endDateTime: 'soon' }, end],
      [{ displayName, endDateTime: new Date(world.clock.ms).toISOString() }, end],
      [{ displayName, endDateTime: new Date(world.clock.ms + 1096 * DAY_MS).toISOString() }, end],
      [{ displayName, usage: 'Sign' }, "Invalid property 'usage'."],
    ] as const)
      assertGraphError(await ask(body), 400, 'Request_BadRequest', message)
    const graph = `/servicePrincipals/${await world.graphPrincipal()}`
    assertGraphError(
      await ask({ displayName }, graph),
      400,
      'Request_BadRequest',
      'The tokens for this resource are signed with the key of the platform.',
    )
    assertGraphError(
      await world.graph('PATCH', principal(), { preferredTokenSigningKeyThumbprint: 'AB' }),
      400,
      'Request_BadRequest',
      "Property 'preferredTokenSigningKeyThumbprint' must be the thumbprint of a token signing certificate of this service principal.",
    )
    const path = `/servicePrincipals/${client.principalId}`
    for (let count = 0; count < 10; count++) assert.equal((await ask({ displayName }, path)).status, 200)
    assertGraphError(
      await ask({ displayName }, path),
      400,
      'Request_BadRequest',
      'A service principal may have at most 10 token signing certificates.',
    )
  })

  it('signs no more after its time, and is published while its tokens live', async () => {
    const brief = await add({ endDateTime: new Date(world.clock.ms + 30 * DAY_MS).toISOString() })
    await prefer(brief['thumbprint'])
    const kid = kidOfThumbprint(brief['thumbprint'])
    assert.equal(kidOf(await world.token(client, SCOPE)), kid)
    const keys = `/${world.tenantId}/discovery/v2.0/keys?appid=${api.appId}`
    world.clock.ms += 30 * DAY_MS + 1000
    assert.notEqual(kidOf(await world.token(client, SCOPE)), kid)
    assert.ok((await keysAt(keys)).some((key) => key['kid'] === kid))
    world.clock.ms += DAY_MS + 60 * 60 * 1000
    assert.ok(!(await keysAt(keys)).some((key) => key['kid'] === kid))
  })
})
