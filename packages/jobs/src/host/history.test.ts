import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { systemClock } from '@tomte/client'
import { EmbeddedEngine } from '../engine/embedded.ts'
import { temporaryFolder } from '../test-support.ts'
import { HISTORY_MS, keepHistory } from './history.ts'

const NOW = Date.UTC(2026, 0, 31)

/** A clock on which waiting takes no time, and that stops the daemon when it comes to an hour. */
function quickClock(hours: number) {
  const stop = new AbortController()
  let [nowMs, left] = [NOW, hours]
  const slept: number[] = []
  const clock = {
    ...systemClock,
    now: () => nowMs,
    sleep: async (ms: number) => {
      slept.push(ms)
      if (ms >= 3_600_000) left -= 1
      if (left < 0) {
        stop.abort()
        throw new Error('stopped')
      }
      nowMs += ms
    },
  }
  return { clock, signal: stop.signal, slept }
}

describe('keepHistory', () => {
  it('deletes runs that ended more than 90 days ago, and no others', async (t) => {
    let nowMs = NOW - HISTORY_MS - 60_000
    const engineClock = { ...systemClock, now: () => nowMs }
    const engine = await EmbeddedEngine.open(join(await temporaryFolder(t), 'jobs.db'), {
      clock: engineClock,
    })
    t.after(() => engine.close())
    const add = async (key: string) => {
      const [made] = await engine.enqueue([{ job: 'work', tenant: 'x', input: {}, key }])
      return made?.id ?? assert.fail('nothing was queued')
    }
    await engine.cancel(await add('old'))
    const waiting = await add('waiting for its turn all the time')
    nowMs = NOW - HISTORY_MS + 120_000
    const young = await add('young')
    await engine.cancel(young)
    const { clock, signal } = quickClock(0)
    await keepHistory({ engine, clock, signal, onFault: (error) => assert.fail(String(error)) })
    assert.deepEqual(
      (await engine.runs({ limit: 10 })).map(({ id }) => id).toSorted(),
      [waiting, young].toSorted(),
    )
  })

  it('goes in small pieces with pauses, no more than fifty at a time, and again after an hour', async () => {
    const { clock, signal, slept } = quickClock(1)
    let asked = 0
    await keepHistory({
      engine: { prune: async () => Math.max(0, 120 - (asked += 1)) },
      clock,
      signal,
      onFault: (error) => assert.fail(String(error)),
    })
    assert.equal(asked, 100)
    assert.deepEqual(
      [60_000, 200, 3_600_000].map((ms) => slept.filter((each) => each === ms).length),
      [1, 100, 2],
    )
  })

  it('tells of a database that does not answer, and tries again after an hour', async () => {
    const { clock, signal } = quickClock(2)
    const faults: unknown[] = []
    const fault = new Error('gone')
    await keepHistory({
      engine: { prune: () => Promise.reject(fault) },
      clock,
      signal,
      onFault: (error) => faults.push(error),
    })
    assert.deepEqual(faults, [fault, fault, fault])
  })
})
