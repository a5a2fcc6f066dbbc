// Tokens that another server makes, judged by our guard, which finds its keys by itself; and tokens of our platform, judged by
// another library.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { AppIdentity, certificate } from '@tomte/client'
import { createGuard, oauthIssuer } from '@tomte/guard'
import { type Platform, startPlatform } from '@tomte/platform'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import Provider from 'oidc-provider'
import { serverTls } from './tls-test-support.ts'

const API = 'https://orders.example'
const SCOPE = 'orders.read'
const SECRET = crypto.randomUUID()

/** Sends a form, or asks for a document, over TLS that is trusted for this test. */
async function fetched(url: string, ca: string, form?: URLSearchParams): Promise<object> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const outgoing = request(url, { ca, method: form ? 'POST' : 'GET', headers })
  outgoing.end(form?.toString())
  const [response] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer>]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString()) as object
}

const KEYS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
} as const

for (const [alg, newKeys] of Object.entries(KEYS)) {
  describe(`the guard, given ${alg} tokens of an unmodified oidc-provider`, () => {
    const tls = serverTls()
    let server: Server
    let issuer: string
    const paths: string[] = []

    before(async () => {
      let answer: RequestListener = () => {}
      server = createServer(tls, (incoming, response) => {
        paths.push(`${incoming.method} ${incoming.url}`)
        answer(incoming, response)
      })
      await once(server.listen(0, 'localhost'), 'listening')
      issuer = `https://localhost:${(server.address() as AddressInfo).port}`
      const key = { ...newKeys().privateKey.export({ format: 'jwk' }), kid: 'signing-key', use: 'sig', alg }
      const decoy = { ...newKeys().privateKey.export({ format: 'jwk' }), kid: 'another-key', use: 'sig', alg }
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: 'nightly-sync',
            client_secret: SECRET,
            token_endpoint_auth_method: 'client_secret_post',
            grant_types: ['client_credentials'],
            redirect_uris: [],
            response_types: [],
          },
        ],
        scopes: [SCOPE],
        jwks: { keys: [key, decoy] },
        cookies: { keys: [crypto.randomUUID()] },
        enabledJWA: { idTokenSigningAlgValues: [alg] },
        clientDefaults: { id_token_signed_response_alg: alg },
        features: {
          clientCredentials: { enabled: true },
          devInteractions: { enabled: false },
          resourceIndicators: {
            enabled: true,
            getResourceServerInfo: () => ({
              scope: SCOPE,
              audience: API,
              accessTokenFormat: 'jwt',
              jwt: { sign: { alg, kid: 'signing-key' } },
            }),
          },
        },
      })
      answer = provider.callback()
    })
    after(() => {
      server.closeAllConnections()
      server.close()
    })

    it('finds the keys by itself, lets the client in, and knows what it may do', async () => {
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'nightly-sync',
        client_secret: SECRET,
        scope: SCOPE,
        resource: API,
      })
      const answer = await fetched(`${issuer}/token`, tls.ca, form)
      const { access_token: token = assert.fail(JSON.stringify(answer)) } = answer as {
        access_token?: string
      }
      const issuers = oauthIssuer({ issuer, ca: tls.ca, rolesFrom: 'scope' })
      const guard = createGuard({ audience: [API], issuers })
      paths.length = 0
      const { kind, appId, tenantId, roles } = await guard.admit(`Bearer ${token}`, [SCOPE])
      assert.deepEqual(
        { kind, appId, tenantId, roles },
        { kind: 'application', appId: 'nightly-sync', tenantId: issuer, roles: [SCOPE] },
      )
      assert.equal(paths.at(-1), 'GET /jwks')
      await assert.rejects(guard.admit(`Bearer ${token}`, ['orders.burn']), { code: 'role_missing' })
      const other = createGuard({ audience: ['https://invoices.example'], issuers })
      await assert.rejects(other.admit(`Bearer ${token}`, [SCOPE]), { code: 'audience_invalid' })
    })
  })
}

describe('unmodified jose, given a token of the platform', () => {
  let platform: Platform
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-guard-'))
    platform = await startPlatform({ dataFolder: folder, port: 0 })
  })
  after(async () => {
    await platform.close()
    await rm(folder, { recursive: true })
  })

  it('accepts it by the keys document of its tenant', async () => {
    const { operator, origin, ca } = platform
    const { tenantId, clientId } = operator
    const credential = certificate({ file: operator.certificateFile })
    const identity = new AppIdentity({ tenantId, clientId, credential, authorityHost: origin, ca })
    const { token } = await identity.getToken('https://graph.microsoft.com/.default')
    const keys = (await fetched(`${origin}/${tenantId}/discovery/v2.0/keys`, ca)) as JSONWebKeySet
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
      issuer: `https://sts.windows.net/${tenantId}/`,
      audience: 'https://graph.microsoft.com',
      algorithms: ['RS256'],
    })
    assert.equal(payload['appid'], clientId)
  })
})
