import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Environment, identityFromEnvironment } from './config.ts'
import { keyPem, makeCertificate, newRsaKey } from './credential/test-support.ts'

const NAMES = ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_CERTIFICATE_PATH'] as const

const COMPLETE: Environment = {
  AZURE_TENANT_ID: 'contoso.example',
  AZURE_CLIENT_ID: 'nightly-sync',
  AZURE_CLIENT_CERTIFICATE_PATH: 'daemon.pem',
}

const incomplete = (missing: readonly string[]) => ({
  name: 'ConfigurationError',
  code: 'environment_incomplete',
  message: `Cannot read the identity from the environment, as ${NAMES.join(', ')} must be set: missing ${missing.join(', ')}`,
  hint: 'Set them to the tenant, the application (client) id and a PEM file with the private key and its certificate',
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
    assert.equal(typeof credential, 'function')
  })

  it('takes the authority host', () => {
    const environment = { ...COMPLETE, AZURE_AUTHORITY_HOST: 'https://login.example' }
    assert.equal(identityFromEnvironment(environment).authorityHost, 'https://login.example')
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

  for (const name of NAMES) {
    for (const [found, value] of [
      ['missing', undefined],
      ['empty', ''],
      ['blank', ' \t '],
    ] as const) {
      it(`names ${name} when it is ${found}`, () => {
        assert.throws(() => identityFromEnvironment({ ...COMPLETE, [name]: value }), incomplete([name]))
      })
    }
  }

  it('names every variable that is missing, in the order of the rule', () => {
    assert.throws(() => identityFromEnvironment({}), incomplete(NAMES))
    assert.throws(
      () => identityFromEnvironment({ AZURE_CLIENT_ID: 'nightly-sync' }),
      incomplete(['AZURE_TENANT_ID', 'AZURE_CLIENT_CERTIFICATE_PATH']),
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
    await credential({ body, headers: {} }, context)
    assert.equal(body.get('client_assertion')?.split('.').length, 3)
  })
})
