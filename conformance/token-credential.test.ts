import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import type { TokenCredential } from '@azure/core-auth'
import { SecretClient } from '@azure/keyvault-secrets'
import { Client } from '@microsoft/microsoft-graph-client'
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js'
import { AppIdentity, clientSecret } from '@tomte/client'
import {
  type Answer,
  type Received,
  type ScriptedServer,
  scriptedServer,
} from './scripted-server-test-support.ts'
import { serverTls } from './tls-test-support.ts'

const TENANTS = ['11111111-aaaa-4aaa-8aaa-000000000001', '11111111-aaaa-4aaa-8aaa-000000000002'] as const
const CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1790000000"}}}'

describe('an AppIdentity as TokenCredential', () => {
  const pem = serverTls()
  const servers: ScriptedServer[] = []
  let authority: ScriptedServer
  let credential: TokenCredential
  let identity: AppIdentity

  const start = async (answer: Parameters<typeof scriptedServer>[1]) => {
    const server = await scriptedServer(pem, answer)
    servers.push(server)
    return server
  }

  before(async () => {
    // A token says for which tenant, resource and claims it was made.
    authority = await start(({ path, body }) => {
      const form = new URLSearchParams(body)
      const token = [path.split('/')[1], form.get('scope'), form.has('claims') ? 'challenged' : 'first']
      return { body: { token_type: 'Bearer', expires_in: 3599, access_token: token.join('|') } }
    })
  })
  after(() => Promise.all(servers.map((server) => server.close())))

  const newIdentity = () => {
    identity = new AppIdentity({
      tenantId: 'home.example',
      clientId: 'orders-sync',
      credential: clientSecret(crypto.randomUUID()),
      authorityHost: authority.origin,
      ca: pem.ca,
    })
    credential = identity
    return identity
  }

  const secretAt = (origin: string, path: string): Answer => {
    const [, , name = ''] = path.split('/')
    return { body: { value: 'open', id: `${origin}/secrets/${name}/v1`, attributes: { enabled: true } } }
  }

  /** A vault that wants a token for its tenant, and says so to who brings none (wire.md §14). */
  const vault = (tenant: string, wanted: string, challenge?: (request: Received) => string | undefined) =>
    start((request, origin) => {
      const bearer = request.headers.authorization
      const refusal = challenge?.(request)
      if (bearer === `Bearer ${tenant}|https://vault.azure.net/.default|${wanted}`)
        return secretAt(origin, request.path)
      const asked = `Bearer authorization="https://login.example/${tenant}", resource="https://vault.azure.net"`
      return {
        status: 401,
        headers: { 'www-authenticate': refusal ?? asked },
        body: { error: { code: 'Unauthorized', message: 'AKV10000' } },
      }
    })

  const secrets = ({ origin }: ScriptedServer) =>
    new SecretClient(origin, credential, {
      disableChallengeResourceVerification: true,
      tlsOptions: { ca: pem.ca },
      retryOptions: { maxRetries: 0 },
    })

  it('reads a secret with @azure/keyvault-secrets, in the tenant that the vault names', async () => {
    newIdentity()
    const own = await vault(TENANTS[0], 'first')
    const { name, value } = await secrets(own).getSecret('db-password')
    assert.deepEqual([name, value], ['db-password', 'open'])
    assert.deepEqual(
      own.received.map(({ headers }) => headers.authorization === undefined),
      [true, false],
    )
  })

  it('answers the claims challenge that the vault makes', async () => {
    newIdentity()
    const claims = Buffer.from(CLAIMS).toString('base64')
    const own = await vault(TENANTS[0], 'challenged', ({ headers }) =>
      headers.authorization === undefined
        ? undefined
        : `Bearer realm="", error="insufficient_claims", claims="${claims}"`,
    )
    const sentBefore = authority.received.length
    assert.equal((await secrets(own).getSecret('db-password')).value, 'open')
    const sent = authority.received
      .slice(sentBefore)
      .map(({ body }) => new URLSearchParams(body).get('claims'))
    assert.deepEqual(sent, [null, CLAIMS])
  })

  it('never gives one tenant the token of another, however many ask at once', async () => {
    newIdentity()
    const vaults = await Promise.all(TENANTS.map((tenant) => vault(tenant, 'first')))
    const clients = vaults.map(secrets)
    const values = await Promise.all(
      Array.from({ length: 40 }, async (_, number) => {
        const { value } = await (clients[number % 2] as SecretClient).getSecret(`secret-${number}`)
        return value
      }),
    )
    assert.deepEqual(new Set(values), new Set(['open']))
    assert.equal(identity.tokenRequests, 2)
    for (const [index, { received }] of vaults.entries()) {
      const tokens = new Set(received.map(({ headers }) => headers.authorization))
      tokens.delete(undefined)
      assert.deepEqual([...tokens], [`Bearer ${TENANTS[index]}|https://vault.azure.net/.default|first`])
    }
  })

  it('calls a directory with @microsoft/microsoft-graph-client', async () => {
    newIdentity()
    // The client fetches with Node's own fetch, which takes no certificate authority as an argument.
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), pem.ca])
    const directory = await start(() => ({ body: { value: [{ displayName: 'Ada' }] } }))
    const authProvider = new TokenCredentialAuthenticationProvider(credential, {
      scopes: ['https://graph.microsoft.com/.default'],
    })
    const client = Client.initWithMiddleware({
      authProvider,
      baseUrl: directory.origin,
      customHosts: new Set(['localhost']),
    })
    const { value } = (await client.api('/users').get()) as { value: unknown }
    assert.deepEqual(value, [{ displayName: 'Ada' }])
    const [{ path, headers }] = directory.received as [Received]
    assert.equal(path, '/v1.0/users')
    assert.equal(headers.authorization, 'Bearer home.example|https://graph.microsoft.com/.default|first')
  })
})
