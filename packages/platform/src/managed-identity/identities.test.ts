// Managed identities as service principals: in the directory, selected at an endpoint, as federated credentials. What SDKs make of
// them: conformance/managed-identity.test.ts.
import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { startPlatform } from '../platform.ts'
import { GRAPH_ROLES } from '../registration/graph-application.ts'
import { claimsOf, type Json, makeKey, temporaryFolder, World } from '../test-support.ts'
import { chooseIdentity, type ManagedIdentity } from './identities.ts'
import { type IdentityWorld, startHost } from './test-support.ts'

let host: IdentityWorld
before(async () => {
  host = await startHost([
    { kind: 'system', name: 'machine' },
    { kind: 'user', name: 'batch' },
    { kind: 'user', name: 'mail' },
  ])
})
after(() => host.world.remove())

const token = async (query: Readonly<Record<string, string>> = {}) => {
  const { body, text } = await host.imds(query)
  assert.equal(typeof body['access_token'], 'string', text)
  return String(body['access_token'])
}

describe('a managed identity', () => {
  it('is a service principal of its own type, found by id and by (appId=…), and no application', async () => {
    for (const [name, explicit] of [
      ['machine', 'False'],
      ['batch', 'True'],
    ] as const) {
      const { clientId, principalId, resourceId } = host.identity(name)
      const object = await host.world.done(200, 'GET', `/servicePrincipals/${principalId}`)
      const shown = {
        id: principalId,
        appId: clientId,
        displayName: name,
        servicePrincipalType: 'ManagedIdentity',
        alternativeNames: [`isExplicit=${explicit}`, resourceId],
        appOwnerOrganizationId: null,
        servicePrincipalNames: [clientId],
      }
      for (const [property, value] of Object.entries(shown))
        assert.deepEqual(object[property], value, property)
      assert.deepEqual(await host.world.done(200, 'GET', `/servicePrincipals(appId='${clientId}')`), object)
      assert.equal((await host.world.graph('GET', `/applications(appId='${clientId}')`)).status, 404)
    }
    const { value: applications } = await host.world.done(200, 'GET', '/applications')
    assert.deepEqual(
      (applications as Json[]).map((one) => one['displayName']),
      ['tomte operator'],
    )
  })

  it('proves itself at no token endpoint', async () => {
    const key = await makeKey(host.world.clock.ms)
    const { status, body } = await host.world.postForm(
      host.world.form({ appId: host.identity('batch').clientId, key }),
    )
    assert.deepEqual([status, body['error_codes']], [400, [700016]])
  })

  it('holds roles as any other principal, from its next token on, and calls the directory with them', async () => {
    const batch = { ...host.identity('batch'), objectId: '', appId: '', key: await makeKey(0) }
    const select = { client_id: batch.clientId }
    assert.equal(claimsOf(await token(select))['roles'], undefined)
    await host.world.assign(batch, await host.world.graphPrincipal(), GRAPH_ROLES['User.Read.All'].id)
    const granted = await token(select)
    assert.deepEqual(claimsOf(granted)['roles'], ['User.Read.All'])
    assert.equal((await host.world.graph('GET', '/users', undefined, granted)).status, 200)
    assert.equal((await host.world.graph('GET', '/applications', undefined, granted)).status, 403)
  })

  it('gets no token while it is disabled', async () => {
    const path = `/servicePrincipals/${host.identity('mail').principalId}`
    await host.world.done(204, 'PATCH', path, { accountEnabled: false })
    const { clientId } = host.identity('mail')
    const { status, body } = await host.imds({ client_id: clientId })
    assert.deepEqual(
      [status, body],
      [
        400,
        {
          error: 'unauthorized_client',
          error_description: `AADSTS7000112: Application '${clientId}'(mail) is disabled.`,
        },
      ],
    )
    await host.world.done(204, 'PATCH', path, { accountEnabled: true })
    assert.equal((await host.imds({ client_id: clientId })).status, 200)
  })

  it('gets a v1.0 token with its resource id for Graph, whatever it declares', async () => {
    const { sub, oid, appid, xms_mirid, ver, appidacr, idtyp, iss, ...claims } = claimsOf(await token())
    const machine = host.identity('machine')
    assert.deepEqual(
      { sub, oid, appid, xms_mirid, ver, appidacr, idtyp, iss },
      {
        sub: machine.principalId,
        oid: machine.principalId,
        appid: machine.clientId,
        xms_mirid: machine.resourceId,
        ver: '1.0',
        appidacr: '2',
        idtyp: 'app',
        iss: `https://sts.windows.net/${host.world.tenantId}/`,
      },
    )
    assert.equal(claims['xms_cc'], undefined)
    assert.equal(Number(claims['exp']) - Number(claims['nbf']), 86_700)
  })

  it('gets a token that can be presented as an assertion, verified by the keys of its issuer', async () => {
    const exchanged = await token({
      resource: 'api://AzureADTokenExchange',
      client_id: host.identity('batch').clientId,
    })
    const issuer = `${host.world.platform.origin}/${host.world.tenantId}/v2.0`
    const metadata = await host.world.send(`${new URL(issuer).pathname}/.well-known/openid-configuration`)
    assert.equal(metadata.body['issuer'], issuer)
    const { text } = await host.world.send(new URL(String(metadata.body['jwks_uri'])).pathname)
    const { payload } = await jwtVerify(exchanged, createLocalJWKSet(JSON.parse(text) as JSONWebKeySet), {
      issuer,
      audience: 'api://AzureADTokenExchange',
      subject: host.identity('batch').principalId,
      algorithms: ['RS256'],
      currentDate: new Date(host.world.clock.ms),
    })
    assert.equal(payload['ver'], '2.0')
  })

  it('is the federated credential of an application whose subject it is, and of no other', async () => {
    const { world } = host
    const app = await world.register(await makeKey(world.clock.ms))
    await world.done(201, 'POST', `/applications/${app.objectId}/federatedIdentityCredentials`, {
      name: 'batch',
      issuer: `${world.platform.origin}/${world.tenantId}/v2.0`,
      subject: host.identity('batch').principalId,
      audiences: ['api://AzureADTokenExchange'],
    })
    const resource = 'api://AzureADTokenExchange'
    const prove = async (name: string) => {
      const assertion = await token({ resource, client_id: host.identity(name).clientId })
      return world.postForm(world.form(app, { client_assertion: assertion }))
    }
    const { status, body } = await prove('batch')
    assert.deepEqual([status, claimsOf(String(body['access_token']))['sub']], [200, app.principalId])
    assert.equal((await prove('mail')).status, 401)
  })
})

