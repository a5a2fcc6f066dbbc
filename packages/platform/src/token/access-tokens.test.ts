// What an access token says, verified by jose against the published keys, as any API would.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { type App, claimsOf, GRAPH_SCOPE, makeKey, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'

const READ_ORDERS = randomUUID()
const WRITE_ORDERS = randomUUID()
const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000'
const OPAQUE = ['aio', 'rh', 'uti']

let world: World
let key: CertifiedKey
let app: App
let orders: App
let invoices: App

before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
  app = await world.register(key, { roles: ['User.Read.All'] })
  const role = (id: string, value: string) => ({ id, value, allowedMemberTypes: ['Application'] })
  orders = await world.register(key, {
    displayName: 'orders',
    identifierUris: ['api://orders', 'https://orders.example/'],
    api: { requestedAccessTokenVersion: 2 },
    appRoles: [role(READ_ORDERS, 'Orders.Read.All'), role(WRITE_ORDERS, 'Orders.ReadWrite.All')],
  })
  // A role of the same id as one of the other API's: ids are unique within an application alone.
  invoices = await world.register(key, {
    displayName: 'invoices',
    identifierUris: ['api://invoices'],
    appRoles: [role(READ_ORDERS, 'Invoices.Read.All')],
  })
})
after(() => world.remove())

/** Verifies a token as an API does, and returns its claims without what is opaque. */
async function verified(token: string, options: { audience: string; issuer: string }) {
  const { text } = await world.send(`/${world.tenantId}/discovery/v2.0/keys`)
  const keys = createLocalJWKSet(JSON.parse(text) as JSONWebKeySet)
  const { payload } = await jwtVerify(token, keys, {
    ...options,
    algorithms: ['RS256'],
    currentDate: new Date(world.clock.ms),
  })
  for (const name of OPAQUE) assert.match(String(payload[name]), /^[\w.-]{16,}$/, name)
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !OPAQUE.includes(name)))
}

describe('the answer of the token endpoint', () => {
  it('has four fields, and no refresh token, scope or id token', async () => {
    const { status, headers, body } = await world.postForm(world.form(app))
    const { access_token: token, ...rest } = body
    assert.equal(status, 200)
    assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 })
    assert.equal(typeof token, 'string')
    assert.equal(headers['cache-control'], 'no-store, no-cache')
    assert.equal(headers['pragma'], 'no-cache')
    assert.match(String(headers['x-ms-request-id']), /^[0-9a-f-]{36}$/)
  })

  it('is the same for a tenant by GUID, by domain and in upper case', async () => {
    for (const tenant of [
      world.tenantId,
      world.tenantId.toUpperCase(),
      'contoso.example',
      'CONTOSO.Example',
    ]) {
      const claims = claimsOf(await world.token(app, GRAPH_SCOPE, tenant))
      assert.deepEqual(
        [claims['tid'], claims['iss']],
        [world.tenantId, `https://sts.windows.net/${world.tenantId}/`],
        tenant,
      )
    }
  })

  it('is the same for a client id in upper case', async () => {
    const answer = await world.postForm(world.form(app, { client_id: app.appId.toUpperCase() }))
    assert.equal(claimsOf(String(answer.body['access_token']))['appid'], app.appId)
  })
})

