// Tokens are verified across changes of the signing key, by jose with the keys document that it fetches itself over TLS.
import assert from 'node:assert/strict'
import { get } from 'node:https'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { openDatabase } from '../store/database.ts'
import { type App, makeKey, World } from '../test-support.ts'
import { parseSealingKey } from './sealing.ts'
import { SigningKeys } from './signing-keys.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

let world: World
let app: App
before(async () => {
  world = await World.start()
  app = await world.register(await makeKey(world.clock.ms))
})
after(() => world.remove())

/** What an API keeps of the keys document; asks again at once if it meets an unknown key. */
function remoteKeys(): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(`${world.platform.origin}/common/discovery/keys`), {
    cooldownDuration: 0,
    [customFetch]: (url) =>
      new Promise((resolve, reject) => {
        get(url, { ca: world.platform.ca, agent: false }, (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('end', () => resolve(new Response(Buffer.concat(chunks), { status: 200 })))
        }).on('error', reject)
      }),
  })
}

const verify = (token: string, keys: JWTVerifyGetKey) =>
  jwtVerify(token, keys, {
    audience: 'https://graph.microsoft.com',
    issuer: `https://sts.windows.net/${world.tenantId}/`,
    currentDate: new Date(world.clock.ms),
  })

const published = async () => {
  const { body } = await world.send('/common/discovery/keys')
  return (body['keys'] as { readonly kid: string }[]).map(({ kid }) => kid)
}

describe('a change of the signing key by command', () => {
  it('is met by every verifier: new tokens by the new key, old ones by the old until they have ended', async () => {
    const keys = remoteKeys()
    const [old = ''] = await published()
    const before = await world.token(app)
    assert.equal((await verify(before, keys)).protectedHeader.kid, old)

    world.clock.ms += 1000
    const made = await world.platform.rotateSigningKey()
    assert.notEqual(made, old)
    assert.deepEqual(await published(), [made, old])
    const later = await world.token(app)
    for (const known of [keys, remoteKeys()]) {
      assert.equal((await verify(before, known)).protectedHeader.kid, old)
      assert.equal((await verify(later, known)).protectedHeader.kid, made)
    }
    // The directory checks tokens by the same keys.
    assert.equal((await world.graph('GET', '/users', undefined, before)).status, 403)

    world.clock.ms += DAY_MS + HOUR_MS
    assert.deepEqual(await published(), [made, old])
    world.clock.ms += 1
    assert.deepEqual(await published(), [made])
    assert.equal((await world.graph('GET', '/users', undefined, before)).status, 401)
    await assert.rejects(verify(before, remoteKeys()), errors.JWKSNoMatchingKey)
  })
})

describe('the schedule of signing keys', () => {
  /** Opens the keys of a data folder by a clock of their own, as a platform does at its start. */
  async function opened() {
    const other = await World.start()
    const sealing = await readFile(join(other.folder, 'keys', 'signing-key-encryption.key'), 'utf8')
    await other.stop()
    const db = await openDatabase(other.folder)
    const clock = { ms: other.clock.ms }
    const keys = await SigningKeys.load(db, parseSealingKey(sealing, 'test'), () => clock.ms)
    const kids = () => (keys.jwks(undefined) as readonly { readonly kid: string }[]).map(({ kid }) => kid)
    return { other, db, clock, keys, kids, sealing }
  }

  it('publishes a key a day before it signs, after 90 days, and withdraws the old one when its tokens have ended', async () => {
    const { other, db, clock, keys, kids } = await opened()
    const startMs = clock.ms
    const [first] = kids()
    const at = async (ms: number) => {
      clock.ms = startMs + ms
      await keys.keepSchedule()
      return { signs: keys.current.kid, published: kids() }
    }
    assert.deepEqual(await at(89 * DAY_MS - 1), { signs: first, published: [first] })
    const ahead = await at(89 * DAY_MS)
    const [second] = ahead.published
    assert.deepEqual(ahead, { signs: first, published: [second, first] })
    assert.notEqual(second, first)
    assert.deepEqual(await at(90 * DAY_MS - 1), ahead)
    assert.deepEqual(await at(90 * DAY_MS), { signs: second, published: [second, first] })
    assert.deepEqual(await at(91 * DAY_MS + HOUR_MS), { signs: second, published: [second, first] })
    assert.deepEqual(await at(91 * DAY_MS + HOUR_MS + 1), { signs: second, published: [second] })
    assert.deepEqual(
      (await db.selectFrom('signing_key').select('kid').execute()).map(({ kid }) => kid),
      [second],
    )
    await db.destroy()
    await other.remove().catch(() => {})
  })

  it('gives verifiers their day even if the platform was off when the change was due', async () => {
    const { other, db, clock, keys, kids } = await opened()
    const [first] = kids()
    clock.ms += 200 * DAY_MS
    await keys.keepSchedule()
    assert.deepEqual([kids().length, keys.current.kid], [2, first])
    clock.ms += DAY_MS
    assert.equal(keys.current.kid, kids()[0])
    // A clock that is set back signs by the key that there was.
    clock.ms -= 300 * DAY_MS
    assert.equal(keys.current.kid, first)
    await db.destroy()
    await other.remove().catch(() => {})
  })

  it('is taken over from another process by reading anew, and every private part is sealed', async () => {
    const { other, db, clock, keys, kids, sealing } = await opened()
    const second = await SigningKeys.load(db, parseSealingKey(sealing, 'test'), () => clock.ms)
    clock.ms += 1
    const made = await second.rotate()
    assert.notEqual(keys.current.kid, made)
    await keys.reload()
    assert.equal(keys.current.kid, made)
    assert.equal(kids().length, 2)
    for (const row of await db.selectFrom('signing_key').selectAll().execute())
      assert.doesNotMatch(Buffer.from(row.sealed_private_key, 'base64').toString('latin1'), /PRIVATE KEY/)
    await db.destroy()
    await other.remove().catch(() => {})
  })
})
