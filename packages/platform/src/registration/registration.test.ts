// Applications, their certificates and service principals, over the wire.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { randomUUID, webcrypto, X509Certificate } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import * as x509 from '@peculiar/x509'
import { type App, assertGraphError, type Json, keyCredential, makeKey, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import { APPLICATION_PROPERTIES, storedProperties } from './stored-properties.ts'

let world: World
let key: CertifiedKey
let spare: CertifiedKey
before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
  spare = await makeKey(world.clock.ms)
})
after(() => world.remove())

const refused = async (method: string, path: string, body: unknown, message: string) =>
  assertGraphError(await world.graph(method, path, body), 400, 'Request_BadRequest', message)
const notFound = async (method: string, path: string, id: string, body?: unknown) =>
  assertGraphError(
    await world.graph(method, path, body),
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  )
/** What JSON can hold that no conversion to text survives. */
const UNPRINTABLE = { toString: 1, valueOf: 1 }

/** The ways in which clients write `(appId='…')`. */
const byAppId = (collection: string, appId: string) => [
  `/${collection}(appId='${appId}')`,
  `/${collection}(appId='${appId.toUpperCase()}')`,
  `/${collection}(appId=%27${appId}%27)`,
  `/${collection}%28appId%3D%27${appId}%27%29`,
]

const { api: NO_API, web: NO_WEB } = storedProperties(APPLICATION_PROPERTIES, '{}') as Record<string, Json>

