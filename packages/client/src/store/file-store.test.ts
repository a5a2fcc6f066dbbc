import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { virtualClock } from '../token/test-support.ts'
import { storeRules } from './conformance.ts'
import { fileStore } from './file-store.ts'
import { memoryStore } from './store-test-support.ts'

const signal = new AbortController().signal
const NAME = 'a'.repeat(43)
const noModes = process.platform === 'win32' && 'Windows has no modes of files'

async function inFolder(t: TestContext) {
  const parent = await mkdtemp(join(tmpdir(), 'tomte-store-'))
  t.after(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, 'deep', 'tokens')
  const clock = virtualClock()
  return { folder, clock, store: fileStore({ folder, clock }), other: fileStore({ folder, clock }) }
}

describe('fileStore', () => {
  for (const { name, holds } of storeRules) {
    it(name, async (t) => {
      const { store, other, clock } = await inFolder(t)
      await holds({ store, other, pass: (ms) => clock.advance(ms) })
    })
  }

  it('makes folder and files for their owner alone, and leaves nothing else there', {
    skip: noModes,
  }, async (t) => {
    const { folder, store } = await inFolder(t)
    await store.lease(NAME, 'one', 5_000, signal)
    await store.put(NAME, Buffer.from('value'), 5_000, signal)
    assert.deepEqual((await readdir(folder)).sort(), [`${NAME}.entry`, `${NAME}.lease`])
    assert.equal((await stat(folder)).mode & 0o777, 0o700)
    for (const file of await readdir(folder))
      assert.equal((await stat(join(folder, file))).mode & 0o777, 0o600)
    await store.release(NAME, 'one', signal)
    assert.deepEqual(await readdir(folder), [`${NAME}.entry`])
  })

  it('follows no link out of its folder, and reads no folder as a file', { skip: noModes }, async (t) => {
    const { folder, store } = await inFolder(t)
    await store.put(NAME, Buffer.from('value'), 5_000, signal)
    const [linked, nested] = ['b'.repeat(43), 'c'.repeat(43)]
    await symlink(join(folder, `${NAME}.entry`), join(folder, `${linked}.entry`))
    await mkdir(join(folder, `${nested}.entry`))
    await assert.rejects(store.get(linked, signal), { code: 'ELOOP' })
    assert.equal(await store.get(nested, signal), undefined)
  })

  it('uses no name that leads anywhere else', async (t) => {
    const { store } = await inFolder(t)
    for (const name of ['', '../x', 'a/b', 'a.b', 'a\0', 'a'.repeat(65)]) {
      await assert.rejects(store.get(name, signal), {
        name: 'RangeError',
        message: 'Cannot use a name that is not base64url',
      })
    }
  })

  for (const [what, content] of [
    ['is empty', ''],
    ['is garbage', '\0\xff garbage'],
    ['lasts for a thousand years', `${virtualClock().now() + 3e13} somebody`],
  ] as const) {
    it(`takes over a lease that ${what}`, async (t) => {
      const { folder, store } = await inFolder(t)
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, `${NAME}.lease`), content)
      assert.equal(await store.lease(NAME, 'two', 5_000, signal), true)
      assert.match(await readFile(join(folder, `${NAME}.lease`), 'utf8'), / two$/)
    })
  }

  it('gives the lease of a dead holder to one of all who take it over at once, time after time', async (t) => {
    const { folder, clock } = await inFolder(t)
    for (let round = 0; round < 50; round += 1) {
      const takers = Array.from({ length: 10 }, () => fileStore({ folder, clock }))
      const asked = takers.map((taker, n) => taker.lease(NAME, `holder-${round}-${n}`, 5_000, signal))
      assert.deepEqual((await Promise.all(asked)).filter(Boolean), [true])
      await clock.advance(5_000)
    }
  })

  it('is not held up for good by one that died while it took a lease over', async (t) => {
    const { folder, clock, store } = await inFolder(t)
    await store.lease(NAME, 'one', 5_000, signal)
    const mark = join(folder, `${NAME}.taking`)
    await mkdir(mark)
    await utimes(mark, new Date(clock.now()), new Date(clock.now()))
    await clock.advance(60_000)
    assert.equal(await store.lease(NAME, 'two', 5_000, signal), false)
    await clock.advance(1)
    assert.equal(await store.lease(NAME, 'two', 5_000, signal), false)
    assert.equal(await store.lease(NAME, 'two', 5_000, signal), true)
  })

  it('gives nothing of an entry that is cut within its first bytes', async (t) => {
    const { folder, store } = await inFolder(t)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, `${NAME}.entry`), 'short')
    assert.equal(await store.get(NAME, signal), undefined)
  })

  it('deletes what nobody has touched for two days, and nothing that it did not make', async (t) => {
    const { folder, clock, other, store } = await inFolder(t)
    await store.put(NAME, Buffer.from('value'), 5_000, signal)
    const old = new Date(clock.now() - 49 * 3_600_000)
    for (const file of ['old.entry', 'old.lease', 'old.new', 'old.lease.x', 'notes.txt']) {
      await writeFile(join(folder, file), '')
      await utimes(join(folder, file), old, old)
    }
    await utimes(join(folder, `${NAME}.entry`), new Date(clock.now()), new Date(clock.now()))
    await other.put('b'.repeat(43), Buffer.from('value'), 5_000, signal)
    assert.deepEqual((await readdir(folder)).sort(), [
      `${NAME}.entry`,
      `${'b'.repeat(43)}.entry`,
      'notes.txt',
    ])
  })

  it('is not made without a folder', () => {
    assert.throws(() => fileStore({ folder: '' }), {
      name: 'ConfigurationError',
      code: 'store_folder_missing',
      message: 'Cannot share tokens by files, as a folder for them is needed: found an empty name',
    })
  })
})

describe('the memory store of these tests', () => {
  for (const { name, holds } of storeRules) {
    it(name, async () => {
      const clock = virtualClock()
      const store = memoryStore(clock)
      await holds({ store, other: store, pass: (ms) => clock.advance(ms) })
    })
  }
})
