import { after, before, describe } from 'node:test'
import { TestClock } from '../test-support.ts'
import { holdPromises } from './conformance-test-support.ts'
import { FleetEngine } from './fleet.ts'
import { emptyDatabase, type OwnDatabase, ownDatabase } from './postgres-test-support.ts'
import type { Stage } from './promise-test-support.ts'

const server = process.env['DATABASE_URL'] ?? ''

describe('the engine of a fleet', { skip: server === '' && 'DATABASE_URL names no PostgreSQL' }, () => {
  const clock = new TestClock()
  let database: OwnDatabase
  let engine: FleetEngine
  before(async () => {
    database = await ownDatabase(server)
    engine = await FleetEngine.open(database.url, { clock })
  })
  after(async () => {
    await engine.close()
    await database.remove()
  })

  async function open(): Promise<Stage> {
    await emptyDatabase(database.url)
    return { engine, nowMs: () => clock.now(), advance: (ms) => clock.advance(ms) }
  }

  holdPromises(open)
})
