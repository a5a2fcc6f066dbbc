import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'
import { createGuard, type GuardOptions } from './guard.ts'
import { CLIENT, EXPECTED, GOOD, keySource, newRsaKeys, NOW_SECONDS, refusal, ROLE } from './test-support.ts'

const { publicKey, privateKey } = newRsaKeys()
const { skewSeconds: _, ...expected } = EXPECTED
const options: GuardOptions = {
  ...expected,
  keys: keySource({ 'key-1': publicKey }),
  now: () => NOW_SECONDS * 1000,
}

const bearer = async (changes: JWTPayload = {}, header: object = {}) => {
  const jwt = new SignJWT({ ...GOOD['2.0'], ...changes })
  return `Bearer ${await jwt.setProtectedHeader({ alg: 'RS256', kid: 'key-1', ...header }).sign(privateKey)}`
}

describe('Guard.admit', () => {
  it('goes from the header to the principal', async () => {
    const principal = await createGuard(options).admit(await bearer(), [ROLE])
    assert.equal(principal.appId, CLIENT)
    assert.deepEqual(principal.claims, GOOD['2.0'])
  })

  it('takes tokens of both versions', async () => {
    const token = await new SignJWT({ ...GOOD['1.0'] })
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
      .sign(privateKey)
    assert.equal((await createGuard(options).admit(`Bearer ${token}`, [ROLE])).appId, CLIENT)
  })

  it('looks at header, token, claims and roles in this order', async () => {
    const guard = createGuard(options)
    const expired = { exp: 0, roles: ['Other'] }
    await assert.rejects(guard.admit(undefined, []), { code: 'token_missing' })
    await assert.rejects(guard.admit('Basic YTpi', []), { code: 'token_malformed' })
    await assert.rejects(guard.admit(await bearer(expired, { kid: 'key-2' }), []), { code: 'key_unknown' })
    await assert.rejects(guard.admit(await bearer(expired), []), { code: 'lifetime_invalid' })
    await assert.rejects(guard.admit(await bearer({ roles: ['Other'] }), [ROLE]), { code: 'role_missing' })
  })

  it('lets in nobody without a role, unless any application may come', async () => {
    const guard = createGuard(options)
    const roleless = await bearer({ roles: [] })
    const reason = `application ${CLIENT} holds no role, and one of ${ROLE} is needed`
    await assert.rejects(guard.admit(roleless, [ROLE]), refusal('role_missing', reason))
    assert.equal((await guard.admit(roleless, 'any application')).appId, CLIENT)
  })

  it('lets in nobody where no role is named', async () => {
    await assert.rejects(createGuard(options).admit(await bearer(), []), { code: 'role_missing' })
  })

  it('allows five minutes between the clocks unless told otherwise', async () => {
    const exp = NOW_SECONDS - 299
    assert.equal((await createGuard(options).admit(await bearer({ exp }), [ROLE])).appId, CLIENT)
    await assert.rejects(createGuard(options).admit(await bearer({ exp: exp - 1 }), [ROLE]), {
      code: 'lifetime_invalid',
    })
    await assert.rejects(createGuard({ ...options, skewSeconds: 0 }).admit(await bearer({ exp }), [ROLE]), {
      code: 'lifetime_invalid',
    })
  })

  it("reads the machine's clock unless told otherwise", async () => {
    const guard = createGuard({ ...options, now: undefined })
    const seconds = Math.floor(Date.now() / 1000)
    const valid = { nbf: seconds - 300, exp: seconds + 3600 }
    assert.equal((await guard.admit(await bearer(valid), [ROLE])).appId, CLIENT)
    const past = { nbf: seconds - 7200, exp: seconds - 3600 }
    await assert.rejects(guard.admit(await bearer(past), [ROLE]), { code: 'lifetime_invalid' })
  })
})
