// The assertions that real clients sign, and those that no client may get in with.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, webcrypto, X509Certificate } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import * as x509 from '@peculiar/x509'
import { type App, assertRefused, encode, makeKey, signJwt, thumbprint, World } from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import type { RefusalNumber } from './refusals.ts'

let world: World
let key: CertifiedKey
let app: App

before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
  app = await world.register(key)
})
after(() => world.remove())

const send = (assertion: string, tenant?: string) =>
  world.postForm(world.form(app, { client_assertion: assertion }), tenant)
const seconds = () => Math.floor(world.clock.ms / 1000)
const origin = () => world.platform.origin
const padded = (text: string) => text + '='.repeat((4 - (text.length % 4)) % 4)

type Parts = { readonly claims?: Record<string, unknown>; readonly header?: Record<string, unknown> }

describe('a client assertion is accepted', () => {
  const sha1 = () => thumbprint(key, 'sha1')
  const ACCEPTED: readonly (readonly [string, () => Parts])[] = [
    ['PS256 and x5t#S256, as the documentation has it', () => ({})],
    ['padded x5t#S256', () => ({ header: { 'x5t#S256': padded(thumbprint(key, 'sha256')) } })],
    ['RS256 and x5t', () => ({ header: { alg: 'RS256', 'x5t#S256': undefined, x5t: sha1() } })],
    [
      'RS256 and padded x5t',
      () => ({ header: { alg: 'RS256', 'x5t#S256': undefined, x5t: padded(sha1()) } }),
    ],
    ['PS256 and x5t', () => ({ header: { 'x5t#S256': undefined, x5t: sha1() } })],
    ['no typ', () => ({ header: { typ: undefined } })],
    ['an x5c beside the thumbprint', () => ({ header: { x5c: [world.platform.ca] } })],
    [
      'dates as fractions',
      () => ({ claims: { nbf: seconds() + 0.25, iat: seconds() - 0.5, exp: seconds() + 599.75 } }),
    ],
    ['dates as texts', () => ({ claims: { nbf: String(seconds()), exp: String(seconds() + 600) } })],
    ['nbf half a second ahead', () => ({ claims: { nbf: seconds() + 0.5 } })],
    ['nbf ahead by the whole skew', () => ({ claims: { nbf: seconds() + 300 } })],
    ['exp past by the whole skew', () => ({ claims: { nbf: seconds() - 900, exp: seconds() - 300 } })],
    ['iat before nbf', () => ({ claims: { iat: seconds() - 300 } })],
    ['neither nbf nor iat', () => ({ claims: { nbf: undefined, iat: undefined } })],
    ['no jti', () => ({ claims: { jti: undefined } })],
    ['claims of its own', () => ({ claims: { client_ip: '127.0.0.1' } })],
    [
      'issuer and subject in upper case',
      () => ({ claims: { iss: app.appId.toUpperCase(), sub: app.appId.toUpperCase() } }),
    ],
    ['the endpoint by domain', () => ({ claims: { aud: `${origin()}/contoso.example/oauth2/v2.0/token` } })],
    ['the v1.0 endpoint', () => ({ claims: { aud: `${origin()}/${world.tenantId}/oauth2/token` } })],
    ['the issuer', () => ({ claims: { aud: `${origin()}/${world.tenantId}/v2.0` } })],
    ['the authority', () => ({ claims: { aud: `${origin()}/${world.tenantId}` } })],
    ['the authority with a slash', () => ({ claims: { aud: `${origin()}/contoso.example/` } })],
    ['the audience in upper case', () => ({ claims: { aud: `${origin()}/CONTOSO.example/v2.0` } })],
  ]
  for (const [what, parts] of ACCEPTED) {
    it(`with ${what}`, async () => {
      const answer = await send(world.assertion(app, parts()))
      assert.equal(answer.status, 200, answer.text)
    })
  }

  it('twice, as the service keeps no list of those it has seen', async () => {
    const assertion = world.assertion(app)
    assert.deepEqual([(await send(assertion)).status, (await send(assertion)).status], [200, 200])
  })

  it('beside telemetry and other parameters that mean nothing here', async () => {
    const extra = { client_info: '1', 'x-client-SKU': 'msal.js.node', claims: '{}', fmi_path: 'x' }
    assert.equal((await world.postForm(world.form(app, extra))).status, 200)
  })
})

const PARTS = 'Invalid JWT token. A JWT has three parts.'
const NO_JSON = 'Invalid JWT token. Its header and claims must be JSON objects in base64url.'
const ALGORITHM = 'Invalid JWT token. alg must be PS256 or RS256, without extensions.'
const missing = (name: string) =>
  `The required field '${name}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.`
const TEXTS = 'Invalid JWT token. iss and sub must be texts.'
const DATES = 'Invalid JWT token. exp and nbf must be numbers of seconds.'
const UNNAMED = "Invalid JWT token. The header must name the certificate by 'x5t#S256', 'x5t' or 'x5c'."
const AUDIENCE = 'Client assertion audience claim does not match Realm issuer.'

