// An application rolls its own certificates, with proof and without an administrator.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import {
  type Answer,
  type App,
  assertGraphError,
  type Json,
  keyCredential,
  makeKey,
  signJwt,
  thumbprint,
  World,
} from '../test-support.ts'
import { makeSelfSigned, type CertifiedKey } from '../tls/certificates.ts'

let world: World
let key: CertifiedKey
let next: CertifiedKey
let stranger: CertifiedKey

before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
  next = await makeKey(world.clock.ms)
  stranger = await makeKey(world.clock.ms)
})
after(() => world.remove())

const AUDIENCE = '00000002-0000-0000-c000-000000000000'
const seconds = () => Math.floor(world.clock.ms / 1000)

const proof = (issuer: string, by: CertifiedKey = key, claims: Json = {}, header: Json = {}) =>
  signJwt(
    { alg: 'RS256', typ: 'JWT', x5t: thumbprint(by, 'sha1'), ...header },
    { aud: AUDIENCE, iss: issuer, nbf: seconds(), exp: seconds() + 600, ...claims },
    by,
  )
const post = async (path: string, body: unknown, by: App): Promise<Answer> =>
  world.graph('POST', path, body, await world.token(by))
const listed = async (path: string) =>
  (await world.done(200, 'GET', path))['keyCredentials'] as readonly Json[]
const added = (made: CertifiedKey = next) => ({
  keyCredential: keyCredential(made),
  passwordCredential: null,
})
const refusedProof = (reason: string) => `Access Token missing or malformed. The proof is refused: ${reason}.`

describe('an application without any permission', () => {
  it('adds a certificate, proves itself with it, and removes the old one', async () => {
    const app = await world.register(key)
    const path = `/applications/${app.objectId}`
    const [old] = await listed(path)
    const { status, body } = await post(`${path}/addKey`, { ...added(), proof: proof(app.objectId) }, app)
    assert.equal(status, 200)
    assert.deepEqual(
      (await listed(path)).find((one) => one['keyId'] === body['keyId']),
      body,
    )
    assert.deepEqual([body['type'], body['usage'], body['key']], ['AsymmetricX509Cert', 'Verify', null])
    const rolled = { ...app, key: next }
    const removal = { keyId: String(old?.['keyId']).toUpperCase(), proof: proof(app.objectId, next) }
    assert.equal((await post(`${path}/removeKey`, removal, rolled)).status, 204)
    assert.deepEqual(
      (await listed(path)).map(({ keyId }) => keyId),
      [body['keyId']],
    )
    assert.deepEqual((await world.postForm(world.form(app))).body['error_codes'], [700027])
    assert.ok(await world.token(rolled))
  })

  it('adds certificates to its service principal, which prove it in this tenant, and show on nothing else', async () => {
    const app = await world.register(key)
    const path = `/servicePrincipals/${app.principalId}`
    const none = await post(`${path}/addKey`, { ...added(), proof: proof(app.principalId) }, app)
    const reason = 'it must be signed with a valid certificate of this object'
    assertGraphError(none, 401, 'Authentication_MissingOrMalformed', refusedProof(reason))
    await world.done(204, 'PATCH', path, { keyCredentials: [keyCredential(next)] })
    const rolled = { ...app, key: next }
    assert.ok(await world.token(rolled))
    const body = { ...added(stranger), proof: proof(app.principalId, next) }
    const { status, body: made } = await post(`${path}/addKey`, body, rolled)
    assert.equal(status, 200)
    assert.equal((await listed(path)).length, 2)
    assert.equal((await listed(`/applications/${app.objectId}`)).length, 1)
    const astray = { keyId: made['keyId'], proof: proof(app.objectId) }
    const unknown = `No key credential found with keyId '${String(made['keyId'])}'.`
    const elsewhere = await post(`/applications/${app.objectId}/removeKey`, astray, app)
    assertGraphError(elsewhere, 400, 'Request_BadRequest', unknown)
    const removal = { keyId: made['keyId'], proof: proof(app.principalId, stranger) }
    assert.equal((await post(`${path}/removeKey`, removal, { ...app, key: stranger })).status, 204)
    assert.equal((await listed(path)).length, 1)
  })

  it('may name the certificate of its proof by x5t, x5t#S256 or not at all, with RS256 or PS256', async () => {
    const app = await world.register(key)
    const path = `/applications/${app.objectId}/removeKey`
    const keyId = randomUUID()
    for (const header of [
      {},
      { x5t: undefined },
      { x5t: undefined, 'x5t#S256': thumbprint(key, 'sha256') },
      { alg: 'PS256' },
      { typ: undefined, kid: 'x' },
    ]) {
      const body = { keyId, proof: proof(app.objectId.toUpperCase(), key, {}, header) }
      const answer = await post(path, body, app)
      const message = `No key credential found with keyId '${keyId}'.`
      assertGraphError(answer, 400, 'Request_BadRequest', message)
    }
  })

  it('may change nothing of another application, whatever it proves', async () => {
    const [app, other] = [await world.register(key), await world.register(key)]
    for (const [action, body] of [
      ['addKey', added()],
      ['removeKey', { keyId: randomUUID() }],
    ] as const)
      for (const [path, id] of [
        [`/applications/${other.objectId}`, other.objectId],
        [`/servicePrincipals/${other.principalId}`, other.principalId],
      ] as const) {
        const answer = await post(`${path}/${action}`, { ...body, proof: proof(id) }, app)
        const message = 'Insufficient privileges to complete the operation.'
        assertGraphError(answer, 403, 'Authorization_RequestDenied', message)
      }
    assert.equal((await listed(`/applications/${other.objectId}`)).length, 1)
  })
})

