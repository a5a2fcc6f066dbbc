import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { certificate } from '../credential/certificate.ts'
import type { IdentityEvent } from '../events.ts'
import { CLIENT } from '../test-support.ts'
import { registeredCredentials } from './registration.ts'
import { registrationWatch } from './registration-watch.ts'
import {
  DAY_MS,
  OBJECT_ID,
  OtherSide,
  pemOf,
  refusal,
  START_MS,
  thumbprintOf,
} from './rotation-test-support.ts'

const KEY_ID = '44444444-dddd-4ddd-8ddd-000000000004'
const pem = pemOf(10)
const SHA1 = thumbprintOf(pem)

describe('registeredCredentials', () => {
  it('lists certificates and secrets with their ends', async (t) => {
    const side = await OtherSide.start(t)
    const certificateId = side.registerKey(pem)
    const secretId = side.registerPassword('a secret', 20, 'nightly')
    const identity = side.identity(certificate({ pem }))
    assert.deepEqual(await registeredCredentials(side.directory(identity), CLIENT), [
      {
        kind: 'certificate',
        keyId: certificateId,
        displayName: 'by hand',
        thumbprint: SHA1,
        hint: undefined,
        expiresAtMs: START_MS + 10 * DAY_MS,
      },
      {
        kind: 'secret',
        keyId: secretId,
        displayName: 'nightly',
        thumbprint: undefined,
        hint: 'a s',
        expiresAtMs: START_MS + 20 * DAY_MS,
      },
    ])
  })

  const der = new X509Certificate(pem).raw.toString('base64')
  const THUMBPRINTS: readonly (readonly [string, object, string | undefined])[] = [
    ['the certificate itself', { key: der, customKeyIdentifier: 'AAAA' }, SHA1],
    ['hexadecimal', { key: null, customKeyIdentifier: SHA1.toLowerCase() }, SHA1],
    ['base64', { customKeyIdentifier: Buffer.from(SHA1, 'hex').toString('base64') }, SHA1],
    ['a name of its own', { customKeyIdentifier: 'bXkga2V5' }, undefined],
    ['nothing', { customKeyIdentifier: null }, undefined],
  ]
  for (const [what, sent, thumbprint] of THUMBPRINTS) {
    it(`knows a certificate by ${what}`, async (t) => {
      const side = await OtherSide.start(t)
      side.registerPassword('anyone', 4000)
      side.interfere = ({ method }) =>
        method === 'GET'
          ? { body: { id: OBJECT_ID, keyCredentials: [{ keyId: KEY_ID, ...sent }] } }
          : undefined
      const [found] = (await registeredCredentials(side.directory(side.identity(anyone)), CLIENT)) ?? []
      assert.deepEqual([found?.thumbprint, found?.expiresAtMs], [thumbprint, undefined])
    })
  }

  for (const [status, code] of [
    [403, 'Authorization_RequestDenied'],
    [404, 'Request_ResourceNotFound'],
  ] as const) {
    it(`is unknown after ${status}`, async (t) => {
      const side = await OtherSide.start(t)
      side.registerPassword('anyone', 4000)
      side.interfere = ({ method }) => (method === 'GET' ? refusal(status, code) : undefined)
      assert.equal(await registeredCredentials(side.directory(side.identity(anyone)), CLIENT), undefined)
    })
  }

  it('passes any other refusal on', async (t) => {
    const side = await OtherSide.start(t)
    side.registerPassword('anyone', 4000)
    side.interfere = ({ method }) => (method === 'GET' ? refusal(400, 'Request_BadRequest') : undefined)
    const reading = registeredCredentials(side.directory(side.identity(anyone)), CLIENT)
    await assert.rejects(reading, { name: 'ApiError', status: 400 })
  })

  const MALFORMED: readonly (readonly [object, string])[] = [
    [[], 'the application is not a JSON object'],
    [{ id: 'x/../y' }, '"id" is not a GUID'],
    [{ id: OBJECT_ID, keyCredentials: 'none' }, '"keyCredentials" is not a list of at most 1000'],
    [{ id: OBJECT_ID, keyCredentials: [7] }, 'the certificate of the application is not a JSON object'],
    [{ id: OBJECT_ID, passwordCredentials: [{ keyId: 7 }] }, '"keyId" is not a GUID'],
  ]
  for (const [body, found] of MALFORMED) {
    it(`refuses a registration of which ${found}`, async (t) => {
      const side = await OtherSide.start(t)
      side.registerPassword('anyone', 4000)
      side.interfere = ({ method }) => (method === 'GET' ? { body } : undefined)
      await assert.rejects(registeredCredentials(side.directory(side.identity(anyone)), CLIENT), {
        name: 'ProtocolError',
        code: 'registration_malformed',
        message: `Cannot use the directory's answer, as an application with its credentials is needed: ${found}`,
      })
    })
  }
})

describe('registrationWatch', () => {
  it('tells of each end that is near once, and of those of secrets too', async (t) => {
    const side = await OtherSide.start(t)
    const near = side.registerKey(pem)
    side.registerKey(pemOf(400))
    const secret = side.registerPassword('a secret', 7)
    const events: IdentityEvent[] = []
    const watch = registrationWatch({
      directory: side.directory(side.identity(certificate({ pem }))),
      clientId: CLIENT,
      onEvent: (event) => events.push(event),
      clock: side.clock,
    })
    assert.equal((await watch.check())?.length, 3)
    await watch.check()
    const expected = [
      { type: 'credential_expiring', credential: near, expiresAtMs: START_MS + 10 * DAY_MS, daysLeft: 30 },
      { type: 'credential_expiring', credential: secret, expiresAtMs: START_MS + 7 * DAY_MS, daysLeft: 7 },
    ]
    assert.deepEqual(events, expected)
    side.interfere = ({ method }) =>
      method === 'GET' ? refusal(403, 'Authorization_RequestDenied') : undefined
    assert.equal(await watch.check(), undefined)
    assert.deepEqual(events, expected)
  })
})

/** How the application signs in, where it is the directory that matters. */
function anyone({ body }: { readonly body: URLSearchParams }): void {
  body.set('client_secret', 'anyone')
}
