import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  identityAnswer,
  identityOn,
  imdsAt,
  inAnHour,
  plainServer,
} from '../managed-identity/test-support.ts'
import { identityAt, manualClock, scriptedServer, tokenAnswer } from '../test-support.ts'
import { assertionFrom } from './identity-assertion.ts'
import { CONTEXT, proofOf } from './proof-support.ts'

const jwt = (name: string) => ['e30', Buffer.from(name).toString('base64url'), 'c2ln'].join('.')
const EXCHANGE = 'api://AzureADTokenExchange'

describe('assertionFrom', () => {
  it('proves an application by the managed identity that it trusts', async (t) => {
    const host = await plainServer(t, () => identityAnswer(jwt('host'), inAnHour(manualClock())))
    const { identity: own } = identityOn(imdsAt(host.origin))
    const server = await scriptedServer(t, () => tokenAnswer('a-token'))
    const identity = identityAt(server, { credential: assertionFrom(own) })
    assert.equal((await identity.getToken('api://orders/.default')).token, 'a-token')
    assert.equal((await identity.getToken('api://stock/.default')).token, 'a-token')
    const sent = server.received.map(({ body }) => new URLSearchParams(body).get('client_assertion'))
    assert.deepEqual(sent, [jwt('host'), jwt('host')])
    // It keeps its token: the host was asked once.
    const resources = host.received.map(({ path }) => new URLSearchParams(path.split('?')[1]).get('resource'))
    assert.deepEqual(resources, [EXCHANGE])
  })

  it('proves an application by another application', async (t) => {
    const first = await scriptedServer(t, () => tokenAnswer(jwt('first')))
    const second = await scriptedServer(t, () => tokenAnswer('a-token'))
    const identity = identityAt(second, { credential: assertionFrom(identityAt(first)) })
    await identity.getToken('api://orders/.default')
    assert.equal(new URLSearchParams(first.received[0]?.body).get('scope'), `${EXCHANGE}/.default`)
    assert.equal(new URLSearchParams(second.received[0]?.body).get('client_assertion'), jwt('first'))
  })

  for (const [tokenEndpoint, audience, scope] of [
    ['https://login.microsoftonline.com/t/oauth2/v2.0/token', undefined, `${EXCHANGE}/.default`],
    ['https://login.usgovcloudapi.net/t/oauth2/v2.0/token', undefined, `${EXCHANGE}USGov/.default`],
    ['https://login.chinacloudapi.cn/t/oauth2/v2.0/token', undefined, `${EXCHANGE}China/.default`],
    ['https://login.example/token', undefined, `${EXCHANGE}/.default`],
    ['https://login.example/token', 'api://acme', 'api://acme/.default'],
  ] as const) {
    it(`asks for ${scope} at ${new URL(tokenEndpoint).host}`, async () => {
      const asked: unknown[] = []
      const borrowed = {
        getToken: async (given: unknown) => {
          asked.push(given)
          return { token: jwt('borrowed'), expiresOnTimestamp: 0 }
        },
      }
      const form = { body: new URLSearchParams(), headers: {} }
      await assertionFrom(borrowed, { audience })(form, { ...CONTEXT, tokenEndpoint })
      assert.deepEqual(asked, [scope])
      assert.equal(form.body.get('client_assertion'), jwt('borrowed'))
    })
  }

  it('says that the other identity gave no token, or none that is signed', async () => {
    await assert.rejects(proofOf(assertionFrom({ getToken: async () => null })), {
      name: 'ConfigurationError',
      code: 'assertion_missing',
      message: `Cannot use another identity's token as assertion, as one for '${EXCHANGE}' is needed: it gave none`,
      hint: 'Check that the other identity works by itself',
    })
    const opaque = { getToken: async () => ({ token: 'opaque', expiresOnTimestamp: 0 }) }
    await assert.rejects(proofOf(assertionFrom(opaque)), { code: 'assertion_malformed' })
  })

  it('passes on why the other identity fails, and the wait goes on', async (t) => {
    const host = await plainServer(t, (_, number) =>
      number === 1 ? { status: 503 } : identityAnswer(jwt('host'), inAnHour(manualClock())),
    )
    const { identity: own } = identityOn(imdsAt(host.origin))
    const server = await scriptedServer(t, () => tokenAnswer('a-token'))
    const identity = identityAt(server, { credential: assertionFrom(own) })
    assert.equal((await identity.getToken('api://orders/.default')).token, 'a-token')
    assert.equal(host.received.length, 2)
  })
})
