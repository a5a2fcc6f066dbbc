import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Environment, identityFromEnvironment } from './config.ts'
import { keyPem, makeCertificate, newRsaKey } from './credential/test-support.ts'

const CREDENTIALS = 'AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE or AZURE_CLIENT_SECRET'
const NAMES = [
  ['AZURE_TENANT_ID', 'AZURE_TENANT_ID'],
  ['AZURE_CLIENT_ID', 'AZURE_CLIENT_ID'],
  ['AZURE_CLIENT_CERTIFICATE_PATH', CREDENTIALS],
] as const

const COMPLETE: Environment = {
  AZURE_TENANT_ID: 'contoso.example',
  AZURE_CLIENT_ID: 'nightly-sync',
  AZURE_CLIENT_CERTIFICATE_PATH: 'daemon.pem',
}

const incomplete = (missing: readonly string[]) => ({
  name: 'ConfigurationError',
  code: 'environment_incomplete',
  message: `Cannot read the identity from the environment, as tenant, client and a credential must be set: missing ${missing.join(', ')}`,
  hint: 'Set AZURE_TENANT_ID, AZURE_CLIENT_ID, and for example AZURE_CLIENT_CERTIFICATE_PATH to a PEM file with the private key and its certificate',
})

describe('identityFromEnvironment', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-client-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('takes tenant and client, and leaves the authority host to its default', () => {
    const { credential, ...options } = identityFromEnvironment(COMPLETE)
    assert.deepEqual(options, {
      tenantId: 'contoso.example',
      clientId: 'nightly-sync',
      authorityHost: undefined,
    })
    assert.equal([credential].flat().length, 1)
  })

  it('takes the authority host', () => {
    const environment = { ...COMPLETE, AZURE_AUTHORITY_HOST: 'https://login.example' }
    assert.equal(identityFromEnvironment(environment).authorityHost, 'https://login.example')
  })

  it('takes the region', () => {
    const environment = { ...COMPLETE, AZURE_REGIONAL_AUTHORITY_NAME: ' westeurope ' }
    assert.equal(identityFromEnvironment(environment).region, 'westeurope')
  })

  it('cuts off the blanks that a file of variables leaves around values', () => {
    const padded = Object.fromEntries(
      Object.entries(COMPLETE).map(([name, value]) => [name, ` ${value}\t\r\n`]),
    )
    const options = identityFromEnvironment({ ...padded, AZURE_AUTHORITY_HOST: ' \t' })
    assert.equal(options.tenantId, 'contoso.example')
    assert.equal(options.clientId, 'nightly-sync')
    assert.equal(options.authorityHost, undefined)
  })

  for (const [name, told] of NAMES) {
    for (const [found, value] of [
      ['missing', undefined],
      ['empty', ''],
      ['blank', ' \t '],
    ] as const) {
      it(`names ${name} when it is ${found}`, () => {
        assert.throws(() => identityFromEnvironment({ ...COMPLETE, [name]: value }), incomplete([told]))
      })
    }
  }

  it('names every variable that is missing, in the order of the rule', () => {
    assert.throws(() => identityFromEnvironment({}), incomplete(NAMES.map(([, told]) => told)))
    assert.throws(
      () => identityFromEnvironment({ AZURE_CLIENT_ID: 'nightly-sync' }),
      incomplete(['AZURE_TENANT_ID', CREDENTIALS]),
    )
  })

  it('takes every credential that is there, the safest first', async () => {
    const tokenFile = join(folder, 'token')
    const token = ['e30', 'e30', 'c2ln'].join('.')
    await writeFile(tokenFile, `${token}\n`)
    const { credential, clientId } = identityFromEnvironment({
      ...COMPLETE,
      AZURE_CLIENT_CERTIFICATE_PATH: undefined,
      AZURE_CLIENT_SECRET: 'a value',
      AZURE_FEDERATED_TOKEN_FILE: tokenFile,
    })
    const bodies = []
    for (const one of [credential].flat()) {
      const body = new URLSearchParams()
      await one({ body, headers: {} }, { clientId, tokenEndpoint: '', nowMs: 0, randomUuid: () => '' })
      bodies.push(Object.fromEntries(body))
    }
    assert.deepEqual(
      bodies.map((body) => body['client_assertion'] ?? body['client_secret']),
      [token, 'a value'],
    )
  })

  it('hands path and password to the certificate', async () => {
    const { certificate, key } = makeCertificate(newRsaKey(), {
      name: 'nightly-sync',
      notBefore: '2020-01-01T00:00:00Z',
      notAfter: '2049-12-31T00:00:00Z',
    })
    // A password may begin or end with a blank, unlike a path.
    const password = ' open it '
    const file = join(folder, 'encrypted.pem')
    await writeFile(file, keyPem(key, password) + certificate)
    const environment = {
      ...COMPLETE,
      AZURE_CLIENT_CERTIFICATE_PATH: ` ${file} `,
      AZURE_CLIENT_CERTIFICATE_PASSWORD: password,
    }
    const { credential, clientId } = identityFromEnvironment(environment)
    const body = new URLSearchParams()
    const context = {
      clientId,
      tokenEndpoint: 'https://login.example/t/oauth2/v2.0/token',
      nowMs: Date.UTC(2026, 0, 1),
      randomUuid: () => 'f00d',
    }
    await [credential].flat()[0]?.({ body, headers: {} }, context)
    assert.equal(body.get('client_assertion')?.split('.').length, 3)
  })
})
