import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { AppIdentity } from '../identity/app-identity.ts'
import { CLIENT, identityAt, isTokenRequest, scriptedServer, TENANT, tokenAnswer } from '../test-support.ts'
import { definedApi, definedApis } from './defined-api.ts'

const somebody = (authorityHost?: string) =>
  new AppIdentity({ tenantId: TENANT, clientId: CLIENT, credential: () => {}, authorityHost })

describe('definedApis', () => {
  it("finds Microsoft Graph in the identity's own cloud, in the version that is asked for", () => {
    const definitions = { a: { graph: 'v1.0' }, b: { graph: 'beta' } } as const
    const roots = (host?: string) =>
      Object.values(definedApis(somebody(host), definitions)).map((api) => api.baseUrl)
    assert.deepEqual(roots(), ['https://graph.microsoft.com/v1.0/', 'https://graph.microsoft.com/beta/'])
    assert.deepEqual(roots('AzureUSGovernment'), [
      'https://graph.microsoft.us/v1.0/',
      'https://graph.microsoft.us/beta/',
    ])
  })

  it('hands base URL, scope and permissions to any other API', async (t) => {
    const server = await scriptedServer(t, (request) =>
      isTokenRequest(request) ? tokenAnswer('a-token') : { status: 403, body: {} },
    )
    const trusted = getCACertificates('default')
    setDefaultCACertificates([...trusted, server.ca])
    t.after(() => setDefaultCACertificates(trusted))
    const permissions = ['Orders.Read.All']
    const { orders } = definedApis(identityAt(server), {
      orders: { baseUrl: `${server.origin}/v1`, scope: 'api://orders/.default', permissions },
    })
    await assert.rejects(orders.get('/orders'), {
      name: 'PermissionError',
      hint: /the application permission Orders\.Read\.All in/,
    })
    assert.equal(new URLSearchParams(server.received[0]?.body).get('scope'), 'api://orders/.default')
    assert.equal(server.received[1]?.path, '/v1/orders')
  })

  it('refuses what the check lets pass and is no address or scope', () => {
    const scope = 'api://orders/.default'
    assert.throws(() => definedApi(somebody(), { baseUrl: 'https://[', scope }), { code: 'base_url_invalid' })
    assert.throws(() => definedApi(somebody(), { baseUrl: 'https://a.example', scope: 'a b' }), {
      code: 'scope_invalid',
    })
  })
})
