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

const V1 = '.well-known/openid-configuration'
const V2 = 'v2.0/.well-known/openid-configuration'

describe('the discovery document of v1.0', () => {
  it('has the issuer of v1.0 tokens, and their keys at a place for all tenants', async () => {
    const { origin } = world.platform
    for (const name of NAMES()) {
      const { status, body } = await world.send(`/${name}/${V1}`)
      const { issuer, token_endpoint, jwks_uri, authorization_endpoint } = body
      assert.deepEqual(
        [status, issuer, token_endpoint, jwks_uri, authorization_endpoint],
        [
          200,
          `https://sts.windows.net/${world.tenantId}/`,
          `${origin}/${world.tenantId}/oauth2/token`,
          `${origin}/common/discovery/keys`,
          `${origin}/${world.tenantId}/oauth2/authorize`,
        ],
      )
    }
  })

  it('leads to the keys of v2.0 without their issuers', async () => {
    const { body: v2 } = await world.send(`/${world.tenantId}/discovery/v2.0/keys`)
    const bare = (v2['keys'] as Record<string, unknown>[]).map(({ issuer: _, ...key }) => key)
    for (const name of ['common', 'organizations', 'contoso.example', world.tenantId])
      assert.deepEqual((await world.send(`/${name}/discovery/keys`)).body, { keys: bare }, name)
  })
})

describe('the documents for every tenant', () => {
  it('have a template in place of the tenant in every issuer', async () => {
    const { origin } = world.platform
    for (const name of ['common', 'organizations', 'Organizations']) {
      const lower = name.toLowerCase()
      const v2 = await world.send(`/${name}/${V2}`)
      assert.deepEqual(
        [v2.status, v2.body['issuer'], v2.body['token_endpoint'], v2.body['jwks_uri']],
        [
          200,
          `${origin}/{tenantid}/v2.0`,
          `${origin}/${lower}/oauth2/v2.0/token`,
          `${origin}/${lower}/discovery/v2.0/keys`,
        ],
      )
      const v1 = await world.send(`/${name}/${V1}`)
      assert.deepEqual(
        [v1.status, v1.body['issuer'], v1.body['token_endpoint']],
        [200, 'https://sts.windows.net/{tenantid}/', `${origin}/${lower}/oauth2/token`],
      )
      const { body } = await world.send(`/${name}/discovery/v2.0/keys`)
      const [key] = body['keys'] as Record<string, unknown>[]
      assert.equal(key?.['issuer'], `${origin}/{tenantid}/v2.0`)
    }
  })
})

describe('the first tenant', () => {
  it('is found as adfs, with endpoints of its own', async () => {
    const first = await world.send(`/adfs/${V1}`)
    assert.deepEqual([first.status, first.body], [200, (await world.send(`/${world.tenantId}/${V2}`)).body])
    assert.deepEqual((await world.send(`/ADFS/${V2}`)).body, first.body)
  })
})

describe('an application id in the query', () => {
  it('goes along to the keys document', async () => {
    const appId = randomUUID()
    const { origin } = world.platform
    const v2 = await world.send(`/${world.tenantId}/${V2}?appid=${appId.toUpperCase()}`)
    assert.equal(v2.body['jwks_uri'], `${origin}/${world.tenantId}/discovery/v2.0/keys?appid=${appId}`)
    const v1 = await world.send(`/${world.tenantId}/${V1}?appid=${appId}`)
    assert.equal(v1.body['jwks_uri'], `${origin}/${world.tenantId}/discovery/keys?appid=${appId}`)
    const keys = await world.send(`/${world.tenantId}/discovery/v2.0/keys?appid=${appId}`)
    assert.deepEqual(keys.body, (await world.send(`/${world.tenantId}/discovery/v2.0/keys`)).body)
    const refused = await world.send(`/${world.tenantId}/${V2}?appid=x%0d%0ay`)
    assertRefused(world, refused, 700038, 'x  y is not a valid application identifier.')
  })
})

const DOCUMENTS = [V1, V2, 'discovery/keys', 'discovery/v2.0/keys']

