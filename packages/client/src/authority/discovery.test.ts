import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { TomteError } from '../errors.ts'
import { type Answer, manualClock, type Received, scriptedServer } from '../test-support.ts'
import { documentGetter } from '../token/request.ts'
import { discovery, metadataUrls } from './discovery.ts'

const RFC8414 = '/.well-known/oauth-authorization-server/realms/x'
const OPENID = '/realms/x/.well-known/openid-configuration'
const ABSENT: Answer = { status: 404, body: 'not found' }
const DAY_MS = 86_400_000

/** What a server with the path /realms/x says, by the address it is asked at; a function sees how often it was asked. */
type Script = Readonly<Record<string, Answer | ((issuer: string, number: number) => Answer)>>

const good =
  (facts: object = {}, headers: Record<string, string> = {}) =>
  (issuer: string): Answer => ({
    headers,
    body: { issuer, token_endpoint: `${issuer}/token`, ...facts },
  })

async function serverOf(t: TestContext, script: Script) {
  const answer = ({ path }: Received, number: number): Answer => {
    const found = script[path] ?? ABSENT
    return typeof found === 'function' && found.length > 0
      ? (found as Say)(issuer, number)
      : (found as Answer)
  }
  const server = await scriptedServer(t, answer)
  const issuer = `${server.origin}/realms/x`
  const clock = manualClock()
  const metadata = discovery({ issuer, clock, get: documentGetter({ ca: server.ca, clock }) })
  return { ...server, issuer, clock, metadata, paths: () => server.received.map(({ path }) => path) }
}
type Say = (issuer: string, number: number) => Answer

async function refusalOf(metadata: () => Promise<unknown>): Promise<TomteError> {
  const error: unknown = await metadata().then(
    () => new Error('it was taken'),
    (caught: unknown) => caught,
  )
  return error as TomteError
}

describe('metadataUrls', () => {
  const table = [
    ['https://id.example', '/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'],
    ['https://id.example/', '/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'],
    ['https://id.example/realms/x', RFC8414, OPENID],
    ['https://id.example/realms/x/', RFC8414, OPENID],
  ] as const
  for (const [issuer, before, after] of table) {
    it(`puts the well-known part before and after the path of ${issuer}`, () => {
      assert.deepEqual(metadataUrls(issuer), [`https://id.example${before}`, `https://id.example${after}`])
    })
  }
})

