import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Cursor } from './checkpoint.ts'
import type { JobContext } from './daemon.ts'
import { runJob } from './runner.ts'
import { daemonOf, ENVIRONMENT, seeded, temporaryFolder } from './test-support.ts'

const PIECES = 40
const PIECES_A_SAVE = 3
const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1)

class Crash extends Error {}

/** A job of two steps that has an effect for each piece, notes it in the ledger, and may crash wherever something happens. */
function crashingJob(mayCrash: () => void, effects: Map<number, number>) {
  return async ({ step, ledger }: JobContext<object>) => {
    mayCrash()
    const counted = await step('pieces', async (cursor: Cursor<number>) => {
      for (let next = cursor.value ?? 0; next < PIECES; next += PIECES_A_SAVE) {
        const notes: Record<string, number> = {}
        for (let piece = next; piece < Math.min(next + PIECES_A_SAVE, PIECES); piece += 1) {
          mayCrash()
          effects.set(piece, (effects.get(piece) ?? 0) + 1)
          mayCrash()
          notes[String(piece).padStart(4, '0')] = piece
        }
        const notedBefore = await ledger.find('pieces', Object.keys(notes))
        assert.equal(notedBefore.size, 0, 'a piece that the ledger holds was done again')
        await cursor.save(next + PIECES_A_SAVE, { pieces: notes })
        mayCrash()
      }
      return PIECES
    })
    mayCrash()
    const noted: unknown[] = []
    for await (const [, piece] of ledger.all('pieces')) noted.push(piece)
    mayCrash()
    return { counted, noted }
  }
}

describe('a job that crashes anywhere and is run again until it is done', () => {
  for (const seed of SEEDS) {
    it(`has every effect at least once, and every piece in the ledger exactly once (seed ${seed})`, async (t) => {
      const random = seeded(seed)
      const folder = await temporaryFolder(t)
      const effects = new Map<number, number>()
      const mayCrash = () => {
        if (random() < 0.06) throw new Crash('crashed')
      }
      const daemon = daemonOf(crashingJob(mayCrash, effects))
      let crashes = 0
      let outcome: object | undefined
      while (outcome === undefined) {
        assert.ok(crashes < 1000, 'it never gets done')
        try {
          const run = await runJob(daemon, 'work', {
            input: {},
            dataFolder: folder,
            environment: ENVIRONMENT,
            now: () => 0,
          })
          outcome = run.result
        } catch (error) {
          assert.ok(error instanceof Crash, String(error))
          crashes += 1
        }
      }
      const all = Array.from({ length: PIECES }, (_, piece) => piece)
      assert.deepEqual(outcome, {
        counted: PIECES,
        noted: all,
        tokenRequests: 0,
        apiRequests: 0,
        retries: 0,
        seconds: 0,
      })
      assert.deepEqual(
        [...effects.keys()].sort((a, b) => a - b),
        all,
      )
      assert.ok(crashes > 0, 'this seed crashes nowhere and shows nothing')
    })
  }
})
