// The keys of other identity providers: when they are asked for, which are taken, and what a bad issuer can do.
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { assertRefused, type Json, World } from '../test-support.ts'
import { makeSelfSigned } from '../tls/certificates.ts'
import { AUDIENCE, Federation, HOUR_MS, SUBJECT } from './federation-test-support.ts'
import { CONFIGURATION, jwkOf, KEYS, startIssuer } from './issuer-test-support.ts'

const PAUSE_MS = 30_000
const KEY = 'Assertion failed signature validation. [Reason - The key was not found.]'

let f: Federation
before(async () => {
  f = await Federation.start()
})
after(() => f.remove())

/** Lets the platform ask again, and forget what it knows. */
const later = () => void (f.world.clock.ms += HOUR_MS)

describe('the keys of an issuer', () => {
  it('are asked for anew when an unknown one is named, at most once in a pause', async () => {
    later()
    f.behave()
    assert.equal((await f.send(f.assertion())).status, 200)
    f.publish([jwkOf(f.key, 'k1'), jwkOf(f.next, 'k2')])
    f.issuer.asked.length = 0
    const rotated = () => f.send(f.assertion({}, { kid: 'k2' }, f.next))
    assert.deepEqual((await rotated()).body['error_codes'], [50013])
    assert.deepEqual(f.issuer.asked, [])
    f.world.clock.ms += PAUSE_MS
    assert.equal((await rotated()).status, 200)
    assert.deepEqual(f.issuer.asked, [CONFIGURATION, KEYS])
    for (const kid of ['k3', 'k4', 'k5']) await f.send(f.assertion({}, { kid }, f.next))
    assert.deepEqual(f.issuer.asked, [CONFIGURATION, KEYS])
  })

  it('are good for an hour after their issuer withdrew them, and no longer', async () => {
    later()
    f.behave()
    assert.equal((await f.send(f.assertion())).status, 200)
    f.publish([jwkOf(f.next, 'k2')])
    f.world.clock.ms += HOUR_MS - 1
    assert.equal((await f.send(f.assertion())).status, 200)
    f.world.clock.ms += 1
    assert.deepEqual((await f.send(f.assertion())).body['error_codes'], [50013])
  })

  it('are kept for a day while their issuer is out of order', async () => {
    later()
    f.behave()
    assert.equal((await f.send(f.assertion())).status, 200)
    const fetchedMs = f.world.clock.ms
    f.issuer.put(KEYS, (response) => void response.writeHead(503).end())
    f.world.clock.ms = fetchedMs + 24 * HOUR_MS - 1
    assert.equal((await f.send(f.assertion())).status, 200)
    f.world.clock.ms = fetchedMs + 24 * HOUR_MS + PAUSE_MS
    const failed = 'Request to External OIDC endpoint failed. It answered with status 503.'
    assertRefused(f.world, await f.send(f.assertion()), 50166, failed)
    f.behave()
    assertRefused(f.world, await f.send(f.assertion()), 50166, failed)
    f.world.clock.ms += PAUSE_MS
    assert.equal((await f.send(f.assertion())).status, 200)
  })

  it('are the first hundred alone', async () => {
    const filler = Array.from({ length: 99 }, (_, index) => ({ kty: 'EC', kid: `e${index}` }))
    for (const [keys, status] of [
      [[...filler, jwkOf(f.key, 'k1')], 200],
      [[...filler, {}, jwkOf(f.key, 'k1')], 401],
    ] as const) {
      later()
      f.publish(keys)
      assert.equal((await f.send(f.assertion())).status, status)
    }
  })

  it('are RSA keys for signatures of at least 2048 bits; others are passed over', async () => {
    const small = await jwkOfBits(1024)
    for (const unfit of [
      jwkOf(f.key, 'k1', { use: 'enc' }),
      jwkOf(f.key, 'k1', { alg: 'PS256' }),
      jwkOf(f.key, 'k1', { kty: 'oct' }),
      jwkOf(f.key, 'k1', { n: 7 }),
      jwkOf(f.key, 'k1', { kid: 7 }),
      small,
      null,
      'k1',
    ]) {
      later()
      f.publish([unfit])
      assertRefused(f.world, await f.send(f.assertion()), 50013, KEY)
      later()
      f.publish([unfit, jwkOf(f.next, 'k2', { alg: undefined, use: undefined })])
      assert.equal((await f.send(f.assertion({}, { kid: 'k2' }, f.next))).status, 200)
    }
  })
})

async function jwkOfBits(modulusLength: number): Promise<Json> {
  const { subtle } = globalThis.crypto
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
  }
  const { publicKey } = await subtle.generateKey(algorithm, true, ['sign', 'verify'])
  return { ...(await subtle.exportKey('jwk', publicKey)), kid: 'k1' }
}

