import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { opaque } from './opaque.ts'
import { signatureOf } from './signature.ts'

describe('signatureOf', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

  for (const inThread of [false, true])
    it(`signs with RS256 ${inThread ? 'in a thread' : 'at once'}`, async () => {
      const signature = await signatureOf('header.claims', privateKey, inThread)
      assert.match(signature, /^[\w-]{342}$/)
      assert.ok(
        verify('sha256', Buffer.from('header.claims'), publicKey, Buffer.from(signature, 'base64url')),
      )
      assert.equal(signature, await signatureOf('header.claims', privateKey, !inThread))
    })
})

describe('opaque', () => {
  it('never gives the same bytes twice, across the ends of what is drawn ahead', () => {
    const texts = Array.from({ length: 2000 }, () => opaque(16))
    const long = Array.from({ length: 200 }, () => opaque(24))
    assert.equal(new Set([...texts, ...long.map((text) => text.slice(0, 22))]).size, 2200)
    assert.deepEqual(
      [texts, long].map((each) => new Set(each.map(({ length }) => length))),
      [new Set([22]), new Set([32])],
    )
  })
})
