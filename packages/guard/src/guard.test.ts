import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'
import type { Principal } from './claims.ts'
import { createGuard, type Guard, type GuardOptions } from './guard.ts'
import { entra } from './issuers.ts'
import type { VerificationKey } from './keys/source.ts'
import {
  AUDIENCE,
  CLIENT,
  GOOD,
  keySource,
  newRsaKeys,
  NOW_SECONDS,
  PRINCIPAL,
  refusal,
  ROLE,
  TENANT,
  trusting,
} from './test-support.ts'

const { publicKey, privateKey } = newRsaKeys()
const options: GuardOptions = {
  audience: [AUDIENCE],
  issuers: trusting(keySource({ 'key-1': publicKey })),
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
    await assert.rejects(guard.admit(await bearer(expired), []), { code: 'token_expired' })
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
      code: 'token_expired',
    })
    await assert.rejects(createGuard({ ...options, skewSeconds: 0 }).admit(await bearer({ exp }), [ROLE]), {
      code: 'token_expired',
    })
  })

  it("reads the machine's clock unless told otherwise", async () => {
    const guard = createGuard({ ...options, now: undefined })
    const seconds = Math.floor(Date.now() / 1000)
    const valid = { iat: seconds, nbf: seconds - 300, exp: seconds + 3600 }
    assert.equal((await guard.admit(await bearer(valid), [ROLE])).appId, CLIENT)
    const past = { iat: seconds - 7200, nbf: seconds - 7200, exp: seconds - 3600 }
    await assert.rejects(guard.admit(await bearer(past), [ROLE]), { code: 'token_expired' })
  })
})

/** Lets a token in as often as it takes to be remembered. */
async function twice(guard: Guard, header: string) {
  await guard.admit(header, [ROLE])
  return guard.admit(header, [ROLE])
}

/** A guard whose clock and keys a test can change, and how often its keys were asked for by a new token. */
function changeable(extra: Partial<GuardOptions> = {}) {
  const state: { nowMs: number; key: VerificationKey | undefined; slow: boolean } = {
    nowMs: NOW_SECONDS * 1000,
    key: { key: publicKey },
    slow: false,
  }
  const find = () => (state.slow ? Promise.resolve(state.key) : state.key)
  const guard = createGuard({ ...options, issuers: trusting({ find }), now: () => state.nowMs, ...extra })
  return { guard, state }
}

describe('a guard that remembers', () => {
  it('keeps a token that was let in twice, and no other', async () => {
    const { guard } = changeable()
    const [header, other] = [await bearer(), await bearer({ uti: 'token-2' })]
    const first = await guard.admit(header, [ROLE])
    // A token that is used once is not worth keeping.
    const second = await guard.admit(header, [ROLE])
    assert.notEqual(second, first)
    assert.equal(await guard.admit(header, [ROLE]), second)
    assert.equal(guard.judge(header.replace('Bearer', 'bearer '), [ROLE]), second)
    assert.notEqual(guard.judge(other, [ROLE]), second)
    for (const unknown of [undefined, '', 'Bearer ', `${header}A`, header.slice(0, -1), header.slice(7)])
      assert.throws(() => guard.judge(unknown, [ROLE]), { status: 401 })
  })

  it('takes no token for one whose signature it has', async () => {
    const { guard } = changeable()
    const [header, other] = [await bearer(), await bearer({ roles: [ROLE, 'Admin'] })]
    await twice(guard, header)
    const mixed = [...other.split('.').slice(0, 2), header.split('.')[2]].join('.')
    for (let time = 0; time < 3; time++)
      assert.throws(() => guard.judge(mixed, ['Admin']), { code: 'signature_invalid' })
  })

  it('asks for the permission each time, and remembers who had none', async () => {
    const { guard } = changeable()
    const header = await bearer()
    const reason = `application ${CLIENT} holds Orders.Read.All, Orders.Write.All, and one of Other is needed`
    for (let time = 0; time < 2; time++)
      await assert.rejects(guard.admit(header, ['Other']), refusal('role_missing', reason))
    const principal = guard.judge(header, [ROLE])
    assert.throws(() => guard.judge(header, ['Other']), refusal('role_missing', reason))
    assert.equal(guard.judge(header, [ROLE]), principal)
  })

  it('forgets a token at its end, and before its beginning if the clock is set back', async () => {
    for (const [atSeconds, code] of [
      [NOW_SECONDS + 3600 + 300, 'token_expired'],
      [NOW_SECONDS - 601, 'token_too_early'],
    ] as const) {
      const { guard, state } = changeable()
      const header = await bearer()
      await twice(guard, header)
      state.nowMs = atSeconds * 1000
      assert.throws(() => guard.judge(header, [ROLE]), { code })
      await assert.rejects(guard.admit(header, [ROLE]), { code })
    }
  })

  it('forgets a token whose key is withdrawn or exchanged, and asks again where the source takes time', async () => {
    const { guard, state } = changeable()
    const header = await bearer()
    for (const [key, code] of [
      [undefined, 'key_unknown'],
      [{ key: newRsaKeys().publicKey }, 'signature_invalid'],
    ] as const) {
      state.key = { key: publicKey }
      await twice(guard, header)
      state.key = key
      assert.throws(() => guard.judge(header, [ROLE]), { code })
      await assert.rejects(guard.admit(header, [ROLE]), { code })
    }
    state.key = { key: publicKey }
    await twice(guard, header)
    state.slow = true
    const judged = guard.judge(header, [ROLE])
    assert.ok(judged instanceof Promise)
    assert.equal((await judged).appId, CLIENT)
    state.key = undefined
    await assert.rejects(guard.admit(header, [ROLE]), { code: 'key_unknown' })
  })

  it('keeps its bound, and remembers nothing where it is told so', async () => {
    const { guard } = changeable({ rememberTokens: 4 })
    const headers = await Promise.all(
      Array.from({ length: 9 }, (_, index) => bearer({ uti: `token-${index}` })),
    )
    const principals: Principal[] = []
    for (const header of headers) principals.push(await twice(guard, header))
    // From the last to the first: what is asked for again is kept again.
    const isKept = (index: number) => guard.judge(headers[index], [ROLE]) === principals[index]
    assert.deepEqual([8, 7, 6].map(isKept), [true, true, true])
    assert.deepEqual([0, 1, 2, 3].map(isKept), [false, false, false, false])
    const forgetful = changeable({ rememberTokens: 0 }).guard
    const second = await twice(forgetful, headers[0] ?? '')
    assert.notEqual(forgetful.judge(headers[0], [ROLE]), second)
  })
})