describe('an issuer that misbehaves is AADSTS50166', () => {
  const raw =
    (status: number, body: string, headers = {}) =>
    (response: ServerResponse) =>
      void response.writeHead(status, headers).end(body)
  const discovery = (changes: Json) => ({
    issuer: f.issuer.url,
    jwks_uri: `${f.issuer.url}${KEYS}`,
    ...changes,
  })
  const NO_OBJECT = 'It answered with something else than a JSON object.'
  const HTTPS = 'Its addresses must be https URLs.'
  const CASES: readonly (readonly [string, () => void, string])[] = [
    ['with 500', () => f.issuer.put(CONFIGURATION, raw(500, '{}')), 'It answered with status 500.'],
    [
      'with a redirect, which is not followed',
      () => f.issuer.put(CONFIGURATION, raw(302, '', { location: `${f.issuer.url}/elsewhere` })),
      'It answered with status 302.',
    ],
    ['with HTML', () => f.issuer.put(CONFIGURATION, raw(200, '<html></html>')), NO_OBJECT],
    ['with a list', () => f.issuer.put(CONFIGURATION, raw(200, '[]')), NO_OBJECT],
    ['with half a document', () => f.issuer.put(KEYS, raw(200, '{"keys":[')), NO_OBJECT],
    [
      'with 300 kB',
      () => f.issuer.put(KEYS, raw(200, JSON.stringify({ keys: [], pad: 'x'.repeat(300_000) }))),
      'It answered with more than 262144 bytes.',
    ],
    [
      'with a body that breaks off',
      () =>
        f.issuer.put(KEYS, (response) => {
          response.writeHead(200, { 'content-length': '100' })
          response.write('{')
          setImmediate(() => response.destroy())
        }),
      'The connection failed: ECONNRESET.',
    ],
    [
      "with another issuer's document",
      () => f.issuer.put(CONFIGURATION, discovery({ issuer: 'https://accounts.google.com' })),
      'Its discovery document is that of another issuer.',
    ],
    [
      'without jwks_uri',
      () => f.issuer.put(CONFIGURATION, discovery({ jwks_uri: undefined })),
      'Its discovery document has no jwks_uri.',
    ],
    [
      'with keys over http',
      () => f.issuer.put(CONFIGURATION, discovery({ jwks_uri: 'http://localhost:1/keys' })),
      HTTPS,
    ],
    [
      'with keys in a file',
      () => f.issuer.put(CONFIGURATION, discovery({ jwks_uri: 'file:///etc/hosts' })),
      HTTPS,
    ],
    [
      'with a password in the URL',
      () => f.issuer.put(CONFIGURATION, discovery({ jwks_uri: 'https://a:b@localhost:1/keys' })),
      HTTPS,
    ],
    [
      'with keys where nobody listens',
      () => f.issuer.put(CONFIGURATION, discovery({ jwks_uri: 'https://127.0.0.1:1/keys' })),
      'The connection failed: ECONNREFUSED.',
    ],
    ['with keys that are no list', () => f.issuer.put(KEYS, { keys: {} }), 'Its keys document has no keys.'],
  ]
  for (const [what, spoil, reason] of CASES) {
    it(what, async () => {
      f.world.clock.ms += 25 * HOUR_MS
      f.behave()
      spoil()
      const text = `Request to External OIDC endpoint failed. ${reason}`
      assertRefused(f.world, await f.send(f.assertion()), 50166, text)
      assert.equal(f.issuer.asked.includes('/elsewhere'), false)
    })
  }

  it('with a certificate that nobody vouches for', async (t) => {
    const stranger = await startIssuer(Date.now())
    t.after(() => stranger.close())
    f.world.clock.ms = f.startMs
    const trusting = await f.world.register(f.key, { keyCredentials: [] })
    await f.trust('stranger', { issuer: stranger.url }, trusting)
    const { body } = await f.send(f.assertion({ iss: stranger.url }), trusting)
    assert.deepEqual(body['error_codes'], [50166])
    assert.deepEqual(stranger.asked, [])
  })

  it('on this machine, unless the platform was started with leave to ask it', async (t) => {
    const strict = await World.start(undefined, { federation: { ca: f.issuer.ca } })
    t.after(() => strict.remove())
    const made = await strict.register(await makeSelfSigned('strict', validity()), { keyCredentials: [] })
    const path = `/applications/${made.objectId}/federatedIdentityCredentials`
    const { port } = new URL(f.issuer.url)
    f.issuer.asked.length = 0
    for (const [index, host] of ['localhost', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]'].entries()) {
      const url = `https://${host}:${port}`
      const credential = { name: `local-${index}`, issuer: url, subject: SUBJECT, audiences: [AUDIENCE] }
      await strict.done(201, 'POST', path, credential)
      const answer = await f.send(f.assertion({ iss: url }), made, strict)
      const text =
        'Request to External OIDC endpoint failed. Its host has a private address, which this platform does not ask.'
      assertRefused(strict, answer, 50166, text)
    }
    assert.deepEqual(f.issuer.asked, [])
  })

  it('at a name that does not exist', async (t) => {
    const strict = await World.start()
    t.after(() => strict.remove())
    const made = await strict.register(await makeSelfSigned('strict', validity()), { keyCredentials: [] })
    const url = 'https://issuer.invalid'
    const credential = { name: 'nowhere', issuer: url, subject: SUBJECT, audiences: [AUDIENCE] }
    await strict.done(201, 'POST', `/applications/${made.objectId}/federatedIdentityCredentials`, credential)
    const { body } = await f.send(f.assertion({ iss: url }), made, strict)
    assert.deepEqual(body['error_codes'], [50166])
  })
})

const validity = () => ({ notBeforeMs: f.world.clock.ms, notAfterMs: f.world.clock.ms + HOUR_MS })