describe('a proof', () => {
  const SIGNED = 'it must be signed with a valid certificate of this object'
  const TIMES = 'it must have nbf and exp, at most ten minutes apart'
  const CASES: readonly (readonly [string, (app: App) => string, string])[] = [
    ['of no JWT', () => 'x', 'it must be a JWT'],
    ['signed with the key of another', ({ objectId }) => proof(objectId, stranger), SIGNED],
    [
      "signed with another key under a registered one's name",
      ({ objectId }) => proof(objectId, stranger, {}, { x5t: thumbprint(key, 'sha1') }),
      SIGNED,
    ],
    [
      'signed with another key and no name',
      ({ objectId }) => proof(objectId, stranger, {}, { x5t: undefined }),
      SIGNED,
    ],
    [
      'with the algorithm none',
      ({ objectId }) => proof(objectId, key, {}, { alg: 'none' }),
      'its alg must be PS256 or RS256, without extensions',
    ],
    [
      'with an extension',
      ({ objectId }) => proof(objectId, key, {}, { crit: ['exp'] }),
      'its alg must be PS256 or RS256, without extensions',
    ],
    ['of the application id', ({ appId }) => proof(appId), 'its iss must be the id of this object'],
    [
      'of the service principal',
      ({ principalId }) => proof(principalId),
      'its iss must be the id of this object',
    ],
    [
      'for Graph',
      ({ objectId }) => proof(objectId, key, { aud: '00000003-0000-0000-c000-000000000000' }),
      `its aud must be '${AUDIENCE}'`,
    ],
    [
      'that has expired',
      ({ objectId }) => proof(objectId, key, { nbf: seconds() - 900, exp: seconds() - 301 }),
      'it is not within its time',
    ],
    [
      'from the future',
      ({ objectId }) => proof(objectId, key, { nbf: seconds() + 301, exp: seconds() + 900 }),
      'it is not within its time',
    ],
    ['of more than ten minutes', ({ objectId }) => proof(objectId, key, { exp: seconds() + 601 }), TIMES],
    ['without nbf', ({ objectId }) => proof(objectId, key, { nbf: undefined }), TIMES],
    ['without exp', ({ objectId }) => proof(objectId, key, { exp: undefined }), TIMES],
  ]
  for (const [what, make, reason] of CASES) {
    it(`${what} is refused, to add and to remove, and changes nothing`, async () => {
      const app = await world.register(key)
      const path = `/applications/${app.objectId}`
      const before = await listed(path)
      const removal = { keyId: before[0]?.['keyId'] }
      for (const [action, body] of [
        ['addKey', added()],
        ['removeKey', removal],
      ] as const) {
        const answer = await post(`${path}/${action}`, { ...body, proof: make(app) }, app)
        assertGraphError(answer, 401, 'Authentication_MissingOrMalformed', refusedProof(reason))
      }
      assert.deepEqual(await listed(path), before)
    })
  }

  it('is refused from a certificate that has expired, though it is registered', async () => {
    const { ms } = world.clock
    const old = await makeSelfSigned('old', { notBeforeMs: ms - 9_000_000, notAfterMs: ms - 3_600_000 })
    const app = await world.register(key, { keyCredentials: [keyCredential(key), keyCredential(old)] })
    const body = { ...added(), proof: proof(app.objectId, old) }
    const answer = await post(`/applications/${app.objectId}/addKey`, body, app)
    assertGraphError(answer, 401, 'Authentication_MissingOrMalformed', refusedProof(SIGNED))
  })

  it('is demanded, even from an administrator', async () => {
    const app = await world.register(key)
    const message =
      "A value is required for property 'proof': a JWT signed with a certificate of this object."
    for (const proofless of [undefined, '', null, 7]) {
      const answer = await world.graph('POST', `/applications/${app.objectId}/addKey`, {
        ...added(),
        proof: proofless,
      })
      assertGraphError(answer, 400, 'Request_BadRequest', message)
    }
    const body = { ...added(), proof: proof(app.objectId) }
    assert.equal((await world.graph('POST', `/applications/${app.objectId}/addKey`, body)).status, 200)
  })
})

