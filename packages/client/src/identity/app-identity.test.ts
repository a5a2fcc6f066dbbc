import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { importX509, jwtVerify } from 'jose'
import { certificate } from '../credential/certificate.ts'
import { keyPem, makeCertificate, newRsaKey } from '../credential/test-support.ts'
import { AppIdentity } from './app-identity.ts'
import { CLIENT, identityAt, manualClock, scriptedServer, TENANT, tokenAnswer } from '../test-support.ts'

const ORDERS = 'api://orders/.default'
const GRAPH = 'https://graph.microsoft.com/.default'

/** The shape that the Azure SDKs ask of a credential (@azure/core-auth). */
interface TokenCredential {
  getToken(
    scopes: string | string[],
    options?: { abortSignal?: AbortSignal },
  ): Promise<{ token: string; expiresOnTimestamp: number; refreshAfterTimestamp?: number } | null>
}

describe('AppIdentity', () => {
  it('proves itself to the token endpoint and returns what it got', async (t) => {
    const own = makeCertificate(newRsaKey(), {
      name: 'nightly-sync',
      notBefore: '2020-01-01T00:00:00Z',
      notAfter: '2049-12-31T00:00:00Z',
    })
    const server = await scriptedServer(t, () => tokenAnswer('a-token', { refresh_in: 1000 }))
    const clock = manualClock()
    const credential = certificate({ pem: keyPem(own.key) + own.certificate })
    const identity = identityAt(server, { credential, clock, tenantId: 'Contoso.Example' })
    assert.deepEqual(await identity.getToken(ORDERS), {
      token: 'a-token',
      expiresOnTimestamp: clock.now() + 3_599_000,
      refreshAfterTimestamp: clock.now() + 1_000_000,
      tokenType: 'Bearer',
    })

    const [sent] = server.received
    const endpoint = `${server.origin}/contoso.example/oauth2/v2.0/token`
    assert.equal(identity.authority.tokenEndpoint, endpoint)
    assert.equal(sent?.method, 'POST')
    assert.equal(sent.path, '/contoso.example/oauth2/v2.0/token')
    const { client_assertion: assertion, ...fields } = Object.fromEntries(new URLSearchParams(sent.body))
    assert.deepEqual(fields, {
      grant_type: 'client_credentials',
      client_id: CLIENT,
      scope: ORDERS,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    await jwtVerify(assertion ?? '', await importX509(own.certificate, 'PS256'), {
      audience: endpoint,
      issuer: CLIENT,
      subject: CLIENT,
      currentDate: new Date(clock.now()),
    })
  })

  it('names each request anew, so that it is found in the sign-in log', async (t) => {
    const server = await scriptedServer(t, () => tokenAnswer('a-token'))
    const identity = identityAt(server)
    await identity.getToken(ORDERS)
    await identity.getToken(GRAPH)
    const ids = server.received.map(({ headers }) => String(headers['client-request-id']))
    assert.equal(new Set(ids).size, 2)
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.equal(server.received[0]?.headers['return-client-request-id'], 'true')
  })

  it('keeps one token for each scope and counts its requests', async (t) => {
    const server = await scriptedServer(t, (_, number) => tokenAnswer(`token-${number}`))
    const identity = identityAt(server)
    assert.equal(identity.tokenRequests, 0)
    assert.equal((await identity.getToken(ORDERS)).token, 'token-1')
    assert.equal((await identity.getToken([ORDERS])).token, 'token-1')
    assert.equal((await identity.getToken(GRAPH)).token, 'token-2')
    assert.equal((await identity.tokenSource(ORDERS).token()).token, 'token-1')
    assert.equal(identity.tokenRequests, 2)
    assert.equal(server.received.length, 2)
  })

  it('asks anew once the token has expired by its clock', async (t) => {
    const server = await scriptedServer(t, (_, number) => tokenAnswer(`token-${number}`))
    const clock = manualClock()
    const identity = identityAt(server, { clock })
    await identity.getToken(ORDERS)
    clock.pass(3_599_000)
    assert.equal((await identity.getToken(ORDERS)).token, 'token-2')
  })

  it('is a TokenCredential of the Azure SDKs', async (t) => {
    const server = await scriptedServer(t, () => tokenAnswer('a-token'))
    const credential: TokenCredential = identityAt(server)
    assert.equal((await credential.getToken([ORDERS], {}))?.token, 'a-token')
  })

  for (const [name, scopes] of [
    ['no scope', []],
    ['two scopes', [ORDERS, GRAPH]],
    ['a single permission', ['https://graph.microsoft.com/User.Read.All']],
  ] as const) {
    it(`refuses ${name} without asking anyone`, async (t) => {
      const server = await scriptedServer(t, () => tokenAnswer('a-token'))
      const identity = identityAt(server)
      await assert.rejects(identity.getToken(scopes), { name: 'ConfigurationError', code: 'scope_invalid' })
      assert.equal(identity.tokenRequests, 0)
      assert.deepEqual(server.received, [])
    })
  }

  it('sends nothing when its credential can prove nothing', async (t) => {
    const server = await scriptedServer(t, () => tokenAnswer('a-token'))
    const identity = identityAt(server, { credential: certificate({ pem: '' }) })
    await assert.rejects(identity.getToken(ORDERS), { code: 'certificate_unusable' })
    assert.equal(identity.tokenRequests, 0)
    assert.deepEqual(server.received, [])
  })

  it('names application, tenant and scope when it is refused, and asks anew the next time', async (t) => {
    const description = `AADSTS700016: Application with identifier '${CLIENT}' was not found. Trace ID: x`
    const server = await scriptedServer(t, (_, number) =>
      number === 1
        ? {
            status: 400,
            body: { error: 'unauthorized_client', error_description: description, error_codes: [700016] },
          }
        : tokenAnswer('a-token'),
    )
    const identity = identityAt(server)
    await assert.rejects(identity.getToken(ORDERS), {
      name: 'ConfigurationError',
      code: 'unauthorized_client',
      message:
        `Cannot get a token for application '${CLIENT}' in tenant '${TENANT}' with scope '${ORDERS}': ` +
        `AADSTS700016: Application with identifier '${CLIENT}' was not found.`,
      aadsts: [700016],
    })
    assert.equal((await identity.getToken(ORDERS)).token, 'a-token')
    assert.equal(identity.tokenRequests, 2)
  })

  it('keeps a time limit on the exchange', async (t) => {
    const clock = manualClock()
    const server = await scriptedServer(t, () => () => clock.pass(50))
    await assert.rejects(identityAt(server, { timeoutMs: 50, clock, random: () => 0 }).getToken(ORDERS), {
      name: 'UnavailableError',
      code: 'authority_unreachable',
      message: `Cannot get a token, as the authority ${server.origin} must be reachable: no answer within 50 ms`,
    })
  })

  it('works in the public cloud unless told otherwise', () => {
    const identity = new AppIdentity({ tenantId: TENANT, clientId: CLIENT, credential: () => {} })
    assert.equal(
      identity.authority.tokenEndpoint,
      `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`,
    )
  })

  for (const [options, code] of [
    [{ tenantId: 'common' }, 'tenant_invalid'],
    [{ authorityHost: 'http://login.example' }, 'authority_invalid'],
  ] as const) {
    it(`is not made with ${JSON.stringify(options)}`, () => {
      const make = () =>
        new AppIdentity({ tenantId: TENANT, clientId: CLIENT, credential: () => {}, ...options })
      assert.throws(make, { name: 'ConfigurationError', code })
    })
  }

  it('shows no token when it is printed', async (t) => {
    const secret = crypto.randomUUID()
    const server = await scriptedServer(t, () => tokenAnswer(secret))
    const identity = identityAt(server)
    await identity.getToken(ORDERS)
    assert.ok(!inspect(identity, { depth: Infinity, showHidden: true }).includes(secret))
  })
})
