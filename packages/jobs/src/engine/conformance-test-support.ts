// What every engine promises, as a test of each: `describe('…', () => holdPromises(open))`.
import { it, type TestContext } from 'node:test'
import { CHECKPOINT_PROMISES } from './checkpoint-promises-test-support.ts'
import { FOREGROUND_PROMISES } from './foreground-promises-test-support.ts'
import { HISTORY_PROMISES } from './history-promises-test-support.ts'
import { LEASE_PROMISES } from './lease-promises-test-support.ts'
import type { Stage } from './promise-test-support.ts'
import { QUEUE_PROMISES } from './queue-promises-test-support.ts'

const PROMISES = [
  ...QUEUE_PROMISES,
  ...FOREGROUND_PROMISES,
  ...LEASE_PROMISES,
  ...CHECKPOINT_PROMISES,
  ...HISTORY_PROMISES,
]

/** Makes a test of each promise; `open` gives each its own empty store and closes it after the test. */
export function holdPromises(open: (t: TestContext) => Promise<Stage>): void {
  for (const promise of PROMISES) it(promise.it, async (t) => promise.holds(await open(t), t))
}
