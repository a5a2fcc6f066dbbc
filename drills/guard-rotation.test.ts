// Why: as of outage.test.ts.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './guard-rotation.drill.ts'

describe('the guard of an API whose issuer changes its key under load', () => {
  it('answers nobody wrongly, and asks for keys once for each change', async () => {
    const { rows } = await drill({ seed: 1, rotations: 3 })
    const [{ what, calls, failed, met, goal } = assert.fail('no row')] = rows
    assert.deepEqual([rows.length, what, failed], [1, 'signing key changed 3 times', 0])
    assert.ok(calls > 3000, `${calls} calls`)
    assert.ok(met, goal)
  })
})
