import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { Environment } from '../config.ts'
import type { Credential, ProofContext } from '../credential/credential.ts'
import { configurationOf, type CredentialDefinition } from './configuration.ts'

const TOKEN = ['e30', 'e30', 'c2ln'].join('.')
const IDENTITY = { tenantId: 'contoso.example', clientId: 'nightly-sync' }
const CONTEXT: ProofContext = {
  clientId: 'nightly-sync',
  tokenEndpoint: 'https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token',
  nowMs: Date.UTC(2026, 8, 21),
  randomUuid: () => 'f00d',
}

/** The credential that a configuration makes of one definition. */
async function credentialOf(definition: CredentialDefinition, environment: Environment): Promise<Credential> {
  const { identity } = await configurationOf(
    { identity: { ...IDENTITY, credentials: [definition] } },
    { environment },
  )
  const [credential] = [identity.credential].flat()
  assert.ok(credential)
  return credential
}

/** A host that gives its managed identity's tokens, as App Service does. */
async function host(t: TestContext) {
  const asked: IncomingMessage[] = []
  const server = createServer((incoming, response) => {
    asked.push(incoming)
    const expires_on = String(Math.floor(Date.now() / 1000) + 3600)
    response.end(JSON.stringify({ access_token: TOKEN, expires_on, token_type: 'Bearer' }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const environment = { IDENTITY_ENDPOINT: `http://127.0.0.1:${port}/msi`, IDENTITY_HEADER: 'the header' }
  return { asked, environment }
}

describe('a configuration proves the application', () => {
  for (const [managedIdentity, selected] of [
    ['system', null],
    ['66666666-ffff-4fff-8fff-000000000006', '66666666-ffff-4fff-8fff-000000000006'],
  ] as const) {
    it(`with the managed identity '${managedIdentity}'`, async (t) => {
      const { asked, environment } = await host(t)
      const body = new URLSearchParams()
      const credential = await credentialOf({ managedIdentity }, environment)
      await credential({ body, headers: {} }, CONTEXT)
      assert.equal(body.get('client_assertion'), TOKEN)
      const query = new URL(asked[0]?.url ?? '', 'http://localhost').searchParams
      assert.equal(query.get('resource'), 'api://AzureADTokenExchange')
      assert.equal(query.get('client_id'), selected)
    })
  }

  it('with the token of a workflow, and says what the workflow lacks', async () => {
    const credential = await credentialOf({ githubActions: 'id-token', audience: 'api://orders' }, {})
    await assert.rejects(async () => credential({ body: new URLSearchParams(), headers: {} }, CONTEXT), {
      name: 'ConfigurationError',
      message: /ACTIONS_ID_TOKEN_REQUEST_URL/,
    })
  })

  it('with a private key, which a server of tenants does not take', async () => {
    const credential = await credentialOf({ privateKeyFile: 'daemon-key.pem', keyId: '2026-11' }, {})
    await assert.rejects(async () => credential({ body: new URLSearchParams(), headers: {} }, CONTEXT), {
      code: 'private_key_unsupported',
    })
  })
})
