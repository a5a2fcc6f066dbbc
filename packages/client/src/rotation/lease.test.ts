import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { manualClock } from '../test-support.ts'
import { fileLease } from './lease.ts'
import { fileWith } from './rotation-test-support.ts'

const LIFETIME_MS = 1_000
const { signal } = new AbortController()

function prepared(t: TestContext) {
  const { folder, file } = fileWith(t, '')
  const clock = manualClock()
  const path = join(folder, 'daemon.lease')
  const lease = fileLease(file, clock)
  return {
    folder,
    clock,
    path,
    file,
    take: (holder: string = randomUUID()) => lease.lease('name', holder, LIFETIME_MS, signal),
    release: (holder: string) => lease.release('name', holder, signal),
    /** Changes what the file says of its owner. */
    edit: (change: object) =>
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change })),
  }
}

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['--version']).pid

describe('fileLease', () => {
  it('is given to one of all who ask at once', async (t) => {
    const { take, folder } = prepared(t)
    const given = await Promise.all(Array.from({ length: 20 }, () => take()))
    assert.equal(given.filter(Boolean).length, 1)
    assert.deepEqual(readdirSync(folder).sort(), ['daemon', 'daemon.lease'])
  })

  it('is one for all names of a file', async (t) => {
    const { take, folder, file, clock } = prepared(t)
    symlinkSync(file, join(folder, 'linked'))
    assert.equal(await take(), true)
    const other = fileLease(join(folder, 'linked'), clock)
    assert.equal(await other.lease('name', 'two', LIFETIME_MS, signal), false)
  })

  it('is kept until its end, and released by its holder alone', async (t) => {
    const { take, release, clock, folder } = prepared(t)
    assert.equal(await take('one'), true)
    clock.pass(LIFETIME_MS - 1)
    assert.equal(await take('two'), false)
    await release('two')
    assert.equal(await take('two'), false)
    clock.pass(1)
    assert.equal(await take('two'), true)
    await release('one')
    assert.equal(await take('three'), false)
    await release('two')
    await release('two')
    assert.deepEqual(readdirSync(folder), ['daemon'])
  })

  it('is over at once if its process is dead, and given to one of all who see that', async (t) => {
    const { take, edit } = prepared(t)
    await take('one')
    edit({ pid: deadPid() })
    const given = await Promise.all(Array.from({ length: 20 }, () => take()))
    assert.equal(given.filter(Boolean).length, 1)
  })

  it('lasts to its end if its process is on another machine', async (t) => {
    const { take, edit, clock } = prepared(t)
    await take('one')
    edit({ pid: deadPid(), machine: 'elsewhere' })
    assert.equal(await take(), false)
    clock.pass(LIFETIME_MS)
    assert.equal(await take(), true)
  })

  for (const [what, content] of [
    ['garbage', '{"holder"'],
    ['nothing', ''],
    ['no process', '{"holder":"x","endsAtMs":9e99,"machine":"m","pid":0}'],
  ] as const) {
    it(`is over if its file holds ${what}`, async (t) => {
      const { take, path } = prepared(t)
      writeFileSync(path, content)
      assert.equal(await take(), true)
    })
  }

  it('takes files away that others left when they were killed', async (t) => {
    const { take, path, folder } = prepared(t)
    writeFileSync(`${path}.${randomUUID()}`, 'left')
    assert.equal(await take(), true)
    assert.deepEqual(readdirSync(folder).sort(), ['daemon', 'daemon.lease'])
  })
})