describe('a selector', () => {
  it('chooses by client id, object id or resource id, without regard to case', async () => {
    const batch = host.identity('batch')
    for (const [name, value] of [
      ['client_id', batch.clientId],
      ['client_id', batch.clientId.toUpperCase()],
      ['object_id', batch.principalId],
      ['principal_id', batch.principalId],
      ['msi_res_id', batch.resourceId.toUpperCase()],
    ] as const)
      assert.equal(claimsOf(await token({ [name]: value }))['sub'], batch.principalId, name)
  })

  const of = (kind: 'system' | 'user', name: string): ManagedIdentity => ({
    kind,
    name,
    clientId: `client-${name}`,
    principalId: `principal-${name}`,
    resourceId: `resource-${name}`,
  })
  const [system, one, two] = [of('system', 'machine'), of('user', 'one'), of('user', 'two')]
  const cases = [
    ['the system-assigned one', [one, system, two], 'system', system],
    ['the only user-assigned one of a virtual machine', [one], 'system or the only one', one],
    ['none elsewhere', [one], 'system', 'unknown'],
    ['none of several', [one, two], 'system or the only one', 'several'],
    ['none where there is none', [], 'system or the only one', 'unknown'],
  ] as const
  for (const [what, identities, unselected, chosen] of cases) {
    it(`that is missing means ${what}`, () => {
      assert.equal(chooseIdentity(identities, {}, unselected), chosen)
    })
  }

  it('is asked for by a machine with several user-assigned identities', async (t) => {
    const several = await startHost([
      { kind: 'user', name: 'one' },
      { kind: 'user', name: 'two' },
    ])
    t.after(() => several.world.remove())
    const { status, body } = await several.imds()
    assert.deepEqual(
      [status, body],
      [
        400,
        {
          error: 'invalid_request',
          error_description:
            'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request',
        },
      ],
    )
  })
})

describe('the identities of a platform', () => {
  it('are the same after a restart, with new secrets, and more can be added', async () => {
    const seeds = [{ kind: 'user', name: 'batch' }] as const
    const first = await startHost(seeds)
    const secret = (await first.environment('app-service'))['IDENTITY_HEADER']
    await first.world.stop()
    const more = [
      { kind: 'user', name: 'BATCH' },
      { kind: 'system', name: 'machine' },
    ] as const
    const options = { managedIdentity: { port: 0, identities: more } }
    const second = await World.start(first.world.folder, options)
    const { identities = [], environmentFiles } = second.platform.managedIdentity ?? {}
    assert.deepEqual(
      identities.find(({ kind }) => kind === 'user'),
      first.identity('batch'),
    )
    assert.deepEqual(identities.map(({ kind }) => kind).sort(), ['system', 'user'])
    const text = await readFile(environmentFiles?.['app-service'] ?? '', 'utf8')
    assert.equal(text.includes(secret ?? '?'), false)
    await second.remove()
  })

  it('are not there unless they are asked for', async () => {
    const world = await World.start()
    assert.equal(world.platform.managedIdentity, undefined)
    assert.equal((await world.send('/metadata/identity/oauth2/token')).status, 404)
    await world.remove()
  })

  it('cannot have such names, or two system-assigned ones, or a port that is taken', async (t) => {
    const dataFolder = await temporaryFolder()
    t.after(() => rm(dataFolder, { recursive: true, force: true }))
    const start = (managedIdentity: object) =>
      startPlatform({ dataFolder, port: 0, managedIdentity: { port: 0, ...managedIdentity } })
    for (const name of ['', 'ab', '-abc', 'a b', 'a/../b', 'x'.repeat(129)]) {
      await assert.rejects(start({ identities: [{ kind: 'user', name }] }), {
        name: 'PlatformError',
        code: 'identity_name_invalid',
        message: `Cannot make the managed identity '${name}', as its name needs 3 to 128 letters, digits, '_' and '-', and a letter or digit first`,
        hint: 'Choose another name',
      })
    }
    const two = ['machine', 'another'].map((name) => ({ kind: 'system', name }))
    await assert.rejects(start({ identities: two }), {
      name: 'PlatformError',
      code: 'identity_taken',
      message: "Cannot make the system-assigned identity 'another', as a tenant has one: 'machine' is there",
      hint: "Call it 'machine', or make a user-assigned identity",
    })
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, 'localhost', resolve))
    const { port } = other.address() as AddressInfo
    await assert.rejects(start({ port }), {
      name: 'PlatformError',
      code: 'port_unavailable',
      message: `Cannot listen on port ${port} of localhost, as the port must be free: another program listens there`,
      hint: 'Stop the other program, or choose another port with --managed-identity',
    })
    other.close()
  })
})
