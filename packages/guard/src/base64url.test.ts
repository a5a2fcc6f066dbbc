import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBase64url } from './base64url.ts'
import { seeded } from './wild-test-support.ts'

describe('decodeBase64url', () => {
  it('decodes what the encoder makes', () => {
    const { bytes, below } = seeded(1)
    for (let round = 0; round < 2000; round++) {
      const made = bytes(below(100))
      assert.deepEqual(decodeBase64url(made.toString('base64url')), made)
    }
  })

  it('takes exactly the texts that encode what they decode to', () => {
    const { below, pick } = seeded(2)
    const characters = 'ABCabcxyz0123456789-_-_+/=~. \n\0é\u{1f600}Ɓ'
    let taken = 0
    for (let round = 0; round < 20_000; round++) {
      // Mostly of the alphabet, or nothing would ever be right.
      const alphabet = pick([characters.slice(0, 19), characters.slice(0, 23), characters])
      const text = Array.from({ length: below(10) }, () => alphabet.charAt(below(alphabet.length))).join('')
      const right = Buffer.from(text, 'base64url').toString('base64url') === text
      if (right) taken++
      assert.equal(decodeBase64url(text) !== undefined, right, JSON.stringify(text))
    }
    assert.ok(taken > 2000, String(taken))
  })
})
