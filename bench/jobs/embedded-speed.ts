import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { median, type Row, row } from '../row.ts'
import { interleaved } from '../tokens/rounds.ts'
import { BareCommits } from './bare-commits.ts'
import { EmbeddedStage } from './embedded-stage.ts'

const RUN_ROUNDS = 25
const RUNS = 100
const SAVE_ROUNDS = 25
const SAVES = 200

/** What a run that does nothing costs beside the commits that it cannot do without. */
export async function runSpeed(home: string): Promise<Row> {
  const folder = join(home, 'runs')
  await mkdir(folder, { recursive: true })
  const stage = await EmbeddedStage.open(folder)
  const bare = new BareCommits(join(folder, 'bare.db'))
  const spentMs: number[] = []
  const { theirs } = await interleaved(RUN_ROUNDS, {
    ours: async () => {
      await stage.queue('nothing', RUNS)
      const startMs = performance.now()
      await stage.finish('nothing')
      spentMs.push(performance.now() - startMs)
    },
    theirs: async () => bare.commit(2 * RUNS),
  })
  await stage.close()
  bare.close()
  const perSecond = (ms: number) => (RUNS / ms) * 1000
  return row({
    what: 'no-op runs, embedded, one at a time',
    ours: perSecond(median(spentMs)),
    theirs: perSecond(theirs),
    against: 'two bare synced commits each',
    unit: 'runs/s',
    goal: '>= 0.8',
  })
}

/** What a saved cursor costs beside a bare commit, within one run. */
export async function saveSpeed(home: string): Promise<Row> {
  const folder = join(home, 'saves')
  await mkdir(folder, { recursive: true })
  const bare = new BareCommits(join(folder, 'bare.db'))
  let measured = { ours: Number.NaN, theirs: Number.NaN }
  let line = 0
  const stage = await EmbeddedStage.open(folder, async (cursor) => {
    measured = await interleaved(SAVE_ROUNDS, {
      ours: async () => {
        for (let saved = 0; saved < SAVES; saved += 1) await cursor.save((line += 1))
      },
      theirs: async () => bare.commit(SAVES),
    })
  })
  await stage.queue('save', 1)
  await stage.finish('save')
  await stage.close()
  bare.close()
  return row({
    what: 'a saved cursor, embedded',
    ours: (measured.ours / SAVES) * 1000,
    theirs: (measured.theirs / SAVES) * 1000,
    against: 'a bare synced commit',
    unit: 'µs',
    goal: '<= 1.2',
  })
}
