import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'
import type { KeySource } from './keys/source.ts'
import {
  AS,
  encode,
  GOOD,
  GOOD_AT,
  KID,
  keySource,
  newRsaKeys,
  refusal,
  TENANT,
  trusting,
} from './test-support.ts'
import { tokenVerifier } from './token.ts'
import { originFinder } from './trust.ts'

const CLAIMS: JWTPayload = GOOD['2.0']
const { publicKey, privateKey } = newRsaKeys()
const keys = keySource({ [KID]: publicKey })

const verified = async (token: string, source: KeySource = keys) =>
  tokenVerifier(originFinder(trusting(source)))(token)
const verifiedClaims = async (token: string, source: KeySource = keys) =>
  (await verified(token, source)).claims

const signed = (header: object = {}, key: KeyObject = privateKey, alg = 'RS256', claims = CLAIMS) =>
  new SignJWT(claims).setProtectedHeader({ alg, kid: KID, typ: 'JWT', ...header }).sign(key)

const unfit = (alg: string) =>
  refusal('key_unaccepted', `the key that the token names is not one for ${alg}, or too weak`)
const FORGED = refusal('signature_invalid', 'the signature does not belong to the token')

describe('tokenVerifier, where the issuer uses more algorithms', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  const otherCurve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const all = keySource({
    rsa: publicKey,
    ec: ec.publicKey,
    ed: ed.publicKey,
    curve: otherCurve.publicKey,
    p384: p384.publicKey,
    secret: createSecretKey(Buffer.alloc(32, 1)),
    private: privateKey,
  })
  const at = (kid: string, alg: string, key: KeyObject) =>
    signed({ kid, typ: 'at+jwt' }, key, alg, GOOD_AT as JWTPayload)
  const good = [
    ['rsa', 'RS256', privateKey],
    ['rsa', 'PS256', privateKey],
    ['ec', 'ES256', ec.privateKey],
    ['ed', 'EdDSA', ed.privateKey],
  ] as const
  for (const [kid, alg, key] of good) {
    it(`takes ${alg}`, async () => {
      assert.deepEqual(await verifiedClaims(await at(kid, alg, key), all), GOOD_AT)
    })

    it(`takes no signature by ${alg} that was changed, cut or made longer`, async () => {
      const token = await at(kid, alg, key)
      const end = token.lastIndexOf('.') + 1
      const bytes = Buffer.from(token.slice(end), 'base64url')
      const flipped = Buffer.from(bytes)
      flipped[bytes.length - 1] = (flipped[bytes.length - 1] ?? 0) ^ 1
      const wrong = [
        flipped,
        bytes.subarray(1),
        bytes.subarray(0, -1),
        Buffer.concat([bytes, Buffer.alloc(1)]),
      ]
      for (const each of [...wrong, Buffer.alloc(bytes.length), Buffer.alloc(1)])
        await assert.rejects(verifiedClaims(token.slice(0, end) + each.toString('base64url'), all), FORGED)
    })

    for (const [other, , ,] of good.filter(([name]) => name !== kid)) {
      it(`takes no ${alg} by the key '${other}'`, async () => {
        await assert.rejects(verifiedClaims(await at(other, alg, key), all), unfit(alg))
      })
    }
  }

  it('takes no ECDSA signature in DER, which can be written in more than one way', async () => {
    const content = `${encode({ alg: 'ES256', kid: 'ec', typ: 'at+jwt' })}.${encode(GOOD_AT)}`
    const der = sign('sha256', Buffer.from(content), ec.privateKey)
    await assert.rejects(verifiedClaims(`${content}.${der.toString('base64url')}`, all), FORGED)
  })

  it('takes no number of an RSA or Ed25519 signature with the order of its group added, which would verify the same', async () => {
    const modulus = BigInt(
      `0x${Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
    )
    const hexOf = (number: bigint, bytes: number) => number.toString(16).padStart(bytes * 2, '0')
    let fitting = 0
    for (let round = 0; fitting === 0 && round < 200; round++) {
      const token = await signed({}, privateKey, 'RS256', { ...CLAIMS, uti: String(round) })
      const end = token.lastIndexOf('.') + 1
      const more = BigInt(`0x${Buffer.from(token.slice(end), 'base64url').toString('hex')}`) + modulus
      // Only a small one leaves room for it.
      if (more >= 2n ** 2048n) continue
      fitting++
      const other = Buffer.from(hexOf(more, 256), 'hex').toString('base64url')
      await assert.rejects(verifiedClaims(token.slice(0, end) + other), FORGED)
    }
    assert.equal(fitting, 1)
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const token = await at('ed', 'EdDSA', ed.privateKey)
    const end = token.lastIndexOf('.') + 1
    const bytes = Buffer.from(token.slice(end), 'base64url')
    const scalar = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order
    const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(hexOf(scalar, 32), 'hex').reverse()])
    await assert.rejects(verifiedClaims(token.slice(0, end) + other.toString('base64url'), all), FORGED)
  })

  it('takes no curve but P-256, no secret and no private key', async () => {
    for (const [kid, { privateKey: key }] of [
      ['curve', otherCurve],
      ['p384', p384],
    ] as const) {
      const content = `${encode({ alg: 'ES256', kid, typ: 'at+jwt' })}.${encode(GOOD_AT)}`
      const bytes = sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' })
      await assert.rejects(verifiedClaims(`${content}.${bytes.toString('base64url')}`, all), unfit('ES256'))
    }
    for (const kid of ['secret', 'private'])
      await assert.rejects(verifiedClaims(await at(kid, 'RS256', privateKey), all), unfit('RS256'))
  })

  it('takes a key for no algorithm but the one that its owner names', async () => {
    const source: KeySource = { find: () => ({ key: publicKey, algorithm: 'PS256' }) }
    assert.deepEqual(await verifiedClaims(await at('rsa', 'PS256', privateKey), source), GOOD_AT)
    await assert.rejects(verifiedClaims(await at('rsa', 'RS256', privateKey), source), unfit('RS256'))
  })
})

describe('tokenVerifier, where a key names its issuer', () => {
  const foreign = refusal('key_issuer_invalid', 'the key that the token names is of another issuer')
  const cases = [
    [`https://login.example/${TENANT}/v2.0`, undefined],
    ['https://login.example/{tenantid}/v2.0', undefined],
    ['https://login.example/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0', foreign],
    ['https://login.example/{tenantid}', foreign],
    [AS, foreign],
    ['', foreign],
  ] as const
  for (const [issuer, refused] of cases) {
    it(`${refused ? 'takes no key' : 'takes the key'} of '${issuer}'`, async () => {
      const source: KeySource = { find: () => ({ key: publicKey, issuer }) }
      const judged = verifiedClaims(await signed(), source)
      if (refused) await assert.rejects(judged, refused)
      else assert.deepEqual(await judged, CLAIMS)
    })
  }

  it('asks the source for the tenant that the token names, and for no other', async () => {
    const asked: string[] = []
    const source: KeySource = {
      find: (kid, tenantId) => {
        asked.push(`${kid} of ${tenantId}`)
        return keys.find(kid, tenantId)
      },
    }
    await verifiedClaims(await signed(), source)
    const stranger = { ...CLAIMS, tid: '99999999-ffff-4fff-8fff-000000000009' }
    await assert.rejects(verifiedClaims(await signed({}, privateKey, 'RS256', stranger), source))
    assert.deepEqual(asked, [`${KID} of ${TENANT}`])
  })
})
