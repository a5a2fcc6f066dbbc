import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import type { Environment } from '../config.ts'
import type { Credential } from '../credential/credential.ts'
import { keyPem, makeCertificate, newRsaKey } from '../credential/test-support.ts'
import type { AppIdentityOptions } from '../identity/app-identity.ts'
import { configurationOf, defineConfig, loadConfiguration, type LoadOptions } from './configuration.ts'

const SECRET = 'the secret of the variable'
const ENVIRONMENT: Environment = { DAEMON_SECRET: SECRET }
const FILE = {
  identity: {
    authorityHost: 'https://login.example',
    tenantId: 'contoso.example',
    clientId: 'nightly-sync',
    credentials: [{ secretEnv: 'DAEMON_SECRET' }],
    timeoutMs: 5000,
  },
}

/** A folder with these files. */
async function folderWith(t: TestContext, files: Readonly<Record<string, string | Buffer>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-client-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

const json = (value: unknown) => ({ 'tomte.config.json': JSON.stringify(value) })

/** What each credential puts into the form. */
async function proofs({ credential, clientId }: AppIdentityOptions) {
  const prove = async (one: Credential) => {
    const body = new URLSearchParams()
    const context = { clientId, tokenEndpoint: 'https://login.example/t', randomUuid: () => 'f00d' }
    await one({ body, headers: {} }, { ...context, nowMs: Date.UTC(2026, 8, 21) })
    return Object.fromEntries(body)
  }
  return Promise.all([credential].flat().map(prove))
}

const loadIn = (folder: string, options: Partial<LoadOptions> = {}) =>
  loadConfiguration({ folder, environment: ENVIRONMENT, ...options })

describe('loadConfiguration', () => {
  it('reads identity and APIs from a tomte.config.json', async (t) => {
    const apis = { orders: { baseUrl: 'https://orders.example', scope: 'api://orders/.default' } }
    const folder = await folderWith(t, json({ $schema: './a.json', ...FILE, apis }))
    const loaded = await loadIn(folder)
    const { credential: _, ...identity } = loaded.identity
    const { credentials: __, ...stated } = FILE.identity
    assert.deepEqual(identity, stated)
    assert.deepEqual(loaded.apis, apis)
    assert.equal(loaded.file, join(folder, 'tomte.config.json'))
    assert.deepEqual(await proofs(loaded.identity), [{ client_secret: SECRET }])
  })

  it('takes code before the environment, and that before the file, option by option', async (t) => {
    const folder = await folderWith(t, json(FILE))
    const environment = {
      ...ENVIRONMENT,
      AZURE_TENANT_ID: 'fabrikam.example',
      AZURE_CLIENT_ID: 'from-outside',
    }
    const overrides = { clientId: 'from-code', tokensMax: 7, timeoutMs: undefined }
    const { credential: _, ...identity } = (await loadIn(folder, { environment, overrides })).identity
    assert.deepEqual(identity, {
      authorityHost: 'https://login.example',
      tenantId: 'fabrikam.example',
      clientId: 'from-code',
      timeoutMs: 5000,
      tokensMax: 7,
    })
  })

  it('hears every variable that says where tokens come from', async (t) => {
    const folder = await folderWith(t, json({ identity: { ...FILE.identity, region: 'northeurope' } }))
    const environment = {
      ...ENVIRONMENT,
      AZURE_AUTHORITY_HOST: 'AzurePublicCloud',
      AZURE_REGIONAL_AUTHORITY_NAME: ' westeurope ',
    }
    const { authorityHost, region } = (await loadIn(folder, { environment })).identity
    assert.deepEqual([authorityHost, region], ['AzurePublicCloud', 'westeurope'])
  })

  it('lets credentials of the environment, and of code before them, replace the list of the file', async (t) => {
    const folder = await folderWith(t, json(FILE))
    // The variable that the file names is not needed then.
    const environment = { AZURE_CLIENT_SECRET: 'from outside' }
    const { identity } = await loadIn(folder, { environment })
    assert.deepEqual(await proofs(identity), [{ client_secret: 'from outside' }])
    const credential: Credential = ({ body }) => body.set('client_secret', 'from code')
    const { identity: stated } = await loadIn(folder, { environment, overrides: { credential } })
    assert.deepEqual(await proofs(stated), [{ client_secret: 'from code' }])
  })

  it('makes every kind of credential, in order, with paths from the folder of the file', async (t) => {
    const { certificate, key } = makeCertificate(newRsaKey(), {
      name: 'nightly-sync',
      notBefore: '2020-01-01T00:00:00Z',
      notAfter: '2049-12-31T00:00:00Z',
    })
    const [token, password] = [['e30', 'e30', 'c2ln'].join('.'), ' open it ']
    const credentials = [
      {
        certificateFile: 'own.pem',
        certificatePasswordEnv: 'KEY_PASSWORD',
        algorithm: 'RS256',
        sendChain: true,
      },
      { federatedTokenFile: 'token' },
      { secretFile: './secret' },
      { secretEnv: 'DAEMON_SECRET' },
    ]
    const folder = await folderWith(t, {
      ...json({ identity: { ...FILE.identity, credentials } }),
      'own.pem': keyPem(key, password) + certificate,
      token,
      secret: 'the secret of the file\n',
    })
    const { identity } = await loadIn(folder, { environment: { ...ENVIRONMENT, KEY_PASSWORD: password } })
    const [first, ...others] = await proofs(identity)
    const header = JSON.parse(
      Buffer.from(first?.['client_assertion']?.split('.')[0] ?? '', 'base64url').toString(),
    ) as object
    assert.deepEqual(Object.keys(header).sort(), ['alg', 'typ', 'x5c', 'x5t'])
    assert.deepEqual(
      others.map((body) => body['client_assertion'] ?? body['client_secret']),
      [token, 'the secret of the file', SECRET],
    )
  })

  it('reads a tomte.config.ts, and passes over jobs and APIs that are functions', async (t) => {
    const text = `interface Facts { readonly identity: object }
      const facts: Facts = ${JSON.stringify(FILE)}
      export default { ...facts, apis: { a: () => 1, b: { graph: 'v1.0' } }, jobs: { work: {} } }`
    const folder = await folderWith(t, { 'tomte.config.ts': text })
    const { identity, apis, file } = await loadIn(folder)
    assert.equal(identity.tenantId, 'contoso.example')
    assert.deepEqual(apis, { b: { graph: 'v1.0' } })
    assert.equal(file, join(folder, 'tomte.config.ts'))
  })

  it('takes the file that is named, from the folder', async (t) => {
    const folder = await folderWith(t)
    await mkdir(join(folder, 'conf'))
    await writeFile(join(folder, 'conf', 'night.json'), JSON.stringify(FILE))
    const { file } = await loadIn(folder, { file: 'conf/night.json' })
    assert.equal(file, join(folder, 'conf', 'night.json'))
  })

  it('does without a file if the environment says it all', async (t) => {
    const environment = { AZURE_TENANT_ID: 'a.example', AZURE_CLIENT_ID: 'b', AZURE_CLIENT_SECRET: 'c' }
    const { identity, apis, file } = await loadIn(await folderWith(t), { environment })
    assert.deepEqual([identity.tenantId, identity.clientId, apis, file], ['a.example', 'b', {}, undefined])
  })

  it('takes an issuer in place of a tenant', async (t) => {
    const { tenantId: _, authorityHost: __, ...rest } = FILE.identity
    const issuer = { issuer: 'https://id.example', parameters: { audience: 'orders' } }
    const { identity } = await loadIn(await folderWith(t, json({ identity: { ...rest, ...issuer } })))
    assert.deepEqual([identity.issuer, identity.parameters], ['https://id.example', { audience: 'orders' }])
  })

  it('refuses two files in one folder', async (t) => {
    const folder = await folderWith(t, { ...json(FILE), 'tomte.config.ts': 'export default {}' })
    await assert.rejects(loadIn(folder), {
      name: 'ConfigurationError',
      code: 'configuration_ambiguous',
      message: `Cannot choose the configuration, as one file is needed: found tomte.config.ts and tomte.config.json in '${folder}'`,
    })
  })

  const INVALID = 'as every key and value must be known: '
  it('tells all faults of a file at once, twenty at most', async (t) => {
    const folder = await folderWith(t, json({ identity: { tenant: 'a' }, jobs: {} }))
    const place = `Cannot use the configuration in '${join(folder, 'tomte.config.json')}', ${INVALID}`
    await assert.rejects(loadIn(folder), {
      name: 'ConfigurationError',
      code: 'configuration_invalid',
      message: `${place}identity.tenant: unknown key, did you mean tenantId?; jobs: unknown key, known are $schema, identity, apis`,
    })
    const keys = Object.fromEntries(Array.from({ length: 23 }, (_, index) => [`x${index}`, 1]))
    const many = configurationOf(keys, { environment: {} })
    await assert.rejects(
      many,
      /^ConfigurationError: Cannot use the configuration, as .*; x19: [^;]*; and 3 more$/,
    )
  })

  it('names everything that is missing, and the variables by which it can be said', async (t) => {
    const folder = await folderWith(t, json({ identity: {} }))
    const place = `Cannot make the identity of the configuration in '${join(folder, 'tomte.config.json')}', as tenant, client and a credential are needed: missing `
    const facts = { name: 'ConfigurationError', code: 'configuration_incomplete' }
    await assert.rejects(loadIn(folder), {
      ...facts,
      message: `${place}identity.tenantId (or AZURE_TENANT_ID), identity.clientId (or AZURE_CLIENT_ID), identity.credentials (or AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE or AZURE_CLIENT_SECRET)`,
    })
    const credentials = [
      { secretEnv: 'DAEMON_SECRET' },
      { certificateFile: 'a.pem', certificatePasswordEnv: 'KEY_PASSWORD' },
    ]
    await writeFile(
      join(folder, 'tomte.config.json'),
      JSON.stringify({ identity: { ...FILE.identity, credentials } }),
    )
    await assert.rejects(loadIn(folder, { environment: { DAEMON_SECRET: ' ' } }), {
      ...facts,
      message: `${place}the environment variable DAEMON_SECRET (named by identity.credentials[0].secretEnv), the environment variable KEY_PASSWORD (named by identity.credentials[1].certificatePasswordEnv)`,
    })
  })

  const unreadable: readonly (readonly [
    what: string,
    name: string,
    text: string | Buffer | undefined,
    found: RegExp | string,
  ])[] = [
    ['is missing', 'a.json', undefined, 'ENOENT'],
    ['is empty', 'a.json', '', 'it is no JSON at line 1, column 1, where a value must stand'],
    [
      'has a comma too many',
      'a.json',
      '{\n "a": 1,\n}',
      'it is no JSON at line 3, column 1, where a key in double quotes must stand',
    ],
    ['is no UTF-8', 'a.json', Buffer.from([0x7b, 0xff, 0x7d]), 'it is no UTF-8 text'],
    ['is large', 'a.json', ' '.repeat(256 * 1024 + 1), 'it is larger than 262144 bytes'],
    ['has another ending', 'a.yaml', 'a: 1', 'its name ends with .yaml'],
    ['has no ending', 'config', '{}', 'its name has no ending'],
    ['is a missing module', 'a.ts', undefined, /^Cannot find module '.*a\.ts' imported from /],
    ['is a module without a default export', 'a.ts', 'export const a = 1', 'it has no default export'],
    [
      'is a module that throws',
      'a.mjs',
      "throw new Error('the module itself failed\\nat length')",
      'the module itself failed',
    ],
    ['is a module that throws no error', 'a.mjs', "throw 'a text'", 'it threw something that is no error'],
  ]
  for (const [what, name, text, found] of unreadable) {
    it(`refuses a file that ${what}`, async (t) => {
      const folder = await folderWith(t, text === undefined ? {} : { [name]: text })
      const place = `Cannot read the configuration in '${join(folder, name)}', as JSON or a module with a default export is needed: `
      await assert.rejects(loadIn(folder, { file: name }), (error: Error & { code?: string }) => {
        assert.deepEqual([error.name, error.code], ['ConfigurationError', 'configuration_unreadable'])
        assert.equal(error.message.slice(0, place.length), place)
        const rest = error.message.slice(place.length)
        if (typeof found === 'string') assert.equal(rest, found)
        else assert.match(rest, found)
        return true
      })
    })
  }

  it('never repeats a secret that stands in a file, broken or not', async (t) => {
    const secret = `${crypto.randomUUID()}~`
    const texts = [
      `{"identity": {"clientSecret": "${secret}"}}`,
      `{"identity": {"credentials": [{"secret": "${secret}"}]}}`,
      `{"identity": {"credentials": [{"secretEnv": "${secret}"}]}}`,
      `{"identity": {"clientSecret": "${secret}",}}`,
      `{"identity": {"clientSecret": ${secret}}}`,
      `{"identity": {"clientSecret": "${secret}`,
    ]
    for (const text of texts) {
      const folder = await folderWith(t, { 'tomte.config.json': text })
      await assert.rejects(loadIn(folder), (error) => !inspect(error, { depth: Infinity }).includes(secret))
    }
  })
})

describe('configurationOf', () => {
  it('completes a configuration that is in memory, with paths from where it was written', async (t) => {
    const folder = await folderWith(t, { secret: 'from the file' })
    const credentials = [{ secretFile: 'secret' }]
    const stated = defineConfig({ identity: { ...FILE.identity, credentials } })
    const file = join(folder, 'tomte.config.ts')
    const { identity } = await configurationOf(stated, { environment: {}, file })
    assert.deepEqual(await proofs(identity), [{ client_secret: 'from the file' }])
  })

  for (const value of [null, [], 'daemon', 7, { apis: null }, { apis: [] }, { apis: 1 }, { job: {} }]) {
    it(`refuses ${JSON.stringify(value)}`, async () => {
      await assert.rejects(configurationOf(value, { environment: {} }), { code: 'configuration_invalid' })
    })
  }

  it('is content with the environment where nothing is configured', async () => {
    const lacking = configurationOf({ apis: {}, jobs: {} }, { environment: {} })
    await assert.rejects(lacking, { code: 'environment_incomplete' })
  })
})
