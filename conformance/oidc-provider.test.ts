import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import {
  AppIdentity,
  certificate,
  clientSecret,
  type Credential,
  type ExtraParameters,
  privateKey,
} from '@tomte/client'
import { decodeJwt } from 'jose'
import Provider, { errors } from 'oidc-provider'
import { certify, newKey, serverTls } from './tls-test-support.ts'

const RESOURCE = 'https://orders.example'
const SCOPE = 'orders.read'
// With characters that form-encoding changes, and Basic needs changed.
const SECRET = `a:b+c %&~/${crypto.randomUUID()}`

const rsa = newKey()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const pemOf = (key: typeof ec.privateKey) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const ownCertificate = certify('nightly sync', rsa.publicKey, rsa.privateKey)

const publicJwk = (key: ReturnType<typeof createPublicKey>, kid: string, alg?: string) => ({
  ...key.export({ format: 'jwk' }),
  kid,
  alg,
})

const client = (id: string, method: string, facts: object) => ({
  client_id: id,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  ...facts,
})

const jwtClient = (id: string, key: object, algorithm: string) =>
  client(id, 'private_key_jwt', {
    jwks: { keys: [key] },
    token_endpoint_auth_signing_alg: algorithm,
  })

/** The server as its users would set it up. */
const configuration = () => ({
  clients: [
    client('by-basic', 'client_secret_basic', { client_secret: SECRET, scope: SCOPE }),
    client('by-post', 'client_secret_post', { client_secret: SECRET }),
    jwtClient('by-rsa', publicJwk(createPublicKey(rsa.publicKey), 'rsa-key'), 'PS256'),
    jwtClient('by-rs256', publicJwk(createPublicKey(rsa.publicKey), 'rsa-key'), 'RS256'),
    jwtClient('by-ec', publicJwk(ec.publicKey, 'ec-key'), 'ES256'),
    jwtClient('by-ed', publicJwk(ed.publicKey, 'ed-key'), 'EdDSA'),
  ],
  scopes: [SCOPE, 'orders.burn'],
  jwks: { keys: [{ ...createPrivate(), use: 'sig' }] },
  cookies: { keys: [crypto.randomUUID()] },
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_: unknown, resource: string) => {
        if (resource !== RESOURCE) throw new errors.InvalidTarget()
        return { scope: SCOPE, audience: resource, accessTokenFormat: 'jwt' }
      },
    },
  },
})

function createPrivate() {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
}

