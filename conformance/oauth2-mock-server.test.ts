import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { AppIdentity, clientSecret, type Credential, privateKey } from '@tomte/client'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { Events, OAuth2Server } from 'oauth2-mock-server'
import { newKey, serverTls } from './tls-test-support.ts'

const SECRET = crypto.randomUUID()

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

describe('unmodified oauth2-mock-server', () => {
  const tls = serverTls()
  const received: Received[] = []
  let server: OAuth2Server
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-mock-server-'))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    await Promise.all([writeFile(key, tls.key, { mode: 0o600 }), writeFile(cert, tls.cert)])
    server = new OAuth2Server(key, cert)
    await server.issuer.keys.generate('RS256')
    await server.start(0, 'localhost')
    server.service.on(Events.BeforeResponse, (_: unknown, { headers, body }: Received) => {
      received.push({ headers, body })
    })
  })
  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  const issuer = () => server.issuer.url ?? ''
  const identity = (credential: Credential) =>
    new AppIdentity({
      issuer: issuer(),
      clientId: 'nightly sync',
      credential,
      ca: tls.ca,
      parameters: { aud: 'https://orders.example' },
    })

  it('gives a token with the scope and the extra parameter that were asked for, which is kept', async () => {
    received.length = 0
    const app = identity(clientSecret(SECRET))
    const { token } = await app.getToken(['orders.read', 'orders.write'])
    const keys = createLocalJWKSet({ keys: server.issuer.keys.toJSON() } as Parameters<
      typeof createLocalJWKSet
    >[0])
    const { payload } = await jwtVerify(token, keys, { issuer: issuer(), audience: 'https://orders.example' })
    assert.equal(payload['scope'], 'orders.read orders.write')
    assert.equal((await app.getToken('orders.read orders.write')).token, token)
    assert.equal(received.length, 1)
  })

  it('gets the secret in the header, form-encoded, as it states no way for secrets', async () => {
    received.length = 0
    await identity(clientSecret(SECRET)).getToken('orders.read')
    const expected = Buffer.from(`nightly+sync:${SECRET}`).toString('base64')
    assert.equal(received[0]?.headers.authorization, `Basic ${expected}`)
    assert.deepEqual(
      { ...received[0].body },
      {
        grant_type: 'client_credentials',
        client_id: 'nightly sync',
        scope: 'orders.read',
        aud: 'https://orders.example',
      },
    )
    assert.equal(received[0].headers['client-request-id'], undefined)
  })

  it('gets assertions signed with RS256, the only algorithm that it states', async () => {
    received.length = 0
    await identity(privateKey({ pem: newKey().privateKey }, { keyId: 'k1' })).getToken('orders.read')
    const assertion = String(received[0]?.body['client_assertion'])
    assert.deepEqual(decodeProtectedHeader(assertion), { alg: 'RS256', typ: 'JWT', kid: 'k1' })
  })

  it('refuses as it is told to, and the class tells the remedy', async () => {
    server.service.once(Events.BeforeResponse, (response: { body: object; statusCode: number }) => {
      response.statusCode = 401
      response.body = { error: 'invalid_client' }
    })
    await assert.rejects(identity(clientSecret(SECRET)).getToken('orders.read'), {
      name: 'CredentialError',
      code: 'invalid_client',
      message: `Cannot get a token for application 'nightly sync' at '${issuer()}?aud=https%3A%2F%2Forders.example' with scope 'orders.read': HTTP status 401`,
    })
  })
})
