import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { identityAt, scriptedServer, tokenAnswer } from '../test-support.ts'
import { declaredClaims } from './declared-claims.ts'

const NBF = '{"access_token":{"nbf":{"essential":true}}}'

describe('declaredClaims', () => {
  const cases: readonly (readonly [string | undefined, readonly string[] | undefined, string | undefined])[] =
    [
      [undefined, undefined, undefined],
      [undefined, [], undefined],
      [NBF, undefined, NBF],
      [undefined, ['cp1'], '{"access_token":{"xms_cc":{"values":["cp1"]}}}'],
      [NBF, ['cp1'], '{"access_token":{"nbf":{"essential":true},"xms_cc":{"values":["cp1"]}}}'],
      ['{"id_token":{}}', ['cp1'], '{"id_token":{},"access_token":{"xms_cc":{"values":["cp1"]}}}'],
      ['nonsense', ['cp1'], 'nonsense'],
      ['[]', ['cp1'], '[]'],
      ['{"access_token":1}', ['cp1'], '{"access_token":1}'],
    ]
  for (const [claims, capabilities, expected] of cases) {
    it(`makes ${expected} of ${claims} and ${JSON.stringify(capabilities)}`, () => {
      assert.equal(declaredClaims(claims, capabilities), expected)
    })
  }

  it('is what an identity with capabilities sends with every token request', async (t) => {
    const server = await scriptedServer(t, (_, number) => tokenAnswer(`token-${number}`))
    const identity = identityAt(server, { clientCapabilities: ['cp1'] })
    await identity.getToken('api://orders/.default')
    await identity.getToken('api://orders/.default', { claims: NBF })
    assert.deepEqual(
      server.received.map(({ body }) => new URLSearchParams(body).get('claims')),
      [declaredClaims(undefined, ['cp1']), declaredClaims(NBF, ['cp1'])],
    )
  })
})
