import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { backOffMs } from './back-off.ts'

describe('backOffMs', () => {
  const attempts = [1, 2, 3, 4, 5, 6, 7, 1000, 5000]
  for (const [random, expected] of [
    [0, [125, 250, 500, 1000, 2000, 2500, 2500, 2500, 2500]],
    [0.5, [187.5, 375, 750, 1500, 3000, 3750, 3750, 3750, 3750]],
    [1, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000, 5000]],
  ] as const) {
    it(`doubles up to 5 s, with ${random} for the half that is chance`, () => {
      assert.deepEqual(
        attempts.map((attempt) => backOffMs(attempt, () => random)),
        expected,
      )
    })
  }
})