describe('discovery', () => {
  it('finds the metadata of RFC 8414, and asks no further', async (t) => {
    const facts = {
      token_endpoint_auth_methods_supported: ['private_key_jwt', 7],
      token_endpoint_auth_signing_alg_values_supported: ['ES256'],
    }
    const { metadata, issuer, paths } = await serverOf(t, { [RFC8414]: good(facts) })
    assert.deepEqual(await metadata(), {
      issuer,
      tokenEndpoint: `${issuer}/token`,
      authMethods: ['private_key_jwt'],
      signingAlgorithms: ['ES256'],
    })
    assert.deepEqual(paths(), [RFC8414])
  })

  it('takes what a server leaves out as the standard says: secrets in the header', async (t) => {
    const { metadata } = await serverOf(t, { [RFC8414]: good() })
    const { authMethods, signingAlgorithms } = await metadata()
    assert.deepEqual([authMethods, signingAlgorithms], [['client_secret_basic'], undefined])
  })

  it('takes a token endpoint on another host', async (t) => {
    const { metadata } = await serverOf(t, {
      [RFC8414]: good({ token_endpoint: 'https://tokens.example/t?a=b' }),
    })
    assert.equal((await metadata()).tokenEndpoint, 'https://tokens.example/t?a=b')
  })

  const passedOver = [
    ['404', ABSENT],
    ['a page', { body: '<html>our app</html>' }],
    ['a redirect', { status: 302, headers: { location: 'https://elsewhere.example/' } }],
    [
      'the document of another issuer',
      { body: { issuer: 'https://other.example', token_endpoint: 'https://x' } },
    ],
    ['503', { status: 503 }],
  ] as const
  for (const [name, answer] of passedOver) {
    it(`finds the metadata of OpenID Connect where the other address answers with ${name}`, async (t) => {
      const { metadata, issuer, paths } = await serverOf(t, { [RFC8414]: answer, [OPENID]: good() })
      assert.equal((await metadata()).tokenEndpoint, `${issuer}/token`)
      assert.deepEqual(paths(), [RFC8414, OPENID])
    })
  }

  it('asks once for all callers', async (t) => {
    const { metadata, paths } = await serverOf(t, { [RFC8414]: good() })
    await Promise.all(Array.from({ length: 100 }, () => metadata()))
    await metadata()
    assert.equal(paths().length, 1)
  })

  const lives = [
    ['nothing said', undefined, DAY_MS],
    ['max-age=3600', 'max-age=3600', 3_600_000],
    ['public, max-age=3600', 'public, max-age=3600', 3_600_000],
    ['s-maxage alone', 's-maxage=3600', DAY_MS],
    ['max-age=0', 'max-age=0', 60_000],
    ['no-store', 'no-store, max-age=3600', 60_000],
    ['a year', 'max-age=31536000', DAY_MS],
    ['what is no number', 'max-age=soon', DAY_MS],
  ] as const
  for (const [name, header, lifeMs] of lives) {
    it(`keeps the document for ${lifeMs / 1000} s with ${name}`, async (t) => {
      const headers: Record<string, string> = header === undefined ? {} : { 'cache-control': header }
      const { metadata, clock, paths } = await serverOf(t, { [RFC8414]: good({}, headers) })
      await metadata()
      clock.pass(lifeMs - 1)
      await metadata()
      assert.equal(paths().length, 1)
      clock.pass(1)
      await metadata()
      assert.equal(paths().length, 2)
    })
  }

  it('goes on with the last good document through an outage, and looks again after a minute', async (t) => {
    const down: Answer = { status: 503 }
    const { metadata, clock, issuer, paths } = await serverOf(t, {
      [RFC8414]: (own: string, number: number) => (number === 1 ? good()(own) : down),
      [OPENID]: down,
    })
    await metadata()
    clock.pass(DAY_MS)
    assert.equal((await metadata()).tokenEndpoint, `${issuer}/token`)
    clock.pass(59_999)
    await metadata()
    assert.equal(paths().length, 3)
    clock.pass(1)
    await metadata()
    assert.equal(paths().length, 5)
  })

  it('does not go on when the server says that it is another', async (t) => {
    const { metadata, clock } = await serverOf(t, {
      [RFC8414]: (own: string, number: number) => good()(number === 1 ? own : 'https://other.example'),
    })
    await metadata()
    clock.pass(DAY_MS)
    for (const _ of [1, 2]) assert.equal((await refusalOf(metadata)).code, 'issuer_mismatch')
  })

  it('asks again after a failure', async (t) => {
    const { metadata, issuer } = await serverOf(t, {
      [RFC8414]: (own: string, number: number) => (number === 1 ? ABSENT : good()(own)),
    })
    assert.equal((await refusalOf(metadata)).code, 'metadata_absent')
    assert.equal((await metadata()).issuer, issuer)
  })
})

