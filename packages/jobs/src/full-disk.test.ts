import assert from 'node:assert/strict'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Cursor } from './checkpoint.ts'
import { runJob } from './runner.ts'
import { EmbeddedEngine } from './engine/embedded.ts'
import { NO_TRAFFIC } from './engine/engine.ts'
import { claimedRun, lease } from './engine/promise-test-support.ts'
import { daemonOf, ENVIRONMENT, NO_SMALL_DISK, smallDisk } from './test-support.ts'

const HINT = 'Free some space and run again: the run goes on where its last checkpoint stands'

const full = (file: string) => ({
  name: 'JobError',
  code: 'disk_full',
  message: `Cannot save the checkpoint in '${file}', as free space is needed: the disk is full`,
  hint: HINT,
})

/** Takes all the space that is left on a disk. */
async function fill(folder: string): Promise<string> {
  const file = join(folder, 'filler')
  const handle = await open(file, 'w')
  try {
    for (;;) await handle.write(Buffer.alloc(1024))
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  } finally {
    await handle.close()
  }
  return file
}

describe('a run whose disk is full', { skip: NO_SMALL_DISK }, () => {
  it('ends with disk_full, and goes on where it was when there is space again', async (t) => {
    const disk = await smallDisk(t, 2048)
    const dataFolder = join(disk, 'data')
    const pieces = 30
    const lines: string[] = []
    const started: number[] = []
    let filler = ''
    const daemon = daemonOf(async ({ step, ledger }) => {
      await step('pieces', async (cursor: Cursor<number>) => {
        started.push(cursor.value ?? 0)
        for (let next = cursor.value ?? 0; next < pieces; next += 1) {
          if (next === 11 && filler === '') filler = await fill(disk)
          await cursor.save(next + 1, { pieces: { [`p${next}`]: 'x'.repeat(8000) } })
        }
      })
      return { noted: (await ledger.page('pieces', '', 1000)).size }
    })
    const run = () =>
      runJob(daemon, 'work', {
        input: {},
        dataFolder,
        environment: ENVIRONMENT,
        now: () => 0,
        log: (line) => lines.push(line),
      })

    await assert.rejects(run(), full(join(dataFolder, 'jobs.db')))
    await assert.rejects(run(), full(join(dataFolder, 'jobs.db')))
    await rm(filler)
    const { result } = await run()
    assert.deepEqual(result, { noted: pieces, tokenRequests: 0, apiRequests: 0, retries: 0, seconds: 0 })
    assert.equal(started[0], 0)
    for (const at of started.slice(1)) assert.ok(at >= 11, `it went on at ${at}`)
    assert.equal(lines.at(-1), 'Resuming the run that was interrupted, from its last checkpoint')
  })

  it('leaves nothing of a save that did not fit, and what was saved before it can be read', async (t) => {
    const disk = await smallDisk(t, 512)
    const file = join(disk, 'jobs.db')
    const store = await EmbeddedEngine.open(file)
    const run = await claimedRun(store)
    await store.checkpoints.saveStep(
      lease(run),
      'one',
      { finished: false, value: 1 },
      { a: { k: 1 } },
      NO_TRAFFIC,
    )
    const large = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`large${n}`, 'x'.repeat(8000)]))
    await assert.rejects(
      store.checkpoints.saveStep(lease(run), 'one', { finished: true, value: 2 }, { a: large }, NO_TRAFFIC),
      full(file),
    )
    assert.deepEqual(await store.checkpoints.step(lease(run), 'one'), { finished: false, value: 1 })
    assert.deepEqual([...(await store.checkpoints.pageEntries(lease(run), 'a', '', 9))], [['k', 1]])
    await store.close()
    const again = await EmbeddedEngine.open(file)
    assert.deepEqual(await again.checkpoints.step(lease(run), 'one'), { finished: false, value: 1 })
    await again.close()
  })

  it('ends with disk_full when not even the data folder or the first checkpoint can be made', async (t) => {
    const [filled, withoutFiles] = [await smallDisk(t, 64), await smallDisk(t, 64, 1)]
    await fill(filled)
    for (const disk of [filled, withoutFiles]) {
      const dataFolder = join(disk, 'data')
      const daemon = daemonOf(async () => assert.fail('it must not run'))
      const run = runJob(daemon, 'work', { input: {}, dataFolder, environment: ENVIRONMENT })
      await assert.rejects(run, full(join(dataFolder, 'jobs.db')))
    }
  })
})
