import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import type { Environment } from '../config.ts'
import { newFile } from '../credential/proof-support.ts'
import { manualClock, scriptedServer } from '../test-support.ts'
import { detectSource } from './detect.ts'
import { imds } from './imds.ts'
import type { SelectorName } from './source.ts'
import {
  identityAnswer,
  identityOn,
  imdsAt,
  inAnHour,
  plainServer,
  USER_ASSIGNED,
  VAULT,
} from './test-support.ts'

const NOWHERE = { agentFile: '/nowhere/himds' }
const at = (origin: string) => `${origin}/msi/token`

interface Case {
  readonly name: string
  readonly environment: (origin: string) => Environment
  readonly sent: {
    readonly method: string
    readonly path: string
    readonly headers: object
    readonly body?: string
  }
  readonly selectors: Readonly<Partial<Record<SelectorName, string>>>
}

const SECRET = crypto.randomUUID()
const RESOURCE = 'resource=https%3A%2F%2Fvault.azure.net'
const METADATA = { metadata: 'true' }

// As the SDKs of Azure ask (wire.md §10, traces.md).
const CASES: readonly Case[] = [
  {
    name: 'App Service',
    environment: (origin) => ({ IDENTITY_ENDPOINT: at(origin), IDENTITY_HEADER: SECRET }),
    sent: {
      method: 'GET',
      path: `/msi/token?api-version=2019-08-01&${RESOURCE}`,
      headers: { 'x-identity-header': SECRET },
    },
    selectors: { clientId: 'client_id', objectId: 'object_id', resourceId: 'mi_res_id' },
  },
  {
    name: 'Azure Machine Learning',
    environment: (origin) => ({ MSI_ENDPOINT: at(origin), MSI_SECRET: SECRET }),
    sent: {
      method: 'GET',
      path: `/msi/token?api-version=2017-09-01&${RESOURCE}`,
      headers: { ...METADATA, secret: SECRET },
    },
    selectors: { clientId: 'clientid' },
  },
  {
    name: 'Cloud Shell',
    environment: (origin) => ({ MSI_ENDPOINT: at(origin) }),
    sent: {
      method: 'POST',
      path: '/msi/token',
      headers: { ...METADATA, 'content-type': 'application/x-www-form-urlencoded' },
      body: RESOURCE,
    },
    selectors: {},
  },
  {
    name: 'Azure Arc',
    environment: (origin) => ({ IDENTITY_ENDPOINT: at(origin), IMDS_ENDPOINT: origin }),
    sent: { method: 'GET', path: `/msi/token?api-version=2020-06-01&${RESOURCE}`, headers: METADATA },
    selectors: {},
  },
  {
    name: 'the instance metadata service',
    environment: imdsAt,
    sent: {
      method: 'GET',
      path: `/metadata/identity/oauth2/token?api-version=2018-02-01&${RESOURCE}`,
      headers: METADATA,
    },
    selectors: { clientId: 'client_id', objectId: 'object_id', resourceId: 'msi_res_id' },
  },
]

const ALL: Environment = {
  IDENTITY_ENDPOINT: 'https://localhost/identity',
  IDENTITY_HEADER: SECRET,
  IDENTITY_SERVER_THUMBPRINT: 'ab'.repeat(20),
  MSI_ENDPOINT: 'http://localhost/msi',
  MSI_SECRET: SECRET,
  IMDS_ENDPOINT: 'http://localhost',
}
const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(ALL).filter(([name]) => !names.includes(name)))

