import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import { KeysUnavailableError } from './errors.ts'
import { FetchedKeys, FIRST_PAUSE_MS, PAUSE_MS, REFRESH_MS, STALE_LIMIT_MS } from './fetched-keys.ts'
import { manualClock, scriptedServer } from './server-test-support.ts'

const ISSUER = 'https://as.example'
const METADATA = `${ISSUER}/.well-known/openid-configuration`
const KEYS = `${ISSUER}/keys`

/** An issuer as the guard sees it: documents by address, that a test can change, and a clock. */
function scene(metadataUrls: readonly string[] = [METADATA]) {
  const time = manualClock()
  const made = new Map<string, KeyObject>()
  const state = { kids: ['a'], down: false, slow: undefined as Promise<void> | undefined }
  const asked: string[] = []
  const jwk = (kid: string) => {
    const key = made.get(kid) ?? generateKeyPairSync('ed25519').publicKey
    made.set(kid, key)
    return { ...key.export({ format: 'jwk' }), kid }
  }
  const documents = new Map<string, () => object | string>([
    [METADATA, () => ({ issuer: ISSUER, jwks_uri: KEYS })],
    [KEYS, () => ({ keys: state.kids.map(jwk) })],
  ])
  const get = async (url: string) => {
    asked.push(url.slice(ISSUER.length))
    await state.slow
    const document = documents.get(url)
    if (state.down || !document) throw new Error(state.down ? 'connection refused' : 'status 404')
    return JSON.stringify(document())
  }
  const keys = new FetchedKeys({
    issuer: ISSUER,
    keyHosts: ['as.example'],
    metadataUrls,
    get,
    clock: time.clock,
  })
  const kidsFound = async (...kids: string[]) =>
    (await Promise.all(kids.map(async (kid) => ((await keys.find(kid)) ? kid : '')))).join('')
  return { ...time, state, asked, documents, keys, kidsFound }
}

const META = '/.well-known/openid-configuration'

const failing = (found: string, facts: object = {}) => ({
  name: 'KeysUnavailableError',
  code: 'keys_unavailable',
  status: 503,
  retryAfterMs: FIRST_PAUSE_MS,
  hint: "Check the issuer, its host, and this machine's way to it; the guard asks again by itself",
  message: `Cannot judge a token, as the signing keys of its issuer are needed: asked for '${ISSUER}', found ${found}`,
  ...facts,
})

