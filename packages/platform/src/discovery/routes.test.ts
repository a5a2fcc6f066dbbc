// The documents that clients and APIs read before they trust anything.
import assert from 'node:assert/strict'
import { randomUUID, X509Certificate, createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { assertRefused, World } from '../test-support.ts'

let world: World
before(async () => {
  world = await World.start()
})
after(() => world.remove())

const NAMES = () => [world.tenantId, world.tenantId.toUpperCase(), 'contoso.example', 'Contoso.EXAMPLE']

describe('the discovery document', () => {
  it('names the tenant by GUID, however it was asked for', async () => {
    const base = `${world.platform.origin}/${world.tenantId}`
    for (const name of NAMES()) {
      const { status, headers, body } = await world.send(`/${name}/v2.0/.well-known/openid-configuration`)
      assert.equal(status, 200)
      assert.equal(headers['content-type'], 'application/json; charset=utf-8')
      assert.deepEqual(body, {
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
        end_session_endpoint: `${base}/oauth2/v2.0/logout`,
        msgraph_host: new URL(world.platform.origin).host,
        response_modes_supported: ['query', 'fragment', 'form_post'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
        response_types_supported: ['code'],
        scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
        grant_types_supported: ['client_credentials'],
        token_endpoint_auth_methods_supported: [
          'client_secret_post',
          'private_key_jwt',
          'client_secret_basic',
        ],
        token_endpoint_auth_signing_alg_values_supported: ['PS256', 'RS256'],
        claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'nbf', 'oid', 'tid', 'roles', 'ver'],
      })
    }
  })
})

describe('the keys document', () => {
  it('has the public half of the signing key alone, named by its certificate', async () => {
    for (const name of NAMES()) {
      const { status, body } = await world.send(`/${name}/discovery/v2.0/keys`)
      const [key, ...others] = body['keys'] as Record<string, unknown>[]
      assert.deepEqual([status, others], [200, []])
      const [x5c] = (key?.['x5c'] ?? []) as string[]
      const certificate = new X509Certificate(Buffer.from(x5c ?? '', 'base64'))
      const kid = createHash('sha1').update(certificate.raw).digest('base64url')
      const { n, e } = certificate.publicKey.export({ format: 'jwk' })
      const issuer = `${world.platform.origin}/${world.tenantId}/v2.0`
      assert.deepEqual(key, { kty: 'RSA', use: 'sig', kid, x5t: kid, n, e, x5c: [x5c], issuer })
    }
  })
})

describe('an unknown tenant', () => {
  it('is refused by both documents as by the token endpoint', async () => {
    const unknown = randomUUID()
    for (const path of ['v2.0/.well-known/openid-configuration', 'discovery/v2.0/keys']) {
      const answer = await world.send(`/${unknown}/${path}`)
      assertRefused(
        world,
        answer,
        90002,
        `Tenant '${unknown}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
      )
      assertRefused(
        world,
        await world.send(`/organizations/${path}`),
        900023,
        "Specified tenant identifier 'organizations' is neither a valid DNS name, nor a valid external domain.",
      )
    }
  })
})
