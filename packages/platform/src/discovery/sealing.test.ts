import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { makeSealingKey, parseSealingKey, seal, unseal } from './sealing.ts'

const key = randomBytes(32)
const REFUSED = {
  name: 'PlatformError',
  code: 'signing_key_sealed',
  message:
    "Cannot open the signing key 'one', as the key file that sealed it is needed: another key, or damaged data, was found",
  hint: 'Restore the key file that belongs to this data folder, or move the folder away',
}

describe('seal and unseal', () => {
  it('give back the text, whatever its length, and never the same sealed text twice', () => {
    for (const text of ['', 'x', 'räksmörgås \u{1f600}', randomBytes(5000).toString('base64')]) {
      const [first, second] = [seal(text, 'one', key), seal(text, 'one', key)]
      assert.notEqual(first, second)
      assert.deepEqual([unseal(first, 'one', key), unseal(second, 'one', key)], [text, text])
      assert.equal(text.length > 3 && Buffer.from(first, 'base64').includes(text), false)
    }
  })

  it('open nothing under another key or another name', () => {
    const sealed = seal('secret', 'one', key)
    assert.throws(() => unseal(sealed, 'one', randomBytes(32)), REFUSED)
    assert.throws(() => unseal(seal('secret', 'two', key), 'one', key), REFUSED)
  })

  it('open nothing that was changed in a single bit, or cut', () => {
    const bytes = Buffer.from(seal('secret', 'one', key), 'base64')
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes)
      changed[index] = (changed[index] ?? 0) ^ 1
      assert.throws(() => unseal(changed.toString('base64'), 'one', key), REFUSED, `byte ${index}`)
    }
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => unseal(bytes.subarray(0, length).toString('base64'), 'one', key), REFUSED)
  })
})

describe('parseSealingKey', () => {
  it('reads what makeSealingKey writes', () => {
    const text = makeSealingKey()
    assert.deepEqual(parseSealingKey(`${text}\n`, 'x'), Buffer.from(text, 'base64'))
    assert.notEqual(text, makeSealingKey())
  })

  it('refuses every other length, naming the file', () => {
    for (const length of [0, 16, 31, 33, 64]) {
      assert.throws(() => parseSealingKey(randomBytes(length).toString('base64'), 'some.key'), {
        name: 'PlatformError',
        code: 'sealing_key_invalid',
        message: `Cannot use the key in some.key, as 32 bytes in base64 are needed: found ${length} bytes`,
        hint: 'Restore the file from a copy, or move the data folder away: the next start makes a new one',
      })
    }
  })
})