describe('detectSource', () => {
  for (const [name, environment] of [
    ['Service Fabric', ALL],
    ['App Service', without('IDENTITY_SERVER_THUMBPRINT')],
    ['Azure Machine Learning', without('IDENTITY_HEADER')],
    ['Cloud Shell', without('IDENTITY_HEADER', 'MSI_SECRET')],
    ['Azure Arc', without('IDENTITY_HEADER', 'MSI_ENDPOINT')],
    ['the instance metadata service', without('IDENTITY_HEADER', 'MSI_ENDPOINT', 'IMDS_ENDPOINT')],
    ['the instance metadata service', { IDENTITY_ENDPOINT: ' ', IDENTITY_HEADER: '\t', MSI_ENDPOINT: '' }],
  ] as const) {
    it(`finds ${name} with ${Object.keys(environment).join(', ')}`, async () => {
      assert.equal((await detectSource(environment, NOWHERE)).name, name)
    })
  }

  it('finds Azure Arc by its agent where no variable names it', async (t) => {
    const agentFile = await newFile(t, 'himds')
    assert.equal((await detectSource({}, { agentFile })).name, 'the instance metadata service')
    await writeFile(agentFile, '')
    const source = await detectSource({}, { agentFile })
    assert.equal(source.name, 'Azure Arc')
    assert.equal(source.endpoint.href, 'http://127.0.0.1:40342/metadata/identity/oauth2/token')
  })

  it('leaves the link-local address of the metadata service to what remains', () => {
    const { endpoint, guessed } = imds({})
    assert.equal(endpoint.href, 'http://169.254.169.254/metadata/identity/oauth2/token')
    assert.equal(guessed, true)
    assert.equal(imds(imdsAt('http://127.0.0.1:1')).guessed, false)
  })

  for (const url of [
    'http://localhost:1/x',
    'http://127.3.2.1/x',
    'http://[::1]:9/x',
    'http://169.254.130.2:8081/x',
  ]) {
    it(`lets ${url} do without TLS, as it stays on this machine`, async () => {
      const source = await detectSource({ IDENTITY_ENDPOINT: url, IDENTITY_HEADER: SECRET }, NOWHERE)
      assert.equal(source.endpoint.href, url)
    })
  }

  for (const [url, found] of [
    ['http://identity.example/token', 'http://identity.example/token'],
    ['http://10.0.0.4/token', 'http://10.0.0.4/token'],
    ['http://127.0.0.1.example/token', 'http://127.0.0.1.example/token'],
    ['http://1692540.169.254/token', 'http://1692540.169.254/token'],
    ['https://name:word@identity.example/', 'https://…@identity.example/'],
    ['ftp://localhost/', 'ftp://localhost/'],
    ['token', 'token'],
  ] as const) {
    it(`refuses ${url} before anything is sent`, async () => {
      await assert.rejects(detectSource({ IDENTITY_ENDPOINT: url, IDENTITY_HEADER: SECRET }), {
        name: 'ConfigurationError',
        code: 'identity_endpoint_invalid',
        message: `Cannot ask for a managed identity's token, as IDENTITY_ENDPOINT must be an https:// URL, or an http:// one on this machine: found '${found}'`,
        hint: 'The host sets IDENTITY_ENDPOINT by itself: remove what has changed it',
      })
    })
  }
})

for (const { name, environment, sent, selectors } of CASES) {
  describe(`ManagedIdentity on ${name}`, () => {
    it('asks as its SDKs do and takes the token', async (t) => {
      const { origin, received } = await plainServer(t, () =>
        identityAnswer('a-token', inAnHour(manualClock())),
      )
      const { identity, clock } = identityOn(environment(origin))
      assert.deepEqual(await identity.getToken(VAULT), {
        token: 'a-token',
        expiresOnTimestamp: clock.now() + 3_600_000,
        refreshAfterTimestamp: clock.now() + 1_800_000,
        tokenType: 'Bearer',
      })
      const [{ method, path, headers, body }, ...others] = received as [(typeof received)[0]]
      assert.deepEqual(others, [])
      assert.deepEqual([method, path, body], [sent.method, sent.path, sent.body ?? ''])
      for (const [header, value] of Object.entries(sent.headers)) assert.equal(headers[header], value)
      assert.equal(headers['authorization'], undefined)
    })

    for (const by of ['clientId', 'objectId', 'resourceId'] as const) {
      const parameter = selectors[by]
      if (parameter === undefined) {
        it(`refuses the selector ${by}, which it would pass over`, async (t) => {
          const { origin, received } = await plainServer(t, () => identityAnswer('a-token', '1'))
          const { identity } = identityOn(environment(origin), { [by]: USER_ASSIGNED })
          const only = Object.keys(selectors)
          await assert.rejects(identity.getToken(VAULT), {
            name: 'ConfigurationError',
            code: 'selector_unknown',
            message: `Cannot choose a managed identity by ${by}, as ${name} knows ${only.length === 0 ? 'one identity alone' : `no selector but ${only.join(', ')}`}`,
            hint: only.length === 0 ? 'Leave the selector out' : 'Select the identity by its clientId',
          })
          assert.deepEqual(received, [])
        })
      } else {
        it(`selects by ${by} with ${parameter}`, async (t) => {
          const { origin, received } = await plainServer(t, () =>
            identityAnswer('a-token', inAnHour(manualClock())),
          )
          const { identity } = identityOn(environment(origin), { [by]: USER_ASSIGNED })
          await identity.getToken(VAULT)
          assert.deepEqual(
            received.map(({ path }) => path),
            [`${sent.path}&${parameter}=${USER_ASSIGNED}`],
          )
        })
      }
    }
  })
}