describe('an application', () => {
  it('comes back as it was registered, with the dates and names of its certificate', async () => {
    const roleId = randomUUID()
    const made = await world.done(201, 'POST', '/applications', {
      displayName: 'orders',
      signInAudience: 'AzureADMultipleOrgs',
      identifierUris: ['api://orders'],
      api: { requestedAccessTokenVersion: 2 },
      appRoles: [
        {
          id: roleId.toUpperCase(),
          value: 'Orders.Read.All',
          displayName: 'Read orders',
          description: 'Reads every order',
          allowedMemberTypes: ['Application'],
        },
      ],
      requiredResourceAccess: [
        { resourceAppId: roleId.toUpperCase(), resourceAccess: [{ id: roleId, type: 'Role' }] },
      ],
      keyCredentials: [{ ...keyCredential(key), displayName: 'first' }],
    })
    const { id, appId, keyCredentials, ...rest } = made
    const certificate = new X509Certificate(key.certificate)
    const [credential] = keyCredentials as Json[]
    assert.match(String(id), /^[0-9a-f-]{36}$/)
    assert.notEqual(id, appId)
    assert.deepEqual(rest, {
      ...storedProperties(APPLICATION_PROPERTIES, '{}'),
      isDisabled: false,
      displayName: 'orders',
      signInAudience: 'AzureADMultipleOrgs',
      identifierUris: ['api://orders'],
      createdDateTime: new Date(world.clock.ms).toISOString(),
      api: { ...NO_API, requestedAccessTokenVersion: 2 },
      appRoles: [
        {
          id: roleId,
          value: 'Orders.Read.All',
          displayName: 'Read orders',
          description: 'Reads every order',
          allowedMemberTypes: ['Application'],
          isEnabled: true,
          origin: 'Application',
        },
      ],
      requiredResourceAccess: [{ resourceAppId: roleId, resourceAccess: [{ id: roleId, type: 'Role' }] }],
      web: { ...NO_WEB, redirectUris: [] },
      passwordCredentials: [],
    })
    assert.deepEqual(credential, {
      customKeyIdentifier: certificate.fingerprint.replaceAll(':', ''),
      displayName: 'first',
      endDateTime: certificate.validToDate.toISOString(),
      key: null,
      keyId: credential?.['keyId'],
      startDateTime: certificate.validFromDate.toISOString(),
      type: 'AsymmetricX509Cert',
      usage: 'Verify',
    })
    for (const path of [`/applications/${String(id)}`, ...byAppId('applications', String(appId))])
      assert.deepEqual(await world.done(200, 'GET', path), made, path)
    const filter = encodeURIComponent(`appId eq '${String(appId)}' and displayName eq 'orders'`)
    assert.deepEqual(await world.done(200, 'GET', `/applications?$filter=${filter}`), { value: [made] })
  })

  it('loses a role that has been disabled, and none that is enabled', async () => {
    const [kept, gone] = [randomUUID(), randomUUID()].map((id, index) => ({
      id,
      value: `Role.${index}`,
      displayName: `role ${index}`,
      description: 'x',
      allowedMemberTypes: ['Application'],
    }))
    const { id } = await world.done(201, 'POST', '/applications', {
      displayName: 'roles',
      appRoles: [kept, gone],
    })
    const path = `/applications/${String(id)}`
    assertGraphError(
      await world.graph('PATCH', path, { displayName: 'renamed', appRoles: [kept] }),
      400,
      'CannotDeleteOrUpdateEnabledEntitlement',
      'Permission (scope or role) cannot be deleted or updated unless disabled first.',
    )
    const shown = async () => {
      const { displayName, appRoles } = await world.done(200, 'GET', path)
      return [displayName, (appRoles as Json[]).map(({ value }) => value)]
    }
    assert.deepEqual(await shown(), ['roles', ['Role.0', 'Role.1']])
    await world.done(204, 'PATCH', path, { appRoles: [kept, { ...gone, isEnabled: false }] })
    await world.done(204, 'PATCH', path, { appRoles: [kept] })
    assert.deepEqual(await shown(), ['roles', ['Role.0']])
  })

  const NAME =
    "A value of at most 256 characters is required for property 'displayName' of resource 'Application'."
  const ROLE = "An app role needs an id (GUID), a value without blanks, and its 'allowedMemberTypes'."
  const role = (changes: Json) => ({
    appRoles: [{ id: randomUUID(), value: 'X', allowedMemberTypes: ['Application'], ...changes }],
  })
  const twice = { id: randomUUID(), value: 'X', allowedMemberTypes: ['Application'] }
  const REFUSED: readonly (readonly [string, Json, string])[] = [
    ['an empty name', { displayName: ' ' }, NAME],
    ['a name of 257 characters', { displayName: 'x'.repeat(257) }, NAME],
    ['a name that is no text', { displayName: UNPRINTABLE }, NAME],
    ['a property of another release', { unicorn: [] }, "Invalid property 'unicorn'."],
    ['an inherited property', { toString: 'x' }, "Invalid property 'toString'."],
    ['an appId', { appId: randomUUID() }, "Property 'appId' is read-only and cannot be set."],
    ['secrets', { passwordCredentials: [] }, "Invalid property 'passwordCredentials'."],
    [
      'personal accounts',
      { signInAudience: 'PersonalMicrosoftAccount' },
      "Property 'signInAudience' must be one of AzureADMyOrg, AzureADMultipleOrgs: personal accounts have no daemons.",
    ],
    [
      'an App ID URI that is none',
      { identifierUris: ['orders'] },
      "Property 'identifierUris' must be a list of URIs.",
    ],
    [
      'App ID URIs that are no list',
      { identifierUris: 'api://x' },
      "Property 'identifierUris' must be a list of URIs.",
    ],
    [
      'one App ID URI twice',
      { identifierUris: ['api://x', 'API://x/'] },
      'Another object with the same value for property identifierUris already exists.',
    ],
    [
      'token version 3',
      { api: { requestedAccessTokenVersion: 3 } },
      "Property 'requestedAccessTokenVersion' must be null, 1 or 2.",
    ],
    ['roles that are no list', { appRoles: {} }, "Property 'appRoles' must be a list."],
    ['a role without an id', role({ id: 'x' }), ROLE],
    ['a role with a blank', role({ value: 'a b' }), ROLE],
    ['a role for no one', role({ allowedMemberTypes: [] }), ROLE],
    ['a role for who knows whom', role({ allowedMemberTypes: ['Machine'] }), ROLE],
    ['a role whose switch is no flag', role({ isEnabled: 'no' }), ROLE],
    ['a role whose name is no text', role({ displayName: {} }), ROLE],
    ['a role whose description is no text', role({ description: 7 }), ROLE],
    [
      'two roles of one id',
      { appRoles: [twice, { ...twice, value: 'Y' }] },
      "Property 'appRoles' contains an id or a value twice.",
    ],
    [
      'two roles of one value',
      { appRoles: [twice, { ...twice, id: randomUUID() }] },
      "Property 'appRoles' contains an id or a value twice.",
    ],
    [
      'access to what is no id',
      { requiredResourceAccess: [{ resourceAppId: 'x', resourceAccess: [] }] },
      "'resourceAppId' must be an application id.",
    ],
    [
      'access of no known type',
      {
        requiredResourceAccess: [
          { resourceAppId: randomUUID(), resourceAccess: [{ id: randomUUID(), type: 'Key' }] },
        ],
      },
      "A resource access needs an id (GUID) and type 'Role' or 'Scope'.",
    ],
  ]
  for (const [what, properties, message] of REFUSED) {
    it(`is refused with ${what}, when it is made and when it is changed`, async () => {
      await refused('POST', '/applications', { displayName: 'refused', ...properties }, message)
      const { objectId } = await world.register(key, { principal: false })
      const before = await world.done(200, 'GET', `/applications/${objectId}`)
      const body = { api: { requestedAccessTokenVersion: 2 }, ...properties }
      await refused('PATCH', `/applications/${objectId}`, body, message)
      assert.deepEqual(await world.done(200, 'GET', `/applications/${objectId}`), before)
    })
  }

  it('is changed whole or not at all, certificates included', async () => {
    const { objectId } = await world.register(key, { principal: false })
    const before = await world.done(200, 'GET', `/applications/${objectId}`)
    const body = { displayName: 'renamed', keyCredentials: [{ type: 'x' }] }
    assert.equal((await world.graph('PATCH', `/applications/${objectId}`, body)).status, 400)
    assert.deepEqual(await world.done(200, 'GET', `/applications/${objectId}`), before)
  })

  it('is changed by (appId=…) too, and not found where there is none', async () => {
    const { objectId, appId } = await world.register(key, { principal: false })
    for (const [index, path] of byAppId('applications', appId).entries()) {
      await world.done(204, 'PATCH', path, { displayName: `name ${index}` })
      const { displayName } = await world.done(200, 'GET', `/applications/${objectId}`)
      assert.equal(displayName, `name ${index}`)
    }
    const unknown = randomUUID()
    for (const path of [`/applications/${unknown}`, `/applications(appId='${unknown}')`]) {
      await notFound('GET', path, unknown)
      await notFound('PATCH', path, unknown, { displayName: 'x' })
    }
  })

  it('is not listed by filters that this directory does not know', async () => {
    for (const [collection, type] of [
      ['applications', 'Application'],
      ['servicePrincipals', 'ServicePrincipal'],
    ]) {
      const answer = await world.graph('GET', `/${collection}?$filter=notes%20eq%20'x'`)
      const message = `Unsupported or invalid query filter clause specified for property 'notes' of resource '${type}'.`
      assertGraphError(answer, 400, 'Request_UnsupportedQuery', message)
      const odd = await world.graph('GET', `/${collection}?$filter=toString%20eq%20'x'`)
      assert.equal(odd.status, 400)
    }
  })
})

