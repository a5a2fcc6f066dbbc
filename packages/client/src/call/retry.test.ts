import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Attempt, isRepeatable, nextDelay, RetryBudget } from './retry.ts'

const NOW_MS = Date.UTC(2026, 8, 21, 14, 0, 0)
const never = (): number => assert.fail('no randomness is needed here')

const delay = (
  status: Attempt['status'],
  {
    number = 1,
    retryAfter,
    repeatable = true,
  }: { number?: number; retryAfter?: string; repeatable?: boolean },
  random: () => number = () => 0,
) => nextDelay({ number, status, retryAfter, repeatable }, NOW_MS, random)?.ms

describe('nextDelay', () => {
  for (const status of [429, 502, 503, 504]) {
    it(`repeats ${status} where that does no harm`, () => {
      assert.equal(delay(status, { retryAfter: '7' }, never), 7000)
      assert.equal(delay(status, {}), 250)
    })
  }

  it('repeats 429 alone where repeating could do harm', () => {
    assert.equal(delay(429, { retryAfter: '7', repeatable: false }, never), 7000)
    for (const status of [502, 503, 504]) {
      assert.equal(delay(status, { retryAfter: '7', repeatable: false }, never), undefined)
    }
  })

  for (const status of [200, 301, 400, 401, 403, 404, 409, 412, 428, 430, 500, 501, 505, 509]) {
    it(`never repeats ${status}`, () => {
      assert.equal(delay(status, { retryAfter: '7' }, never), undefined)
    })
  }

  it('doubles its waits from half a second and gives up after the sixth attempt', () => {
    const waits = (random: () => number) =>
      [1, 2, 3, 4, 5, 6, 7].map((number) => delay(503, { number }, random))
    assert.deepEqual(
      waits(() => 0),
      [250, 500, 1000, 2000, 4000, undefined, undefined],
    )
    assert.deepEqual(
      waits(() => 0.5),
      [375, 750, 1500, 3000, 6000, undefined, undefined],
    )
    assert.deepEqual(
      waits(() => 1),
      [500, 1000, 2000, 4000, 8000, undefined, undefined],
    )
  })

  it('gives up after the sixth attempt whatever the server asks', () => {
    assert.equal(delay(429, { number: 5, retryAfter: '1' }, never), 1000)
    assert.equal(delay(429, { number: 6, retryAfter: '1' }, never), undefined)
  })

  const asked = [
    ['0', 0],
    ['1', 1000],
    ['300', 300_000],
    ['301', undefined],
    ['3600', undefined],
    ['9999999', undefined],
    ['9'.repeat(400), undefined],
    ['Mon, 21 Sep 2026 14:00:30 GMT', 30_000],
    ['Mon, 21 Sep 2026 14:05:00 GMT', 300_000],
    ['Mon, 21 Sep 2026 14:05:01 GMT', undefined],
    ['Mon, 21 Sep 2026 13:59:59 GMT', 0],
  ] as const
  for (const [retryAfter, expected] of asked) {
    const does = expected === undefined ? 'gives up' : `waits ${expected} ms`
    it(`${does} when asked to wait ${retryAfter.slice(0, 40)}`, () => {
      assert.equal(delay(503, { retryAfter }, never), expected)
    })
  }

  for (const retryAfter of ['', 'soon', '-5', '1.5', '1e3', '0x10', '12 apples', 'in 5', '2026-09-21']) {
    it(`takes its own wait when asked to wait '${retryAfter}', which means nothing`, () => {
      assert.equal(delay(503, { retryAfter }), 250)
    })
  }

  it('always repeats what was never sent, and a lost answer where that does no harm', () => {
    assert.equal(delay('unsent', { repeatable: false }), 250)
    assert.equal(delay('lost', {}), 250)
    assert.equal(delay('lost', { repeatable: false }, never), undefined)
  })

  it('tells the waits that the server has named from its own', () => {
    const attempt = { number: 1, status: 429, repeatable: true } as const
    assert.deepEqual(nextDelay({ ...attempt, retryAfter: '2' }, NOW_MS, never), { ms: 2000, named: true })
    assert.deepEqual(
      nextDelay({ ...attempt, retryAfter: undefined }, NOW_MS, () => 0),
      { ms: 250, named: false },
    )
  })
})

describe('isRepeatable', () => {
  it('goes by the method (RFC 9110 §9.2.2) unless the caller says otherwise', () => {
    const methods = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'POST', 'PATCH', 'LOCK', 'get']
    assert.deepEqual(
      methods.filter((method) => isRepeatable(method, undefined)),
      ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'],
    )
    assert.deepEqual([isRepeatable('POST', true), isRepeatable('GET', false)], [true, false])
  })
})

describe('RetryBudget', () => {
  it('gives fifty at once, and then one for every ten successes', () => {
    const budget = new RetryBudget()
    const taken = () => Array.from({ length: 100 }, () => budget.take()).filter(Boolean).length
    assert.equal(taken(), 50)
    for (let success = 0; success < 31; success += 1) budget.succeeded()
    assert.equal(taken(), 3)
    for (let success = 0; success < 10_000; success += 1) budget.succeeded()
    assert.equal(taken(), 50)
  })
})
