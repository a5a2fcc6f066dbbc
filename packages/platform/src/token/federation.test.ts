// Federated credentials at the token endpoint, with an identity provider on this machine.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { assertRefused, claimsOf, encode } from '../test-support.ts'
import { AUDIENCE, Federation, HOUR_MS, SUBJECT } from './federation-test-support.ts'
import { CONFIGURATION, KEYS } from './issuer-test-support.ts'
import type { RefusalNumber } from './refusals.ts'

let f: Federation
before(async () => {
  f = await Federation.start()
})
after(() => f.remove())

describe('an assertion of another identity provider', () => {
  it('gets a token, again and again until it expires', async () => {
    const one = f.assertion()
    const token = (await f.send(one)).body['access_token']
    assert.equal(claimsOf(String(token))['appidacr'], '2')
    for (let times = 0; times < 3; times++) assert.equal((await f.send(one)).status, 200)
  })

  it('may name its one audience in a list, leave out nbf, and write dates as texts or fractions', async () => {
    for (const claims of [
      { aud: [AUDIENCE] },
      { nbf: undefined },
      { nbf: undefined, iat: undefined },
      { exp: String(f.seconds + 60) },
      { exp: f.seconds + 60.5 },
      { exp: f.seconds - 299, nbf: f.seconds - 900 },
    ])
      assert.equal((await f.send(f.assertion(claims))).status, 200, JSON.stringify(claims))
  })

  it('is checked with keys that are fetched once', async () => {
    f.world.clock.ms += HOUR_MS
    f.issuer.asked.length = 0
    const answers = await Promise.all(Array.from({ length: 20 }, () => f.send(f.assertion())))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    assert.deepEqual(f.issuer.asked, [CONFIGURATION, KEYS])
  })

  it('may be of an issuer whose URL ends in a slash', async () => {
    const slashed = await f.world.register(f.key, { keyCredentials: [] })
    await f.trust('slashed', { issuer: `${f.issuer.url}/cluster/` }, slashed)
    f.issuer.put(`/cluster${CONFIGURATION}`, {
      issuer: `${f.issuer.url}/cluster/`,
      jwks_uri: `${f.issuer.url}${KEYS}`,
    })
    assert.equal((await f.send(f.assertion({ iss: `${f.issuer.url}/cluster/` }), slashed)).status, 200)
    const { body } = await f.send(f.assertion({ iss: `${f.issuer.url}/cluster` }), slashed)
    assert.deepEqual(body['error_codes'], [700211])
  })
})

const iso = (atSeconds: number) => new Date(atSeconds * 1000).toISOString()
const record = (what: string) =>
  `No matching federated identity record found for presented assertion ${what}. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.`
const SIGNATURE =
  'Assertion failed signature validation. [Reason - The provided signature value did not match the expected signature value.]'
const KEY = 'Assertion failed signature validation. [Reason - The key was not found.]'
const ALG =
  'Invalid JWT token. Unsupported key for the signing algorithm: federated assertions are signed with RS256.'
const near = (claim: string, found: string, expected: string) =>
  `No matching federated identity record found for presented assertion ${claim} '${found}'. One matches only if letter case is ignored: '${expected}'.`