describe('a v1.0 token for Graph', () => {
  it('has the claims of Entra, with the service principal as subject', async () => {
    const token = await world.token(app)
    const issuer = `https://sts.windows.net/${world.tenantId}/`
    const now = world.clock.ms / 1000
    assert.deepEqual(await verified(token, { audience: 'https://graph.microsoft.com', issuer }), {
      aud: 'https://graph.microsoft.com',
      iss: issuer,
      iat: now - 300,
      nbf: now - 300,
      exp: now + 3600,
      app_displayname: 'nightly-sync',
      appid: app.appId,
      appidacr: '2',
      idp: issuer,
      idtyp: 'app',
      oid: app.principalId,
      roles: ['User.Read.All'],
      sub: app.principalId,
      tenant_region_scope: 'EU',
      tid: world.tenantId,
      ver: '1.0',
      wids: ['0997a1d0-0d1d-4acb-b408-d5ca73121e90'],
    })
    const { kid, ...header } = decodeProtectedHeader(token)
    assert.deepEqual(header, { typ: 'JWT', alg: 'RS256', x5t: kid })
  })

  it('names as its audience what the scope named, spelt as it is registered', async () => {
    const cases = [
      [GRAPH_SCOPE, 'https://graph.microsoft.com'],
      ['https://graph.microsoft.com//.default', 'https://graph.microsoft.com/'],
      [`${GRAPH_APP_ID}/.default`, GRAPH_APP_ID],
      ['.default', 'https://graph.microsoft.com'],
      ['HTTPS://Graph.Microsoft.com/.default', 'https://graph.microsoft.com'],
      [`${GRAPH_SCOPE} openid profile email offline_access`, 'https://graph.microsoft.com'],
      [`openid  ${GRAPH_SCOPE}  ${GRAPH_SCOPE}`, 'https://graph.microsoft.com'],
    ] as const
    for (const [scope, aud] of cases) {
      const token = await world.token(app, scope)
      assert.equal(claimsOf(token)['aud'], aud, scope)
      const answer = await world.graph('GET', '/users?$top=1', undefined, token)
      assert.equal(answer.status, 200, `${scope}: ${answer.text}`)
    }
  })

  it('is not had for a scope without a resource, or with a permission', async () => {
    for (const scope of [
      'openid',
      ' ',
      'User.Read.All',
      'https://graph.microsoft.com',
      'https://graph.microsoft.com/',
      `${GRAPH_SCOPE}/`,
      'https://graph.microsoft.com/.DEFAULT',
    ]) {
      const { status, body } = await world.postForm(world.form(app, { scope }))
      assert.deepEqual([status, body['error'], body['error_codes']], [400, 'invalid_scope', [1002012]], scope)
    }
    for (const scope of [`${GRAPH_SCOPE} User.Read.All`, `User.Read.All ${GRAPH_SCOPE}`, '/.default']) {
      const { status, body } = await world.postForm(world.form(app, { scope }))
      assert.deepEqual([status, body['error'], body['error_codes']], [400, 'invalid_scope', [70011]], scope)
    }
    const { body } = await world.postForm(world.form(app, { scope: '' }))
    assert.deepEqual(body['error_codes'], [90014])
    const two = await world.postForm(world.form(app, { scope: '.default api://orders/.default' }))
    assert.deepEqual(two.body['error_codes'], [700022])
  })
})

describe('a token for an API of the tenant', () => {
  it('is v2.0 if the API asks for it, and has no roles where none is assigned', async () => {
    const token = await world.token(app, 'api://orders/.default')
    const issuer = `${world.platform.origin}/${world.tenantId}/v2.0`
    const now = world.clock.ms / 1000
    assert.deepEqual(await verified(token, { audience: orders.appId, issuer }), {
      aud: orders.appId,
      iss: issuer,
      iat: now - 300,
      nbf: now - 300,
      exp: now + 3600,
      azp: app.appId,
      azpacr: '2',
      oid: app.principalId,
      sub: app.principalId,
      tid: world.tenantId,
      ver: '2.0',
    })
    const { kid, ...header } = decodeProtectedHeader(token)
    assert.deepEqual([typeof kid, header], ['string', { typ: 'JWT', alg: 'RS256' }])
  })

  it('is had by each App ID URI, with a slash or without, and by the application id', async () => {
    for (const resource of [
      'api://orders',
      'api://orders/',
      'API://Orders',
      'https://orders.example',
      'https://orders.example/',
      orders.appId,
      orders.appId.toUpperCase(),
    ]) {
      const token = await world.token(app, `${resource}/.default`)
      assert.equal(claimsOf(token)['aud'], orders.appId, resource)
    }
  })

  it('is v1.0 without Graph’s claims if the API asks for nothing', async () => {
    const claims = claimsOf(await world.token(app, 'api://invoices/.default'))
    assert.deepEqual(
      [claims['ver'], claims['aud'], claims['idtyp'], claims['wids'], claims['roles'], claims['appid']],
      ['1.0', 'api://invoices', undefined, undefined, undefined, app.appId],
    )
  })

  it('carries the roles assigned for this API and no others, from the next token on', async () => {
    const client = await world.register(key, { roles: ['Application.Read.All'] })
    const before = await world.token(client, 'api://orders/.default')
    const grant = await world.assign(client, orders.principalId, WRITE_ORDERS)
    await world.assign(client, orders.principalId, READ_ORDERS)
    const after = claimsOf(await world.token(client, 'api://orders/.default'))
    assert.equal(claimsOf(before)['roles'], undefined)
    assert.deepEqual(after['roles'], ['Orders.Read.All', 'Orders.ReadWrite.All'])
    assert.deepEqual(claimsOf(await world.token(client))['roles'], ['Application.Read.All'])
    assert.equal(claimsOf(await world.token(client, 'api://invoices/.default'))['roles'], undefined)
    await world.done(204, 'DELETE', `/servicePrincipals/${client.principalId}/appRoleAssignments/${grant}`)
    assert.deepEqual(claimsOf(await world.token(client, 'api://orders/.default'))['roles'], [
      'Orders.Read.All',
    ])
  })

  it('is let in by no other API: Graph refuses it', async () => {
    for (const scope of ['api://orders/.default', 'api://invoices/.default']) {
      const { status, body } = await world.graph(
        'GET',
        '/users',
        undefined,
        await world.token(invoices, scope),
      )
      assert.deepEqual(
        [status, (body['error'] as Record<string, unknown>)['code']],
        [401, 'InvalidAuthenticationToken'],
      )
    }
  })

  it('cannot borrow the name of another API', async () => {
    const taken = {
      status: 400,
      message: 'Another object with the same value for property identifierUris already exists.',
    }
    for (const uri of ['https://graph.microsoft.com', 'HTTPS://graph.microsoft.com/', 'api://orders']) {
      for (const [method, path] of [
        ['POST', '/applications'],
        ['PATCH', `/applications/${invoices.objectId}`],
      ] as const) {
        const answer = await world.graph(method, path, { displayName: 'borrower', identifierUris: [uri] })
        const { message } = (answer.body['error'] ?? {}) as Record<string, unknown>
        assert.deepEqual({ status: answer.status, message }, taken, `${method} ${uri}`)
      }
    }
    const kept = await world.graph('PATCH', `/applications/${orders.objectId}`, {
      identifierUris: ['api://orders', 'https://orders.example/'],
    })
    assert.equal(kept.status, 204)
  })
})

