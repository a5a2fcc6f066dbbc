import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { identityAt, isTokenRequest, scriptedServer, tokenAnswer } from '../test-support.ts'
import { graph } from './graph.ts'

describe('graph', () => {
  it('is Microsoft Graph in the public cloud unless told otherwise', async (t) => {
    const identity = identityAt(await scriptedServer(t, () => ({})))
    assert.equal(graph(identity).baseUrl, 'https://graph.microsoft.com/v1.0/')
  })

  it('takes another directory, and asks for a token of Graph there too', async (t) => {
    const server = await scriptedServer(t, (request) =>
      isTokenRequest(request) ? tokenAnswer('a-token') : { body: { id: 1 } },
    )
    const { origin, ca } = server
    const directory = graph(identityAt(server), { baseUrl: `${origin}/graph/v1.0`, ca })
    assert.deepEqual(await directory.get('/users/1'), { id: 1 })
    const [token, call] = server.received
    assert.equal(new URLSearchParams(token?.body).get('scope'), 'https://graph.microsoft.com/.default')
    assert.equal(call?.path, '/graph/v1.0/users/1')
  })

  it('takes another scope', async (t) => {
    const server = await scriptedServer(t, (request) =>
      isTokenRequest(request) ? tokenAnswer('a-token') : { body: {} },
    )
    const { origin: baseUrl, ca } = server
    const scope = 'https://graph.microsoft.us/.default'
    await graph(identityAt(server), { baseUrl, ca, scope }).get('/users')
    assert.equal(new URLSearchParams(server.received[0]?.body).get('scope'), scope)
  })
})