describe('a client assertion is refused', () => {
  const [thumb, none] = [() => thumbprint(key, 'sha256'), { alg: 'none' }]
  const made = (parts: Parts) => () => world.assertion(app, parts)
  const REFUSED: readonly (readonly [string, () => string, RefusalNumber, string])[] = [
    ['with alg none and a signature', made({ header: none }), 50027, ALGORITHM],
    ['with alg none and no signature', () => unsigned(made({ header: none })()), 50027, PARTS],
    [
      "with HS256 under the certificate's public key",
      () =>
        hmacAssertion(createPublicKey(key.certificate).export({ type: 'spki', format: 'pem' }).toString()),
      50027,
      ALGORITHM,
    ],
    ['with HS256 under the certificate', () => hmacAssertion(key.certificate), 50027, ALGORITHM],
    ['with an alg that is no text', made({ header: { alg: ['PS256'] } }), 50027, ALGORITHM],
    ['with alg __proto__', made({ header: { alg: '__proto__' } }), 50027, ALGORITHM],
    ['with alg toString', made({ header: { alg: 'toString' } }), 50027, ALGORITHM],
    ['with critical extensions', made({ header: { crit: ['exp'] } }), 50027, ALGORITHM],
    ['without a thumbprint', made({ header: { 'x5t#S256': undefined } }), 50027, UNNAMED],
    ['with an empty thumbprint', made({ header: { 'x5t#S256': '' } }), 50027, UNNAMED],
    ['with a thumbprint that is a list', made({ header: { 'x5t#S256': ['x'] } }), 50027, UNNAMED],
    ['with four parts', () => `${world.assertion(app)}.x`, 50027, PARTS],
    ['with a header that is no JSON', () => 'x.y.z', 50027, NO_JSON],
    ['with claims that are a list', () => signJwt(headerOf(), [] as never, key), 50027, NO_JSON],
    ['with claims that are null', () => signJwt(headerOf(), null as never, key), 50027, NO_JSON],
    ['without a subject', made({ claims: { sub: undefined } }), 90014, missing('sub')],
    ['without an issuer', made({ claims: { iss: undefined } }), 90014, missing('iss')],
    ['without an audience', made({ claims: { aud: undefined } }), 90014, missing('aud')],
    ['with a subject that is null', made({ claims: { sub: null } }), 50027, TEXTS],
    ['with an issuer that is a list', made({ claims: { iss: ['x'] } }), 50027, TEXTS],
    ['without exp', made({ claims: { exp: undefined } }), 50027, DATES],
    ['with an exp that is no number', made({ claims: { exp: 'soon' } }), 50027, DATES],
    ['with an exp beyond all dates', made({ claims: { exp: 1e300 } }), 50027, DATES],
    ['with a negative nbf', made({ claims: { nbf: -1 } }), 50027, DATES],
    [
      'with a list of audiences',
      () => world.assertion(app, { claims: { aud: [`${origin()}/${world.tenantId}`] } }),
      700023,
      AUDIENCE,
    ],
    ['for an audience that is a number', made({ claims: { aud: 7 } }), 700023, AUDIENCE],
    [
      'for the same path on another host',
      () =>
        world.assertion(app, {
          claims: { aud: `https://login.example/${world.tenantId}/oauth2/v2.0/token` },
        }),
      700023,
      AUDIENCE,
    ],
  ]
  const headerOf = () => ({ alg: 'PS256', 'x5t#S256': thumb() })
  for (const [what, assertion, aadsts, text] of REFUSED) {
    it(what, async () => assertRefused(world, await send(assertion()), aadsts, text))
  }

  it('with a payload that was changed after it was signed', async () => {
    const [header, , signature] = world.assertion(app).split('.')
    const claims = { aud: `${origin()}/${world.tenantId}/v2.0`, iss: app.appId, sub: app.appId, exp: 9e9 }
    const answer = await send(`${header}.${encode(claims)}.${signature}`)
    assertRefused(
      world,
      answer,
      700027,
      refusedSignature('The provided signature value did not match the expected signature value.'),
    )
  })

  it('with PS256 under a signature of RS256', async () => {
    const [, claims, signature] = world.assertion(app, { header: { alg: 'RS256' } }).split('.')
    const { body } = await send(`${encode(headerOf())}.${claims}.${signature}`)
    assert.deepEqual(body['error_codes'], [700027])
  })

  it('with a key too small for its own algorithm, at the registration of that key', async () => {
    const small = await makeSmallCertificate()
    const keyCredentials = [{ type: 'AsymmetricX509Cert', usage: 'Verify', key: small }]
    const answer = await world.graph('POST', '/applications', { displayName: 'small', keyCredentials })
    assert.deepEqual(
      [answer.status, (answer.body['error'] as { message: string }).message],
      [
        400,
        'The value of the key credential is not a DER certificate with an RSA key of at least 2048 bits in base64.',
      ],
    )
  })

  function refusedSignature(reason: string): string {
    const certificate = new X509Certificate(key.certificate)
    const [sha1, sha256] = [certificate.fingerprint, certificate.fingerprint256].map((text) =>
      text.replaceAll(':', ''),
    )
    return `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - ${reason}, Thumbprint of key used by client: '${sha256}'] Registered on app '${app.appId}': ${sha1}.`
  }

  function hmacAssertion(secret: string): string {
    const [, claims] = world.assertion(app).split('.')
    const signed = `${encode({ alg: 'HS256', 'x5t#S256': thumb() })}.${claims}`
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }
})

const unsigned = (assertion: string) => assertion.slice(0, assertion.lastIndexOf('.') + 1)

async function makeSmallCertificate(): Promise<string> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(
    { ...algorithm, modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ['sign', 'verify'],
  )
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=small',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(world.clock.ms),
    notAfter: new Date(world.clock.ms + 1000),
  })
  return Buffer.from(certificate.rawData).toString('base64')
}