describe('an assertion of another identity provider is refused', () => {
  const upper = () => f.issuer.url.replace('localhost', 'LOCALHOST')
  const CASES: readonly (readonly [string, () => string, RefusalNumber, () => string])[] = [
    [
      'from an issuer that no credential names',
      () => f.assertion({ iss: 'https://idp.example' }),
      700211,
      () => record("issuer 'https://idp.example'"),
    ],
    [
      'from an issuer with a slash too many',
      () => f.assertion({ iss: `${f.issuer.url}/` }),
      700211,
      () => record(`issuer '${f.issuer.url}/'`),
    ],
    [
      'from an issuer in another letter case',
      () => f.assertion({ iss: upper() }),
      7002138,
      () => near('issuer', upper(), f.issuer.url),
    ],
    [
      'for another subject',
      () => f.assertion({ sub: 'repo:acme/shop:pull_request' }),
      700213,
      () => record("subject 'repo:acme/shop:pull_request'"),
    ],
    [
      'for a subject with a blank after it',
      () => f.assertion({ sub: `${SUBJECT} ` }),
      700213,
      () => record(`subject '${SUBJECT} '`),
    ],
    [
      'for a subject in another letter case',
      () => f.assertion({ sub: SUBJECT.replace('prod', 'Prod') }),
      7002138,
      () => near('subject', SUBJECT.replace('prod', 'Prod'), SUBJECT),
    ],
    [
      'for another audience',
      () => f.assertion({ aud: 'sts.amazonaws.com' }),
      700212,
      () => record("audience 'sts.amazonaws.com'"),
    ],
    [
      'for the audience in another letter case',
      () => f.assertion({ aud: AUDIENCE.toLowerCase() }),
      700212,
      () => record(`audience '${AUDIENCE.toLowerCase()}'`),
    ],
    [
      'for two audiences',
      () => f.assertion({ aud: [AUDIENCE, 'other'] }),
      700212,
      () => record(`audience '${AUDIENCE} other'`),
    ],
    ['for no audience', () => f.assertion({ aud: undefined }), 700212, () => record("audience ''")],
    ['signed with PS256', () => f.assertion({}, { alg: 'PS256' }), 5002730, () => ALG],
    ['with an extension', () => f.assertion({}, { crit: ['b64'] }), 5002730, () => ALG],
    ['without a signature', () => unsigned('none'), 5002730, () => ALG],
    ['signed with the public key as a secret', () => unsigned('HS256'), 5002730, () => ALG],
    ['signed with another key', () => f.assertion({}, {}, f.next), 50013, () => SIGNATURE],
    ['that names no key', () => f.assertion({}, { kid: undefined }), 50013, () => KEY],
    ['that names an unknown key', () => f.assertion({}, { kid: 'k0' }), 50013, () => KEY],
    [
      'changed after it was signed',
      () => {
        const [header, , signature] = f.assertion().split('.')
        const claims = { ...claimsOf(f.assertion()), exp: f.seconds + 7200 }
        return `${header}.${encode(claims)}.${signature}`
      },
      50013,
      () => SIGNATURE,
    ],
    [
      'that has expired',
      () => f.assertion({ nbf: f.seconds - 900, exp: f.seconds - 301 }),
      700024,
      () =>
        `Client assertion is not within its valid time range. Current time: ${iso(f.seconds)}, assertion valid from ${iso(f.seconds - 900)}, expiry time of assertion ${iso(f.seconds - 301)}.`,
    ],
    [
      'that never expires',
      () => f.assertion({ exp: undefined }),
      50027,
      () => 'Invalid JWT token. exp and nbf must be numbers of seconds.',
    ],
  ]
  for (const [what, make, aadsts, text] of CASES) {
    it(`${what}: AADSTS${aadsts}`, async () => assertRefused(f.world, await f.send(make()), aadsts, text()))
  }

  it('by an application that does not trust it, and without asking an issuer that none names', async () => {
    const other = await f.world.register(f.key, { keyCredentials: [] })
    f.issuer.asked.length = 0
    assertRefused(f.world, await f.send(f.assertion(), other), 700211, record(`issuer '${f.issuer.url}'`))
    assert.deepEqual(f.issuer.asked, [])
  })

  it('from the moment its credential is deleted', async () => {
    const other = await f.world.register(f.key, { keyCredentials: [] })
    await f.trust('short', {}, other)
    assert.equal((await f.send(f.assertion(), other)).status, 200)
    await f.world.done(204, 'DELETE', `/applications/${other.objectId}/federatedIdentityCredentials/short`)
    assert.deepEqual((await f.send(f.assertion(), other)).body['error_codes'], [700211])
  })
})

function unsigned(alg: 'none' | 'HS256'): string {
  const [, claims = ''] = f.assertion().split('.')
  const signed = `${encode({ alg, kid: 'k1' })}.${claims}`
  const mac = createHmac('sha256', f.key.certificate).update(signed).digest('base64url')
  return `${signed}.${alg === 'none' ? 'AA' : mac}`
}