describe('unmodified oidc-provider', () => {
  const tls = serverTls()
  let server: Server
  let issuer: string
  const paths: string[] = []

  before(async () => {
    let answer: RequestListener = () => {}
    server = createServer(tls, (request, response) => {
      paths.push(`${request.method} ${request.url}`)
      answer(request, response)
    })
    server.listen(0, 'localhost')
    await once(server, 'listening')
    issuer = `https://localhost:${(server.address() as AddressInfo).port}`
    answer = new Provider(issuer, configuration()).callback()
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const identity = (clientId: string, credential: Credential | Credential[], parameters?: ExtraParameters) =>
    new AppIdentity({ issuer, clientId, credential, ca: tls.ca, parameters })

  const proofs = [
    ['a secret in the header', 'by-basic', () => clientSecret(SECRET)],
    ['a secret in the form', 'by-post', () => clientSecret(SECRET, { method: 'post' })],
    ['a certificate', 'by-rsa', () => certificate({ pem: rsa.privateKey + ownCertificate })],
    ['an RSA key', 'by-rsa', () => privateKey({ pem: rsa.privateKey }, { keyId: 'rsa-key' })],
    [
      'an RSA key and the older padding, for the token endpoint',
      'by-rs256',
      () => privateKey({ pem: rsa.privateKey }, { algorithm: 'RS256', audience: 'tokenEndpoint' }),
    ],
    ['an EC key', 'by-ec', () => privateKey({ pem: pemOf(ec.privateKey) }, { keyId: 'ec-key' })],
    [
      'an Ed25519 key as JWK',
      'by-ed',
      () => privateKey({ jwk: { ...ed.privateKey.export({ format: 'jwk' }), kid: 'ed-key' } }),
    ],
  ] as const
  for (const [what, clientId, credential] of proofs) {
    it(`gives a token for ${what}, which is kept`, async () => {
      const app = identity(clientId, credential())
      const { token, expiresOnTimestamp, tokenType } = await app.getToken(SCOPE)
      assert.equal(tokenType, 'Bearer')
      assert.ok(token.length > 20 && expiresOnTimestamp > Date.now())
      assert.equal((await app.getToken(SCOPE)).token, token)
      assert.equal(app.tokenRequests, 1)
    })
  }

  it('gives a token for a resource, by resource indicator (RFC 8707)', async () => {
    const { token } = await identity('by-basic', clientSecret(SECRET), { resource: RESOURCE }).getToken(SCOPE)
    const { aud, iss, scope, client_id: clientId } = decodeJwt(token)
    assert.deepEqual(
      { aud, iss, scope, clientId },
      { aud: RESOURCE, iss: issuer, scope: SCOPE, clientId: 'by-basic' },
    )
  })

  it('gives a token without a scope', async () => {
    assert.ok((await identity('by-basic', clientSecret(SECRET)).getToken('')).token.length > 20)
  })

  it('is asked for its metadata once, for all callers', async () => {
    paths.length = 0
    const app = identity('by-basic', clientSecret(SECRET))
    await Promise.all([app.getToken(SCOPE), app.getToken(''), app.getToken(SCOPE)])
    assert.deepEqual(paths, ['GET /.well-known/oauth-authorization-server', 'POST /token', 'POST /token'])
  })

  const wrong = [
    ['a wrong secret', 'by-basic', () => clientSecret('wrong')],
    ['a key that it does not know', 'by-ec', () => privateKey({ pem: pemOf(newEc()) })],
    ['a secret of a client that it does not know', 'nobody', () => clientSecret(SECRET)],
  ] as const
  for (const [what, clientId, credential] of wrong) {
    it(`refuses ${what}, which is the credential’s fault`, async () => {
      await assert.rejects(identity(clientId, credential()).getToken(SCOPE), {
        name: 'CredentialError',
        code: 'invalid_client',
        message: `Cannot get a token for application '${clientId}' at '${issuer}' with scope '${SCOPE}': client authentication failed`,
        hint: 'Check that the server knows this client id with this credential, and takes it the way it was sent',
        aadsts: [],
      })
    })
  }

  it('takes the next credential after one that it refuses', async () => {
    const app = identity('by-basic', [clientSecret('the old one'), clientSecret(SECRET)])
    assert.ok((await app.getToken(SCOPE)).token.length > 20)
    assert.equal(app.tokenRequests, 2)
  })

  const unknown = [
    [
      'a scope that the client does not have',
      'orders.burn',
      {},
      'invalid_scope',
      'Ask for scopes that the server has for this client, or for none with an empty text',
    ],
    [
      'a resource that it does not have',
      SCOPE,
      { resource: 'https://invoices.example' },
      'invalid_target',
      'Set `parameters.resource` to a resource that the server knows',
    ],
  ] as const
  for (const [what, scope, parameters, code, hint] of unknown) {
    it(`refuses ${what}, which is the configuration’s fault`, async () => {
      const app = identity('by-basic', clientSecret(SECRET), parameters)
      await assert.rejects(app.getToken(scope), { name: 'ConfigurationError', code, hint })
    })
  }

  it('is not taken for another issuer, whose name differs by a slash', async () => {
    const app = new AppIdentity({
      issuer: `${issuer}/`,
      clientId: 'by-basic',
      credential: clientSecret(SECRET),
      ca: tls.ca,
    })
    await assert.rejects(app.getToken(SCOPE), { name: 'ProtocolError', code: 'issuer_mismatch' })
    assert.equal(app.tokenRequests, 0)
  })
})

function newEc() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}