describe('ManagedIdentity on Azure Machine Learning', () => {
  it('takes the default identity that the compute names, unless another is selected', async (t) => {
    const { origin, received } = await plainServer(t, () =>
      identityAnswer('a-token', inAnHour(manualClock())),
    )
    const environment = {
      MSI_ENDPOINT: at(origin),
      MSI_SECRET: SECRET,
      DEFAULT_IDENTITY_CLIENT_ID: 'default-one',
    }
    await identityOn(environment).identity.getToken(VAULT)
    await identityOn(environment, { clientId: USER_ASSIGNED }).identity.getToken(VAULT)
    const chosen = received.map(({ path }) => new URLSearchParams(path.split('?')[1]).getAll('clientid'))
    assert.deepEqual(chosen, [['default-one'], [USER_ASSIGNED]])
  })
})

describe('ManagedIdentity on Service Fabric', () => {
  const answer = () => identityAnswer('a-token', Number(inAnHour(manualClock())))
  const fabric = (origin: string, thumbprint: string): Environment => ({
    IDENTITY_ENDPOINT: `${origin}/metadata/identity/oauth2/token`,
    IDENTITY_HEADER: SECRET,
    IDENTITY_SERVER_THUMBPRINT: thumbprint,
  })

  for (const [kind, by] of [
    ['SHA-1', 'fingerprint'],
    ['SHA-256', 'fingerprint256'],
  ] as const) {
    it(`trusts the certificate with the ${kind} thumbprint, whoever has signed it`, async (t) => {
      const { origin, ca, received } = await scriptedServer(t, answer)
      const thumbprint = new X509Certificate(ca)[by].replaceAll(':', '').toLowerCase()
      const { identity } = identityOn(fabric(origin, thumbprint))
      assert.equal((await identity.getToken(VAULT)).token, 'a-token')
      const [{ path, headers }] = received as [(typeof received)[0]]
      assert.equal(path, `/metadata/identity/oauth2/token?api-version=2019-07-01-preview&${RESOURCE}`)
      assert.equal(headers['secret'], SECRET)
    })
  }

  it('sends nothing to a certificate with another thumbprint, even one that is trusted otherwise', async (t) => {
    const { origin, ca, received } = await scriptedServer(t, answer)
    const { identity } = identityOn(fabric(origin, '0'.repeat(40)), { ca })
    await assert.rejects(identity.getToken(VAULT, { timeoutMs: 1 }), {
      name: 'UnavailableError',
      code: 'identity_endpoint_unreachable',
      message: `Cannot get a managed identity's token, as Service Fabric must be reachable at ${origin}: its certificate has another thumbprint`,
    })
    assert.deepEqual(received, [])
  })

  for (const thumbprint of ['ab', 'ab'.repeat(21), 'xy'.repeat(20)]) {
    it(`refuses the thumbprint ${thumbprint}`, async () => {
      await assert.rejects(identityOn(fabric('https://localhost', thumbprint)).identity.getToken(VAULT), {
        name: 'ConfigurationError',
        code: 'identity_endpoint_invalid',
        message:
          'Cannot ask Service Fabric for a token, as IDENTITY_SERVER_THUMBPRINT must be 40 or 64 hex digits: found something else',
        hint: 'The host sets IDENTITY_SERVER_THUMBPRINT by itself: remove what has changed it',
      })
    })
  }

  it('does without TLS on this machine alone', async (t) => {
    const { origin, received } = await plainServer(t, answer)
    const thumbprint = 'ab'.repeat(20)
    assert.equal((await identityOn(fabric(origin, thumbprint)).identity.getToken(VAULT)).token, 'a-token')
    assert.equal(received.length, 1)
    await assert.rejects(identityOn(fabric('http://10.0.0.4', thumbprint)).identity.getToken(VAULT), {
      code: 'identity_endpoint_invalid',
    })
  })

  it('knows no selector, as the cluster selects', async (t) => {
    const { origin, ca } = await scriptedServer(t, answer)
    const thumbprint = new X509Certificate(ca).fingerprint
    const environment = fabric(origin, thumbprint.replaceAll(':', ''))
    const { identity } = identityOn(environment, { clientId: USER_ASSIGNED })
    await assert.rejects(identity.getToken(VAULT), { code: 'selector_unknown' })
  })
})