describe('FetchedKeys', () => {
  it('asks at the first question, once for all who come meanwhile, and then answers at once', async () => {
    const { asked, kidsFound, keys } = scene()
    assert.deepEqual(asked, [])
    assert.equal(await kidsFound('a', 'a', 'b', 'a'), 'aaa')
    assert.deepEqual(asked, [META, '/keys'])
    assert.ok(!(keys.find('a') instanceof Promise))
    assert.equal(asked.length, 2)
  })

  it('asks once for a flood of made-up ids, and not again before the pause is over', async () => {
    const { asked, kidsFound, pass } = scene()
    await kidsFound('a')
    asked.length = 0
    const flood = Array.from({ length: 1000 }, (_, index) => `made-up-${index}`)
    assert.equal(await kidsFound(...flood), '')
    assert.deepEqual(asked, [])
    pass(PAUSE_MS - 1)
    assert.equal(await kidsFound(...flood, 'a'), 'a')
    assert.deepEqual(asked, [])
    pass(1)
    assert.equal(await kidsFound(...flood, 'a'), 'a')
    assert.deepEqual(asked, ['/keys'])
    assert.equal(await kidsFound(...flood), '')
    assert.deepEqual(asked, ['/keys'])
  })

  it('finds a new key as soon as a token names it', async () => {
    const { state, kidsFound, pass } = scene()
    await kidsFound('a')
    state.kids = ['b', 'a']
    pass(PAUSE_MS)
    assert.equal(await kidsFound('b', 'a'), 'ba')
  })

  it('lets go of a key that is no longer published', async () => {
    const { state, kidsFound, pass } = scene()
    await kidsFound('a')
    state.kids = ['b']
    pass(PAUSE_MS)
    assert.equal(await kidsFound('b'), 'b')
    assert.equal(await kidsFound('a'), '')
  })

  it('asks again after a day, and lets nobody wait for it', async () => {
    const { asked, kidsFound, keys, pass, state } = scene()
    await kidsFound('a')
    pass(REFRESH_MS - 1)
    assert.ok(!(keys.find('a') instanceof Promise))
    assert.equal(asked.length, 2)
    pass(1)
    state.kids = ['a', 'b']
    assert.ok(!(keys.find('a') instanceof Promise))
    assert.equal(await kidsFound('b'), 'b')
    assert.deepEqual(asked, [META, '/keys', META, '/keys'])
  })

  it('keeps the last good keys through an outage, up to the limit, and asks once in a pause', async () => {
    const { asked, kidsFound, keys, pass, state } = scene()
    await kidsFound('a')
    state.down = true
    pass(REFRESH_MS)
    assert.equal(await kidsFound('a', 'a'), 'aa')
    // Of a key that nobody knows, nobody can say that it is not the issuer's.
    const found = `${METADATA}: connection refused`
    await assert.rejects(async () => keys.find('b'), failing(found, { retryAfterMs: PAUSE_MS }))
    assert.equal(asked.length, 3)
    assert.equal(await kidsFound('a'), 'a')
    await assert.rejects(async () => keys.find('b'), failing(found, { retryAfterMs: PAUSE_MS }))
    assert.equal(asked.length, 3)
    pass(STALE_LIMIT_MS - REFRESH_MS - 1)
    assert.equal(await kidsFound('a'), 'a')
    pass(1)
    await assert.rejects(async () => keys.find('a'), failing(found, { retryAfterMs: PAUSE_MS }))
    state.down = false
    pass(PAUSE_MS)
    assert.equal(await kidsFound('a', 'b'), 'a')
  })

  it('says what it found where there are no keys at all, and asks again after a short pause', async () => {
    const { asked, kidsFound, keys, pass, state } = scene()
    state.down = true
    const failure = failing(`${METADATA}: connection refused`)
    await assert.rejects(async () => keys.find('a'), failure)
    pass(FIRST_PAUSE_MS - 1)
    await assert.rejects(async () => keys.find('a'), failure)
    assert.deepEqual(asked, [META])
    state.down = false
    pass(1)
    assert.equal(await kidsFound('a'), 'a')
  })

  it('takes no keys by metadata of somebody else, and none from a foreign host', async () => {
    const wrong = [
      [
        { issuer: 'https://evil.example', jwks_uri: KEYS },
        `the metadata is of issuer 'https://evil.example', and not of '${ISSUER}'`,
      ],
      [
        { issuer: ISSUER, jwks_uri: 'https://evil.example/k' },
        `"jwks_uri" leads to host 'evil.example', and not to as.example`,
      ],
    ] as const
    for (const [document, found] of wrong) {
      const { documents, keys, asked } = scene()
      documents.set(METADATA, () => document)
      await assert.rejects(async () => keys.find('a'), failing(`${METADATA}: ${found}`))
      assert.deepEqual(asked, [META])
    }
  })

  it('keeps the good keys where a broken document comes', async () => {
    const { documents, kidsFound, pass, keys } = scene()
    await kidsFound('a')
    documents.set(KEYS, () => ({ keys: [] }))
    pass(PAUSE_MS)
    await assert.rejects(
      async () => keys.find('b'),
      failing('the keys document has no key that can be used', { retryAfterMs: PAUSE_MS }),
    )
    assert.equal(await kidsFound('a'), 'a')
  })

  it('tries each place where metadata may be, and names them all if none has it', async () => {
    const first = `${ISSUER}/.well-known/oauth-authorization-server`
    const { documents, kidsFound, asked } = scene([first, METADATA])
    assert.equal(await kidsFound('a'), 'a')
    assert.deepEqual(asked, ['/.well-known/oauth-authorization-server', META, '/keys'])
    const other = scene([first, METADATA])
    other.documents.delete(METADATA)
    await assert.rejects(
      async () => other.keys.find('a'),
      failing(`${first}: status 404; ${METADATA}: status 404`),
    )
    assert.equal(documents.size, 2)
  })

  it('finds the keys where they went to', async () => {
    const { documents, kidsFound, pass, asked, keys } = scene()
    await kidsFound('a')
    documents.set(`${ISSUER}/moved`, documents.get(KEYS) ?? assert.fail('no keys'))
    documents.delete(KEYS)
    documents.set(METADATA, () => ({ issuer: ISSUER, jwks_uri: `${ISSUER}/moved` }))
    pass(PAUSE_MS)
    await assert.rejects(
      async () => keys.find('b'),
      failing(`${KEYS}: status 404`, { retryAfterMs: PAUSE_MS }),
    )
    pass(PAUSE_MS)
    assert.equal(await kidsFound('b', 'a'), 'a')
    assert.deepEqual(asked.slice(2), ['/keys', META, '/moved'])
  })

  it('asks again when the clock is set back', async () => {
    const { kidsFound, pass, state } = scene()
    await kidsFound('a')
    state.kids = ['b']
    pass(-10 * REFRESH_MS)
    assert.equal(await kidsFound('b'), 'b')
  })

  it('says that a server is not trusted, over real TLS', async (t) => {
    const { origin, asked } = await scriptedServer(t, () => '{}')
    const host = new URL(origin).host
    const metadataUrls = [`${origin}/first`, `${origin}/second`]
    const keys = new FetchedKeys({ issuer: origin, keyHosts: [host], metadataUrls })
    await assert.rejects(
      async () => keys.find('a'),
      (error) => {
        assert.ok(error instanceof KeysUnavailableError)
        assert.equal(error.code, 'keys_untrusted')
        assert.equal(
          error.hint,
          "Check that this is the issuer's host, and trust its certificate authority by the option `ca`",
        )
        assert.ok(
          error.message.includes(`asked for '${origin}', found ${origin}/first: self-signed certificate`),
        )
        return true
      },
    )
    assert.deepEqual(asked, [])
  })
})
