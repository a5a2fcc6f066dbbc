import { join } from 'node:path'
import { describe, type TestContext } from 'node:test'
import { TestClock, temporaryFolder } from '../test-support.ts'
import { holdPromises } from './conformance-test-support.ts'
import { EmbeddedEngine } from './embedded.ts'
import type { Stage } from './promise-test-support.ts'

async function open(t: TestContext): Promise<Stage> {
  const clock = new TestClock()
  const engine = await EmbeddedEngine.open(join(await temporaryFolder(t), 'jobs.db'), { clock })
  t.after(() => engine.close())
  return { engine, nowMs: () => clock.now(), advance: (ms) => clock.advance(ms) }
}

describe('the embedded engine', () => holdPromises(open))