describe('a document', () => {
  it('may be kept for a day, as new keys are published a day before they sign; a refusal may not', async () => {
    for (const path of DOCUMENTS) {
      const { headers } = await world.send(`/${world.tenantId}/${path}`)
      assert.equal(headers['cache-control'], 'max-age=86400, private', path)
      const refused = await world.send(`/fabrikam.example/${path}`)
      assert.equal(refused.headers['cache-control'], 'no-store, no-cache', path)
    }
  })

  it('is refused to unknown tenants, empty ones and personal accounts, as by the token endpoint', async () => {
    const unknown = randomUUID()
    const empty = '00000000-0000-0000-0000-000000000000'
    for (const path of DOCUMENTS) {
      assertRefused(
        world,
        await world.send(`/${unknown}/${path}`),
        90002,
        `Tenant '${unknown}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`,
      )
      assertRefused(
        world,
        await world.send(`/consumers/${path}`),
        900023,
        "Specified tenant identifier 'consumers' is neither a valid DNS name, nor a valid external domain.",
      )
      assertRefused(
        world,
        await world.send(`/${empty}/${path}`),
        900021,
        `Requested tenant identifier '${empty}' is not valid. Tenant identifiers may not be an empty GUID.`,
      )
    }
  })
})

describe('instance discovery', () => {
  const ask = (endpoint: string, version = '1.1') =>
    world.send(
      `/common/discovery/instance?${new URLSearchParams({ 'api-version': version, authorization_endpoint: endpoint }).toString()}`,
    )

  it('vouches for the authorities of this host, by whichever of its names', async () => {
    const { port } = new URL(world.platform.origin)
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      for (const tenant of [world.tenantId, 'contoso.example', 'common', 'organizations']) {
        for (const version of ['1.0', '1.1']) {
          const { status, body } = await ask(`https://${host}/${tenant}/oauth2/v2.0/authorize`, version)
          assert.equal(status, 200)
          assert.deepEqual(body, {
            tenant_discovery_endpoint: `https://${host}/${tenant}/v2.0/.well-known/openid-configuration`,
            'api-version': version,
            metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
          })
        }
      }
    }
  })

  it('leads an authority of v1.0 to the document of v1.0', async () => {
    const { origin } = world.platform
    const { body } = await ask(`${origin}/contoso.example/oauth2/authorize`)
    assert.equal(body['tenant_discovery_endpoint'], `${origin}/contoso.example/${V1}`)
  })

  it('vouches for no other host, scheme or path', async () => {
    const { origin } = world.platform
    const { host, port } = new URL(origin)
    for (const endpoint of [
      'https://login.example/common/oauth2/v2.0/authorize',
      'https://localhost/common/oauth2/v2.0/authorize',
      `https://localhost.example:${port}/common/oauth2/v2.0/authorize`,
      `https://${host}@login.example/common/oauth2/v2.0/authorize`,
      `http://${host}/common/oauth2/v2.0/authorize`,
      origin,
      `${origin}/<script>/oauth2/v2.0/authorize`,
      'no URL',
    ])
      assertRefused(world, await ask(endpoint), 50049, 'Unknown or invalid instance.')
  })

  it('needs both parameters, once each, and a version that there is', async () => {
    const path = '/common/discovery/instance'
    const endpoint = `authorization_endpoint=${encodeURIComponent(`${world.platform.origin}/common/oauth2/authorize`)}`
    const missing = (name: string) => `The request body must contain the following parameter: '${name}'.`
    assertRefused(world, await world.send(`${path}?${endpoint}`), 900144, missing('api-version'))
    assertRefused(
      world,
      await world.send(`${path}?api-version=1.1`),
      900144,
      missing('authorization_endpoint'),
    )
    for (const query of [`api-version=2.0&${endpoint}`, `api-version=1.1&${endpoint}&${endpoint}`])
      assertRefused(
        world,
        await world.send(`${path}?${query}`),
        9002313,
        'Invalid request. Request is malformed or invalid.',
      )
  })
})
