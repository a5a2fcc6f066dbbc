// Both ends are ours here, so this shows that they fit, not that they are right: conformance/ and the tests of each side do.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parseEnv } from 'node:util'
import { AppIdentity, assertionFrom, certificate, graph, ManagedIdentity } from '@tomte/client'
import { type ManagedIdentityHost, type Platform, type SourceName, startPlatform } from '@tomte/platform'

const SCOPE = 'https://graph.microsoft.com/.default'

describe('a ManagedIdentity on the platform’s endpoints', () => {
  let platform: Platform
  let host: ManagedIdentityHost
  let folder: string
  let arcKeyFolder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-managed-'))
    arcKeyFolder = join(folder, 'arc')
    const identities = [
      { kind: 'system', name: 'build-machine' },
      { kind: 'user', name: 'nightly-sync' },
    ] as const
    const managedIdentity = { port: 0, identities, arcKeyFolder }
    const dataFolder = join(folder, 'data')
    platform = await startPlatform({ dataFolder, port: 0, managedIdentity })
    assert.ok(platform.managedIdentity)
    host = platform.managedIdentity
  })
  after(async () => {
    await platform.close()
    await rm(folder, { recursive: true })
  })

  const environmentOf = async (source: SourceName) =>
    parseEnv(await readFile(host.environmentFiles[source], 'utf8'))

  const claimsOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

  for (const source of [
    'imds',
    'app-service',
    'azure-arc',
    'service-fabric',
    'machine-learning',
    'cloud-shell',
  ] as const) {
    it(`gets the token of the system-assigned identity from ${source}`, async () => {
      const identity = new ManagedIdentity({ environment: await environmentOf(source), arcKeyFolder })
      const { token, expiresOnTimestamp } = await identity.getToken(SCOPE)
      const { oid, exp } = claimsOf(token)
      assert.equal(oid, host.identities.find(({ kind }) => kind === 'system')?.principalId)
      assert.equal(expiresOnTimestamp, Number(exp) * 1000)
    })
  }

  it('selects the user-assigned identity by each of its ids, and says that one is not there', async () => {
    const own = host.identities.find(({ kind }) => kind === 'user')
    assert.ok(own)
    const { clientId, principalId: objectId, resourceId } = own
    for (const source of ['imds', 'app-service'] as const) {
      const environment = await environmentOf(source)
      for (const selector of [{ clientId }, { objectId }, { resourceId }]) {
        const { token } = await new ManagedIdentity({ environment, ...selector }).getToken(SCOPE)
        assert.equal(claimsOf(token)['oid'], objectId)
      }
      const unknown = new ManagedIdentity({ environment, clientId: crypto.randomUUID() })
      await assert.rejects(unknown.getToken(SCOPE), {
        name: 'ConfigurationError',
        hint: 'Assign a managed identity to this host, or check the id that selects one',
      })
    }
  })

  it('makes App Service pass by its cache after a claims challenge', async () => {
    const identity = new ManagedIdentity({ environment: await environmentOf('app-service') })
    await identity.getToken(SCOPE)
    const claims = '{"access_token":{"nbf":{"essential":true,"value":"1790000000"}}}'
    assert.equal((await identity.getToken(SCOPE, { claims })).tokenType, 'Bearer')
    assert.equal(identity.tokenRequests, 2)
  })

  it('proves an application that trusts the user-assigned identity', async () => {
    const { operator, origin, graphUrl, ca } = platform
    const { tenantId } = operator
    const place = { tenantId, authorityHost: origin, ca }
    const credential = certificate({ file: operator.certificateFile })
    const administrator = new AppIdentity({ ...place, clientId: operator.clientId, credential })
    const directory = graph(administrator, { baseUrl: graphUrl, ca })
    const own = host.identities.find(({ kind }) => kind === 'user')
    const { id, appId } = (await directory.post('/applications', { displayName: 'orders-sync' })) as {
      id: string
      appId: string
    }
    await directory.post('/servicePrincipals', { appId })
    await directory.post(`/applications/${id}/federatedIdentityCredentials`, {
      name: 'nightly-sync',
      issuer: `${origin}/${tenantId}/v2.0`,
      subject: own?.principalId,
      audiences: ['api://AzureADTokenExchange'],
    })
    const environment = await environmentOf('imds')
    const machine = new ManagedIdentity({ environment, clientId: own?.clientId })
    const application = new AppIdentity({ ...place, clientId: appId, credential: assertionFrom(machine) })
    const claims = claimsOf((await application.getToken(SCOPE)).token)
    assert.equal(claims['appid'] ?? claims['azp'], appId)
    assert.equal(claims['azpacr'] ?? claims['appidacr'], '2')
    const other = new AppIdentity({
      ...place,
      clientId: appId,
      credential: assertionFrom(new ManagedIdentity({ environment })),
    })
    await assert.rejects(other.getToken(SCOPE), { aadsts: [700213] })
  })
})
