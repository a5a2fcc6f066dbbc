import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Quota } from './quota.ts'

interface Bucket {
  readonly granted: number
  readonly refused: number
}

/** An API that grants so many units in each ten seconds of its own clock, asked for as much as the quota lets through. */
function played(limit: number, { seconds = 120, offsetMs = 0, units = 20 } = {}): readonly Bucket[] {
  const quota = new Quota()
  const buckets: { granted: number; refused: number }[] = []
  let quietUntilMs = 0
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += 5) {
    // A fast client: twenty requests in 5 ms.
    for (let sent = 0; sent < 20 && nowMs >= quietUntilMs && quota.waitMs(units, nowMs) === 0; sent += 1) {
      const spending = quota.spend(units, nowMs)
      const bucket = (buckets[Math.floor((nowMs + offsetMs) / 10_000)] ??= { granted: 0, refused: 0 })
      const granted = Math.max(0, Math.min(units, limit - bucket.granted))
      bucket.granted += granted
      if (granted === units) continue
      bucket.refused += units - granted
      quota.correct(spending, granted - units, nowMs)
      quota.refused(nowMs)
      const restMs = 10_000 - ((nowMs + offsetMs) % 10_000)
      quietUntilMs = nowMs + Math.ceil(restMs / 1000) * 1000
    }
  }
  return buckets
}

const total = (buckets: readonly Bucket[], of: keyof Bucket) =>
  buckets.reduce((sum, bucket) => sum + bucket[of], 0)

describe('Quota', () => {
  for (const limit of [600, 1000, 1601, 3500, 8000]) {
    for (const offsetMs of [0, 400, 9000]) {
      it(`uses ${limit} units in ten seconds to the full and asks for hardly more, ${offsetMs} ms into a bucket`, () => {
        const buckets = played(limit, { offsetMs })
        // The first and the last bucket are not whole, and the limit is learned in the first two.
        const steady = buckets.slice(2, 12)
        const granted = total(steady, 'granted') / (steady.length * limit)
        const refused = total(steady, 'refused') / total(steady, 'granted')
        assert.ok(granted >= 0.95, `granted ${granted}`)
        assert.ok(refused <= 0.02, `refused ${refused}`)
      })
    }
  }

  it('lets everything through until it is taught', () => {
    const quota = new Quota()
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1) {
      assert.equal(quota.waitMs(1000, nowMs), 0)
      quota.spend(1000, nowMs)
    }
    assert.equal(quota.limit, Number.POSITIVE_INFINITY)
  })

  it('learns what was granted in the last ten seconds, without what was refused', () => {
    const quota = new Quota()
    quota.spend(500, 0)
    quota.spend(700, 11_000)
    const refused = quota.spend(100, 12_000)
    quota.correct(refused, -100, 12_000)
    quota.refused(12_000)
    assert.equal(quota.limit, 700)
    assert.equal(quota.waitMs(1, 12_000), 11_000 + 20 + 10_000 - 12_000)
    assert.equal(quota.waitMs(700, 21_020), 0)
  })

  it('learns nothing from a refusal that others have caused', () => {
    const quota = new Quota()
    quota.correct(quota.spend(1, 0), -1, 0)
    quota.refused(0)
    assert.equal(quota.limit, Number.POSITIVE_INFINITY)
  })

  it('gives up little of what it has learned for refusals that have another reason', () => {
    const quota = new Quota()
    quota.spend(1000, 0)
    quota.refused(0)
    quota.spend(1, 29_990)
    for (let nowMs = 30_000; nowMs < 40_000; nowMs += 100) quota.refused(nowMs)
    assert.equal(quota.limit, 950)
    quota.spend(1, 69_990)
    quota.refused(70_000)
    assert.equal(quota.limit, 902.5)
  })

  it('follows a limit that has become smaller within a few buckets', () => {
    const quota = new Quota()
    quota.spend(8000, 0)
    quota.refused(0)
    const limits: number[] = []
    for (let nowMs = 25_000; nowMs < 120_000; nowMs += 10_100) {
      quota.spend(1500, nowMs)
      quota.refused(nowMs + 5)
      limits.push(quota.limit)
    }
    assert.deepEqual(limits.map(Math.round), [7600, 6080, 4864, 3891, 3113, 2490, 1992, 1594, 1500, 1500])
  })

  it('counts what a call has cost in place of what it was thought to cost', () => {
    const quota = new Quota()
    quota.correct(quota.spend(100, 0), 900, 100)
    quota.refused(200)
    assert.equal(quota.limit, 1000)
    // What is no longer counted needs no correction.
    quota.correct(quota.spend(100, 0), 5000, 10_020)
    quota.refused(10_000)
    assert.equal(quota.limit, 1100)
  })

  it('learns from a share of the limit before anything is refused', () => {
    const quota = new Quota()
    quota.spend(800, 0)
    for (const nonsense of [Number.NaN, -1, 0, 0.5, 3]) quota.used(nonsense, 10)
    assert.equal(quota.limit, Number.POSITIVE_INFINITY)
    quota.used(0.8, 10)
    assert.equal(quota.limit, 1000)
  })

  it('tries for more, little by little, once nothing has been refused for a while', () => {
    const quota = new Quota()
    quota.spend(1000, 0)
    quota.refused(0)
    const limits: number[] = []
    for (let nowMs = 10_100; nowMs < 80_000; nowMs += 10_100) {
      quota.spend(1000, nowMs)
      quota.waitMs(quota.limit, nowMs + 10)
      limits.push(quota.limit)
    }
    assert.deepEqual(limits.slice(0, 4), [1000, 1010, 1041, 1135])
  })

  it('learns nothing from a refusal since the last of which nothing was granted', () => {
    const quota = new Quota()
    quota.spend(1000, 0)
    quota.refused(0)
    for (let nowMs = 4000; nowMs < 60_000; nowMs += 4000) {
      quota.correct(quota.spend(20, nowMs), -20, nowMs)
      quota.refused(nowMs)
    }
    assert.equal(quota.limit, 1000)
  })

  it('lets something through that is larger than all it has learned', () => {
    const quota = new Quota()
    quota.spend(600, 0)
    quota.refused(0)
    assert.ok(quota.waitMs(5000, 1) > 9000)
    assert.equal(quota.waitMs(5000, 10_020), 0)
  })

  it('keeps no more than ten seconds in mind', () => {
    const quota = new Quota()
    for (let nowMs = 0; nowMs < 3_600_000; nowMs += 7) quota.spend(1, nowMs)
    quota.refused(3_600_000)
    assert.ok(Math.abs(quota.limit - 1430) <= 5, `${quota.limit}`)
  })
})