describe('Guard.revoke', () => {
  const issuedMs = (NOW_SECONDS - 300) * 1000
  const reason = `tokens of ${PRINCIPAL} in ${TENANT} that were issued before ${issuedMs + 1} ms are revoked`
  const everything = [
    ['a service principal', { objectId: PRINCIPAL }],
    ['a tenant', {}],
    ['one token', { tokenId: 'token-1' }],
  ] as const
  for (const [name, what] of everything) {
    it(`ends the tokens of ${name}, remembered or not`, async () => {
      const { guard } = changeable()
      const [seen, unseen] = [await bearer(), await bearer({ jti: 'another' })]
      await twice(guard, seen)
      guard.revoke({ tenantId: TENANT, ...what, issuedBeforeMs: issuedMs + 1 })
      assert.throws(() => guard.judge(seen, [ROLE]), refusal('token_revoked', reason))
      await assert.rejects(guard.admit(seen, [ROLE]), refusal('token_revoked', reason))
      await assert.rejects(guard.admit(unseen, [ROLE]), refusal('token_revoked', reason))
      const newer = await bearer({ iat: NOW_SECONDS, uti: 'token-2' })
      assert.equal((await guard.admit(newer, [ROLE])).appId, CLIENT)
    })
  }

  it('leaves alone what it does not name', async () => {
    const { guard } = changeable()
    const header = await bearer()
    const principal = await twice(guard, header)
    guard.revoke({ tenantId: 'another', issuedBeforeMs: issuedMs + 1 })
    guard.revoke({ tenantId: TENANT, objectId: CLIENT, issuedBeforeMs: issuedMs + 1 })
    guard.revoke({ tenantId: TENANT, tokenId: 'token-2', issuedBeforeMs: issuedMs + 1 })
    guard.revoke({ tenantId: TENANT, objectId: PRINCIPAL, issuedBeforeMs: issuedMs })
    assert.equal(guard.judge(header, [ROLE]), principal)
  })

  it('asks for a newer token who said that it understands, in whatever case, and nobody else', async () => {
    const seconds = String(NOW_SECONDS - 299)
    const claims = `{"access_token":{"nbf":{"essential":true,"value":"${seconds}"}}}`
    for (const capabilities of [['cp1'], ['CP1'], ['other', 'Cp1']]) {
      const { guard } = changeable()
      guard.revoke({ tenantId: TENANT, issuedBeforeMs: issuedMs + 1 })
      const header = await bearer({ xms_cc: capabilities })
      await assert.rejects(guard.admit(header, [ROLE]), refusal('claims_challenge', reason, claims))
      // What it asks for is let in.
      const next = await bearer({ xms_cc: capabilities, iat: Number(seconds) })
      assert.equal((await guard.admit(next, [ROLE])).appId, CLIENT)
    }
    for (const capabilities of ['cp1', ['cp2'], [], [1], { 0: 'cp1' }, null]) {
      const { guard } = changeable()
      guard.revoke({ tenantId: TENANT, issuedBeforeMs: issuedMs + 1 })
      await assert.rejects(guard.admit(await bearer({ xms_cc: capabilities }), [ROLE]), {
        code: 'token_revoked',
      })
    }
  })

  it('needs a time', () => {
    assert.throws(
      () => changeable().guard.revoke({ tenantId: TENANT, issuedBeforeMs: Number.NaN }),
      new TypeError('Cannot revoke, as a time in milliseconds is needed: found NaN'),
    )
  })
})

describe('createGuard', () => {
  const wrong = [
    [{ audience: [] }, 'the length of audience must be at least 1: found 0'],
    [{ issuers: [] }, 'the length of issuers must be at least 1: found 0'],
    [{ skewSeconds: 601 }, 'skewSeconds must be 0 to 600: found 601'],
    [{ skewSeconds: -1 }, 'skewSeconds must be 0 to 600: found -1'],
    [{ skewSeconds: Number.NaN }, 'skewSeconds must be 0 to 600: found NaN'],
    [{ rememberTokens: 1_000_001 }, 'rememberTokens must be 0 to 1000000: found 1000001'],
  ] as const
  for (const [change, message] of wrong) {
    it(`refuses ${Object.entries(change)
      .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
      .join()}`, () => {
      assert.throws(
        () => createGuard({ ...options, ...change }),
        new TypeError(`Cannot make a guard, as ${message}`),
      )
    })
  }

  it('trusts tenants by their ids alone', () => {
    const hint = "name each by its id, or say 'any tenant'"
    for (const tenant of ['contoso.example', TENANT.toUpperCase(), 'common', ''])
      assert.throws(
        () => entra({ tenants: [tenant] }),
        new TypeError(`Cannot trust tenant '${tenant}', as a GUID in lower case is needed: ${hint}`),
      )
    assert.throws(
      () => entra({ tenants: [] }),
      new TypeError(`Cannot trust 0 tenants, as 1 to 10000 are needed: ${hint}`),
    )
  })
})