describe('discovery refuses', () => {
  const MISMATCH =
    'Trust it only if that is the server you mean; then set the issuer to the text it states, letter by letter'
  const MALFORMED = 'Check that no proxy or web page answers in the place of the authorization server'
  const ISSUER =
    'Check the issuer, which is the "issuer" of the metadata and neither the token endpoint nor the host alone'
  const WAIT = 'Wait and try again: the server may be starting or overloaded'

  const issuers = [
    ['somebody else', 'https://other.example', "'https://other.example'"],
    ['the same host over http', 'http://localhost/realms/x', "'http://localhost/realms/x'"],
    ['another tenant’s template', 'https://localhost/{tenantid}', "'https://localhost/{tenantid}'"],
    ['nobody', undefined, 'no text'],
    ['a list', ['https://other.example'], 'no text'],
    ['a text with a password and line ends', 'https://me:word@x\r\n', "'https://…@x??'"],
    ['a very long text', `https://${'x'.repeat(5000)}`, `'https://${'x'.repeat(192)}'`],
  ] as const
  for (const [name, stated, quoted] of issuers) {
    it(`the metadata of ${name}`, async (t) => {
      const { metadata, issuer, origin } = await serverOf(t, { [RFC8414]: good({ issuer: stated }) })
      const { name: is, code, message, hint } = await refusalOf(metadata)
      assert.deepEqual(
        { is, code, message, hint },
        {
          is: 'ProtocolError',
          code: 'issuer_mismatch',
          message: `Cannot find the token endpoint of '${issuer}', as metadata that state this issuer are needed: ${origin}${RFC8414}: "issuer" is ${quoted}; ${origin}${OPENID}: status 404`,
          hint: MISMATCH,
        },
      )
    })
  }

  const table: readonly (readonly [string, Script, string, string, string, string])[] = [
    ['404 at both addresses', {}, 'ConfigurationError', 'metadata_absent', 'status 404', ISSUER],
    [
      'a redirect, which is not followed',
      { [RFC8414]: { status: 301, headers: { location: '/realms/x/.well-known/x' } } },
      'ConfigurationError',
      'metadata_absent',
      'status 301',
      ISSUER,
    ],
    [
      'a page',
      { [RFC8414]: { body: '<html></html>' } },
      'ProtocolError',
      'metadata_malformed',
      'no JSON object',
      MALFORMED,
    ],
    [
      'a list',
      { [RFC8414]: { body: '[]' } },
      'ProtocolError',
      'metadata_malformed',
      'no JSON object',
      MALFORMED,
    ],
    [
      'nothing',
      { [RFC8414]: { body: '' } },
      'ProtocolError',
      'metadata_malformed',
      'no JSON object',
      MALFORMED,
    ],
    ['429', { [RFC8414]: { status: 429 } }, 'UnavailableError', 'metadata_unavailable', 'status 429', WAIT],
    ['500', { [RFC8414]: { status: 500 } }, 'UnavailableError', 'metadata_unavailable', 'status 500', WAIT],
  ]
  for (const [name, script, is, code, says, hint] of table) {
    it(name, async (t) => {
      const { metadata, issuer, origin, received } = await serverOf(t, script)
      const error = await refusalOf(metadata)
      assert.deepEqual([error.name, error.code, error.hint], [is, code, hint])
      assert.equal(
        error.message,
        `Cannot find the token endpoint of '${issuer}', as metadata that state this issuer are needed: ${origin}${RFC8414}: ${says}; ${origin}${OPENID}: status 404`,
      )
      assert.equal(received.length, 2)
    })
  }

  const endpoints = [
    undefined,
    null,
    7,
    '',
    '/token',
    'http://id.example/token',
    'https://',
    'https://me:word@id.example/token',
    'https://id.example/token#a',
    'https://id.example/to ken',
    'javascript:alert(1)',
  ]
  for (const endpoint of endpoints) {
    it(`the token endpoint ${JSON.stringify(endpoint)}`, async (t) => {
      const { metadata } = await serverOf(t, { [RFC8414]: good({ token_endpoint: endpoint }) })
      const { code, message } = await refusalOf(metadata)
      assert.equal(code, 'metadata_malformed')
      assert.ok(!message.includes('word'))
    })
  }

  it('a document of more than 1 MiB, and waits as long as a busy server asks', async (t) => {
    const { metadata } = await serverOf(t, { [RFC8414]: { body: 'x'.repeat(1024 * 1024 + 1) } })
    assert.equal((await refusalOf(metadata)).code, 'authority_unreachable')
    const busy: Answer = { status: 503, headers: { 'retry-after': '7' } }
    const other = await serverOf(t, {
      [RFC8414]: busy,
      [OPENID]: { status: 503, headers: { 'retry-after': '9' } },
    })
    await assert.rejects(other.metadata(), { name: 'UnavailableError', retryAfterMs: 9000 })
  })

  it('a server that never answers, after the time limit', async (t) => {
    const clock = manualClock()
    const server = await scriptedServer(t, () => () => clock.pass(50))
    const get = documentGetter({ ca: server.ca, clock, timeoutMs: 50 })
    await assert.rejects(discovery({ issuer: server.origin, clock, get })(), {
      name: 'UnavailableError',
      code: 'authority_unreachable',
      message: `Cannot get a token, as the authority ${server.origin} must be reachable: no answer within 50 ms`,
    })
  })
})
