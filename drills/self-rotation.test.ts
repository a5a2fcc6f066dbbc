// Why: as of outage.test.ts. Killed here is a rotation where most hangs on it: a key that is registered and not in place, a key
// in place while the old one is registered, and a secret that was made and never saved.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill, type Kill } from './self-rotation.drill.ts'

const KILLS: readonly Kill[] = [
  { kind: 'certificate', effect: 'addKey', when: 'after' },
  { kind: 'certificate', effect: 'save current', when: 'after' },
  { kind: 'secret', effect: 'addPassword', when: 'after' },
]

describe('an application that rotates its own credential', () => {
  it('fails no call, whole or killed on the way, and leaves one credential behind', async () => {
    const { rows } = await drill({ seed: 1, rotations: 1, kills: KILLS })
    assert.deepEqual(
      rows.map(({ what, failed, met }) => [what, failed, met]),
      [
        ['certificate: rotated 1 times', 0, true],
        ['secret: rotated 1 times', 0, true],
        ['certificate: killed after addKey', 0, true],
        ['certificate: killed after save current', 0, true],
        ['secret: killed after addPassword', 0, true],
      ],
    )
  })
})