describe('optional claims of an API', () => {
  const CP1 = JSON.stringify({ access_token: { xms_cc: { values: ['cp1'] } } })
  const claimed = (name: string, more: object = {}) => ({
    optionalClaims: { accessToken: [{ name, ...more }] },
  })
  const CASES: readonly (readonly [name: string, properties: object, added: (api: App) => object])[] = [
    ['idtyp', claimed('idtyp'), () => ({ idtyp: 'app' })],
    ['tenant_region_scope', claimed('tenant_region_scope'), () => ({ tenant_region_scope: 'EU' })],
    ['xms_cc', claimed('xms_cc'), () => ({ xms_cc: ['cp1'] })],
    [
      'aud, use_guid',
      claimed('aud', { additionalProperties: ['use_guid'] }),
      ({ appId }) => ({ aud: appId }),
    ],
    ['aud alone', claimed('aud'), () => ({})],
    ['aud, something else', claimed('aud', { additionalProperties: ['other'] }), () => ({})],
    ['email, which no daemon has', claimed('email'), () => ({})],
    ['idtyp for id tokens', { optionalClaims: { idToken: [{ name: 'idtyp' }] } }, () => ({})],
    ['none', { optionalClaims: null }, () => ({})],
  ]
  for (const [index, [name, properties, added]] of CASES.entries())
    it(`are in its tokens when its registration says so: ${name}`, async () => {
      const uri = `api://optional-${index}`
      const api = await world.register(key, { displayName: 'api', identifierUris: [uri], ...properties })
      const plain = claimsOf(await world.token(app, 'api://invoices/.default'))
      const { body } = await world.postForm(world.form(app, { scope: `${uri}/.default`, claims: CP1 }))
      const claims = claimsOf(String(body['access_token']))
      const expected = { ...plain, aud: uri, ...added(api) }
      for (const opaque of OPAQUE) Object.assign(expected, { [opaque]: claims[opaque] })
      assert.deepEqual(claims, expected)
      assert.equal(body['expires_in'], 3599)
    })

  it('are seen in the next token after they change', async () => {
    const api = await world.register(key, { displayName: 'api', identifierUris: ['api://changing'] })
    const type = async () => claimsOf(await world.token(app, 'api://changing/.default'))['idtyp']
    const before = await type()
    await world.done(204, 'PATCH', `/applications/${api.objectId}`, claimed('idtyp'))
    assert.deepEqual([before, await type()], [undefined, 'app'])
  })

  it('are shown as they were sent, and refused if they are none', async () => {
    const api = await world.register(key, { displayName: 'api', ...claimed('idtyp') })
    const shown = await world.done(200, 'GET', `/applications/${api.objectId}`)
    assert.deepEqual(shown['optionalClaims'], { accessToken: [{ name: 'idtyp' }] })
    const wrong = { optionalClaims: { accessToken: [{ name: 7 }] } }
    const answer = await world.graph('PATCH', `/applications/${api.objectId}`, wrong)
    assert.equal(answer.status, 400)
  })
})
