import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { httpDateMs, retryAfterMs } from './retry-after.ts'

const NOW_MS = Date.UTC(2026, 8, 21, 14, 0, 0)

describe('retryAfterMs', () => {
  it('reads seconds and dates with blanks around them', () => {
    assert.equal(retryAfterMs(' 7 ', NOW_MS), 7000)
    assert.equal(retryAfterMs(' Mon, 21 Sep 2026 14:00:01 GMT ', NOW_MS), 1000)
  })

  it('takes more than a day for a day', () => {
    for (const text of ['86401', '9'.repeat(400), 'Wed, 23 Sep 2026 14:00:01 GMT'])
      assert.equal(retryAfterMs(text, NOW_MS), 86_400_000)
    assert.equal(retryAfterMs('86399', NOW_MS), 86_399_000)
  })

  it('knows nothing without a header', () => {
    assert.equal(retryAfterMs(undefined, NOW_MS), undefined)
  })
})

describe('httpDateMs', () => {
  it('reads the date of an answer', () => {
    assert.equal(httpDateMs('Mon, 21 Sep 2026 14:00:00 GMT'), NOW_MS)
  })

  for (const text of [undefined, '', '-5', '2026-09-21T14:00:00Z', 'Mon, 99 Sep 2026 14:00:00 GMT']) {
    it(`does not guess at ${text === undefined ? 'no header' : `'${text}'`}`, () => {
      assert.equal(httpDateMs(text), undefined)
    })
  }
})