describe('a client that crashed', () => {
  it('finds the certificate that it added by reading, or by adding it again, which is 409 and names it', async () => {
    const app = await world.register(key, { roles: ['Application.ReadWrite.OwnedBy'] })
    const path = `/applications/${app.objectId}`
    const body = { ...added(), proof: proof(app.objectId) }
    const { body: made } = await post(`${path}/addKey`, body, app)
    const { body: own } = await world.graph('GET', path, undefined, await world.token(app))
    const found = (own['keyCredentials'] as readonly Json[]).find(
      (one) => one['customKeyIdentifier'] === made['customKeyIdentifier'],
    )
    assert.equal(found?.['keyId'], made['keyId'])
    const again = await post(`${path}/addKey`, body, app)
    const message = `A key credential with this certificate already exists: keyId '${String(made['keyId'])}'.`
    assertGraphError(again, 409, 'Request_MultipleObjectsWithSameKeyValue', message)
    assert.equal((await listed(path)).length, 2)
  })

  it('is told that the certificate it removed is not there', async () => {
    const app = await world.register(key, { keyCredentials: [keyCredential(key), keyCredential(next)] })
    const path = `/applications/${app.objectId}`
    const before = await listed(path)
    const removed = before.find(
      (one) =>
        one['customKeyIdentifier'] ===
        Buffer.from(thumbprint(next, 'sha1'), 'base64url').toString('hex').toUpperCase(),
    )
    const body = { keyId: removed?.['keyId'], proof: proof(app.objectId) }
    assert.equal((await post(`${path}/removeKey`, body, app)).status, 204)
    const message = `No key credential found with keyId '${String(removed?.['keyId'])}'.`
    assertGraphError(await post(`${path}/removeKey`, body, app), 400, 'Request_BadRequest', message)
    assert.equal((await listed(path)).length, 1)
  })

  it('gets one certificate from two requests at once', async () => {
    const app = await world.register(key)
    const path = `/applications/${app.objectId}/addKey`
    const body = { ...added(), proof: proof(app.objectId) }
    const token = await world.token(app)
    const answers = await Promise.all([1, 2, 3].map(() => world.graph('POST', path, body, token)))
    assert.deepEqual(
      answers.map(({ status }) => status).sort((one, two) => one - two),
      [200, 409, 409],
    )
    assert.equal((await listed(`/applications/${app.objectId}`)).length, 2)
  })

  it('that removed its last certificate needs an administrator', async () => {
    const app = await world.register(key)
    const path = `/applications/${app.objectId}`
    const token = await world.token(app)
    const [last] = await listed(path)
    const body = { keyId: last?.['keyId'], proof: proof(app.objectId) }
    assert.equal((await world.graph('POST', `${path}/removeKey`, body, token)).status, 204)
    assert.deepEqual(await listed(path), [])
    const again = { ...added(), proof: proof(app.objectId) }
    assert.equal((await world.graph('POST', `${path}/addKey`, again, token)).status, 401)
    await world.done(204, 'PATCH', path, { keyCredentials: [keyCredential(next)] })
    assert.ok(await world.token({ ...app, key: next }))
  })
})

describe('what is added', () => {
  it('is a certificate to verify with, and never a private key or a password', async () => {
    const app = await world.register(key)
    const path = `/applications/${app.objectId}/addKey`
    const NEEDS =
      "A key credential needs type 'AsymmetricX509Cert', usage 'Verify' and a certificate as its key."
    for (const [body, message] of [
      [
        { ...added(), passwordCredential: { secretText: 'x' } },
        "Property 'passwordCredential' must be null: private keys are not kept here.",
      ],
      [{ keyCredential: { ...keyCredential(next), type: 'X509CertAndPassword', usage: 'Sign' } }, NEEDS],
      [{ keyCredential: { ...keyCredential(next), key: null } }, NEEDS],
      [{}, 'Unable to read JSON request payload. A JSON object is expected.'],
      [
        { keyCredential: { ...keyCredential(next), key: 'AAAA' } },
        'The value of the key credential is not a DER certificate with an RSA key of at least 2048 bits in base64.',
      ],
    ] as const) {
      const answer = await post(path, { ...body, proof: proof(app.objectId) }, app)
      assertGraphError(answer, 400, 'Request_BadRequest', message)
    }
    assert.equal((await listed(`/applications/${app.objectId}`)).length, 1)
  })
})