describe('keyCredentials', () => {
  const credentials = async ({ objectId }: App) =>
    (await world.done(200, 'GET', `/applications/${objectId}`))['keyCredentials'] as Json[]
  const names = async (app: App) =>
    (await credentials(app)).map(({ displayName }) => String(displayName)).sort()
  const NEEDS = 'A key credential needs a key, or the keyId of one that is registered.'
  const NEEDS_ALL =
    "A key credential needs type 'AsymmetricX509Cert', usage 'Verify' and a certificate as its key."
  const NO_CERTIFICATE =
    'The value of the key credential is not a DER certificate with an RSA key of at least 2048 bits in base64.'

  it('keep what is sent with its keyId, add what has a key, and drop the rest', async () => {
    const app = await world.register(key)
    const path = `/applications/${app.objectId}`
    const [first] = await credentials(app)
    const added = { ...keyCredential(spare), displayName: 'second' }
    await world.done(204, 'PATCH', path, {
      keyCredentials: [{ ...first, keyId: String(first?.['keyId']).toUpperCase() }, added],
    })
    assert.deepEqual(await names(app), ['CN=nightly-sync', 'second'])
    for (const one of [key, spare]) assert.ok(await world.token({ ...app, key: one }))
    const second = (await credentials(app)).find(({ displayName }) => displayName === 'second')
    await world.done(204, 'PATCH', path, { keyCredentials: [second] })
    assert.deepEqual(await names(app), ['second'])
    const { body } = await world.postForm(world.form(app))
    assert.deepEqual(body['error_codes'], [700027])
    await world.done(204, 'PATCH', path, { keyCredentials: [] })
    assert.deepEqual(await names(app), [])
    const none = await world.postForm(world.form(app))
    assert.match(String(none.body['error_description']), /Registered on app '[0-9a-f-]{36}': none\./)
  })

  it('are refused, and kept as they were, if one of them is not registered', async () => {
    const app = await world.register(key)
    const path = `/applications/${app.objectId}`
    for (const keyCredentials of [
      [{ keyId: randomUUID(), key: null }],
      [{ keyId: UNPRINTABLE }],
      [{}],
      [{ key: 7, keyId: 'x' }],
    ]) {
      await refused('PATCH', path, { keyCredentials }, NEEDS)
    }
    await refused('PATCH', path, { keyCredentials: {} }, "Property 'keyCredentials' must be a list.")
    assert.deepEqual(await names(app), ['CN=nightly-sync'])
  })

  it('are certificates with an RSA key, and never a private key', async () => {
    const [pkcs8] = x509.PemConverter.decode(key.privateKey).map((der) => Buffer.from(der).toString('base64'))
    const elliptic = await makeEllipticCertificate()
    const good = keyCredential(key)
    for (const [credential, message] of [
      [{ ...good, key: pkcs8 }, NO_CERTIFICATE],
      [{ ...good, key: Buffer.from(key.privateKey).toString('base64') }, NO_CERTIFICATE],
      [{ ...good, key: key.privateKey }, NO_CERTIFICATE],
      [{ ...good, key: elliptic }, NO_CERTIFICATE],
      [{ ...good, key: '' }, NO_CERTIFICATE],
      [{ ...good, key: 'AAAA' }, NO_CERTIFICATE],
      [{ ...good, key: null }, NEEDS_ALL],
      [{ ...good, type: 'Symmetric' }, NEEDS_ALL],
      [{ ...good, type: 'X509CertAndPassword', usage: 'Sign' }, NEEDS_ALL],
      [{ ...good, usage: 'Sign' }, NEEDS_ALL],
    ] as const) {
      await refused('POST', '/applications', { displayName: 'x', keyCredentials: [credential] }, message)
    }
    const many = Array.from({ length: 101 }, () => good)
    await refused(
      'POST',
      '/applications',
      { displayName: 'x', keyCredentials: many },
      "Property 'keyCredentials' must be a list of at most 100.",
    )
  })
})

async function makeEllipticCertificate(): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const { rawData } = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=elliptic',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(world.clock.ms),
    notAfter: new Date(world.clock.ms + 1000),
  })
  return Buffer.from(rawData).toString('base64')
}
