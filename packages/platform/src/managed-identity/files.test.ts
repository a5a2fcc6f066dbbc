// What the endpoints write on the disk: the key files of Azure Arc, and the environment files that lead SDKs here.
import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { SOURCES, type SourceName } from './sources.ts'
import { GRAPH, type IdentityWorld, startHost } from './test-support.ts'

let host: IdentityWorld
before(async () => {
  host = await startHost([{ kind: 'system', name: 'machine' }])
})
after(() => host.world.remove())

const NAMES = Object.keys(SOURCES) as SourceName[]
const ARC = `/azure-arc/metadata/identity/oauth2/token?api-version=2020-06-01&resource=${GRAPH}`
const ask = (headers: Readonly<Record<string, string>>) => host.send(ARC, { headers })

describe('the key file of Azure Arc', () => {
  const headers = { metadata: 'true' }
  const challenge = async () => {
    const answer = await ask(headers)
    assert.equal(answer.status, 401)
    return String(answer.headers['www-authenticate']).slice('Basic realm='.length)
  }

  it('is named by the challenge, lies beside the keys, and is its owner’s alone', async () => {
    const file = await challenge()
    assert.equal(dirname(file), join(host.world.folder, 'keys', 'azure-arc'))
    assert.match(await readFile(file, 'utf8'), /^[\w-]{43}$/)
    if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600)
  })

  it('opens once', async () => {
    const file = await challenge()
    const authorization = `Basic ${await readFile(file, 'utf8')}`
    assert.equal((await ask({ ...headers, authorization })).status, 200)
    await assert.rejects(stat(file), { code: 'ENOENT' })
    assert.equal((await ask({ ...headers, authorization })).status, 401)
  })

  it('is one of 32: the oldest goes', async () => {
    const oldest = await challenge()
    for (let count = 0; count < 31; count++) await challenge()
    assert.match(await readFile(oldest, 'utf8'), /./)
    await challenge()
    await assert.rejects(stat(oldest), { code: 'ENOENT' })
    assert.equal((await readdir(dirname(oldest))).length, 32)
  })
})

describe('the environment file of a source', () => {
  it('leads SDKs to it, and is its owner’s alone', async () => {
    const { origin } = host.host
    const path = '/metadata/identity/oauth2/token'
    const variables = Object.fromEntries(
      await Promise.all(NAMES.map(async (name) => [name, await host.environment(name)] as const)),
    )
    const secrets = ['app-service', 'service-fabric', 'machine-learning'].map(
      (name) => variables[name]?.['IDENTITY_HEADER'] ?? variables[name]?.['MSI_SECRET'] ?? '',
    )
    for (const secret of secrets) assert.match(secret, /^[\w-]{43}$/)
    assert.equal(new Set(secrets).size, 3)
    assert.match(String(variables['service-fabric']?.['IDENTITY_SERVER_THUMBPRINT']), /^[0-9A-F]{40}$/)
    const [identityHeader, fabricHeader, secret] = secrets
    const thumbprint = variables['service-fabric']?.['IDENTITY_SERVER_THUMBPRINT']
    const expected = {
      imds: { AZURE_POD_IDENTITY_AUTHORITY_HOST: origin, MSAL_MANAGED_IDENTITY_ENDPOINT: `${origin}${path}` },
      'app-service': {
        IDENTITY_ENDPOINT: `${origin}/app-service/msi/token`,
        IDENTITY_HEADER: identityHeader,
      },
      'azure-arc': {
        IDENTITY_ENDPOINT: `${origin}/azure-arc${path}`,
        IMDS_ENDPOINT: `${origin}/azure-arc`,
      },
      'service-fabric': {
        IDENTITY_ENDPOINT: `${origin}/service-fabric/msi/token`,
        IDENTITY_HEADER: fabricHeader,
        IDENTITY_SERVER_THUMBPRINT: thumbprint,
      },
      'machine-learning': { MSI_ENDPOINT: `${origin}/machine-learning/msi/token`, MSI_SECRET: secret },
      'cloud-shell': { MSI_ENDPOINT: `${origin}/cloud-shell/msi/token` },
    }
    assert.deepEqual(JSON.parse(JSON.stringify(variables)), expected)
    if (process.platform === 'win32') return
    for (const file of Object.values(host.host.environmentFiles))
      assert.equal((await stat(file)).mode & 0o777, 0o600, file)
  })
})
