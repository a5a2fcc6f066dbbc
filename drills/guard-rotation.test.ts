// Why: as of outage.test.ts.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './guard-rotation.drill.ts'

describe('the guard of an API whose issuer changes its key under load', () => {
  it('answers nobody wrongly, and asks for keys once for each change', async () => {
    const { rows } = await drill({ seed: 1, rotations: 3 })
    const [made = assert.fail('no row'), platform = assert.fail('one row')] = rows
    assert.deepEqual([rows.length, made.what, made.failed], [2, 'signing key changed 3 times', 0])
    assert.ok(made.calls > 3000, `${made.calls} calls`)
    assert.ok(made.met, made.goal)
    const what = 'platform: signing key changed 3 times, tokens of both versions by 4 keys'
    assert.deepEqual([platform.what, platform.calls, platform.failed], [what, 360, 0])
    assert.ok(platform.met, platform.goal)
  })
})
