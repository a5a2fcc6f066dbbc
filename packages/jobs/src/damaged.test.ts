import assert from 'node:assert/strict'
import { mkdir, open, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { EmbeddedEngine } from './engine/embedded.ts'
import { NO_TRAFFIC } from './engine/engine.ts'
import { claimedRun, claimOne, lease } from './engine/promise-test-support.ts'
import { anotherProcess, temporaryFolder } from './test-support.ts'

const DAMAGED_HINT =
  'Restore the file from a copy, or move it away: the next run then starts from the beginning'

/** A file with enough entries that it has many pages. */
async function filledFile(t: TestContext): Promise<string> {
  const file = join(await temporaryFolder(t), 'jobs.db')
  const store = await EmbeddedEngine.open(file)
  const run = await claimedRun(store)
  const people = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`E${index}`, 'x'.repeat(200)]))
  await store.checkpoints.saveStep(lease(run), 'one', { finished: false, value: 1 }, { people }, NO_TRAFFIC)
  await store.close()
  return file
}

async function overwrite(file: string, position: number, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.write(bytes, 0, bytes.length, position)
  await handle.close()
}

async function assertDamaged(file: string, found: RegExp): Promise<void> {
  const before = await readFile(file)
  await assert.rejects(EmbeddedEngine.open(file), (error: Error & { code?: string; hint?: string }) => {
    assert.equal(error.name, 'JobError')
    assert.equal(error.code, 'checkpoints_damaged')
    assert.equal(error.hint, DAMAGED_HINT)
    const start = `Cannot open the checkpoints in '${file}', as the file must be intact: `
    assert.equal(error.message.slice(0, start.length), start)
    assert.match(error.message.slice(start.length), found)
    assert.equal(error.message.includes('\n'), false)
    return true
  })
  assert.deepEqual(await readFile(file), before)
}

describe('EmbeddedEngine.open', () => {
  it('refuses a file that is no database, and leaves it as it is', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    await writeFile(file, 'These are notes of mine.\n'.repeat(500))
    await assertDamaged(file, /^file is not a database$/)
  })

  it('refuses a file that was cut off, and leaves it as it is', async (t) => {
    const file = await filledFile(t)
    const { size } = await stat(file)
    await truncate(file, Math.floor(size / 2 / 4096) * 4096)
    await assertDamaged(file, /^database disk image is malformed$/)
  })

  it('refuses a file whose header was overwritten, and leaves it as it is', async (t) => {
    const file = await filledFile(t)
    await overwrite(file, 0, Buffer.alloc(100, 0x5a))
    await assertDamaged(file, /^file is not a database$/)
  })

  it('refuses a file with garbage in any of its pages but the first, and leaves it as it is', async (t) => {
    const file = await filledFile(t)
    const { size } = await stat(file)
    const intact = await readFile(file)
    for (let position = 4096; position < size; position += 4096) {
      await overwrite(file, position, Buffer.alloc(4096, 0x5a))
      await assertDamaged(file, /\w/)
      await writeFile(file, intact)
    }
    const store = await EmbeddedEngine.open(file)
    assert.equal((await store.recover())[0]?.as, 'queued')
    await store.close()
  })

  it('takes an empty file for a new one', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    await writeFile(file, '')
    const store = await EmbeddedEngine.open(file)
    assert.equal((await claimedRun(store)).resumed, false)
    await store.close()
  })

  it('refuses a folder in place of the file', async (t) => {
    const file = join(await temporaryFolder(t), 'jobs.db')
    await mkdir(file)
    await assert.rejects(EmbeddedEngine.open(file), {
      name: 'JobError',
      code: 'checkpoints_unusable',
      message: `Cannot use the checkpoints in '${file}', as the file must be readable and writable: unable to open database file`,
      hint: 'Check the data folder and its permissions',
    })
  })

  it('refuses a file in place of the folder', async (t) => {
    const folder = join(await temporaryFolder(t), 'data')
    await writeFile(folder, '')
    const file = join(folder, 'jobs.db')
    await assert.rejects(EmbeddedEngine.open(file), {
      name: 'JobError',
      code: 'checkpoints_unusable',
      message: `Cannot use the checkpoints in '${file}', as the file must be readable and writable: EEXIST: file already exists, mkdir '${folder}'`,
    })
  })

  const noModes = process.platform === 'win32' && 'Windows has no modes'
  it('makes the folder for its owner alone', { skip: noModes }, async (t) => {
    const folder = join(await temporaryFolder(t), 'a', 'b')
    await (await EmbeddedEngine.open(join(folder, 'jobs.db'))).close()
    assert.equal((await stat(folder)).mode & 0o777, 0o700)
  })

  it('refuses a file that another process holds, and takes it when that process is killed', async (t) => {
    const folder = await temporaryFolder(t)
    const file = join(folder, 'jobs.db')
    const holder = anotherProcess(
      t,
      `import { EmbeddedEngine } from './engine/embedded.ts'
      globalThis.store = await EmbeddedEngine.open(process.argv[1] + '/jobs.db')
      console.log('held')
      process.stdin.resume()
      setInterval(() => {}, 1000)`,
      folder,
    )
    await holder.printed(/held/)
    const held = {
      name: 'JobError',
      code: 'checkpoints_held',
      message: `Cannot open the checkpoints in '${file}', as one daemon at a time may use them: another process holds the file`,
      hint: 'Wait until the other run has ended, or give this daemon a data folder of its own',
    }
    await assert.rejects(EmbeddedEngine.open(file), held)
    holder.child.kill('SIGKILL')
    await holder.ended
    await (await EmbeddedEngine.open(file)).close()
  })
})

describe('EmbeddedEngine after kill -9', () => {
  const saver = `import { EmbeddedEngine } from './engine/embedded.ts'
    import { NO_TRAFFIC } from './engine/engine.ts'
    const engine = await EmbeddedEngine.open(process.argv[1] + '/jobs.db')
    await engine.recover()
    const [{ id }] = await engine.enqueue([{ job: 'work', tenant: 'contoso.example', input: {}, key: 'key' }])
    const run = await engine.claimRun(id)
    const lease = { ...run, version: 1 }
    for (let n = (await engine.checkpoints.step(lease, 'one'))?.value ?? 0; ; n++) {
      const entries = { done: { [String(n).padStart(6, '0')]: n, ['twin' + n]: n } }
      await engine.checkpoints.saveStep(lease, 'one', { finished: false, value: n + 1 }, entries, NO_TRAFFIC)
      process.stdout.write(n + 1 + '\\n')
    }`

  it('has everything that was acknowledged, and no half of anything', async (t) => {
    const folder = await temporaryFolder(t)
    for (const stopAfter of [1, 3, 60]) {
      const child = anotherProcess(t, saver, folder)
      await child.printed(new RegExp(`^(\\d+\\n){${stopAfter}}`))
      child.child.kill('SIGKILL')
      await child.ended
      const acknowledged = Number(child.stdout().trim().split('\n').at(-1))
      const engine = await EmbeddedEngine.open(join(folder, 'jobs.db'))
      assert.deepEqual(
        (await engine.recover()).map(({ deaths }) => deaths),
        [1],
      )
      const run = await claimOne(engine)
      const saved = (await engine.checkpoints.step(lease(run), 'one'))?.value as number
      const entries = await engine.checkpoints.pageEntries(lease(run), 'done', '', 1_000_000)
      await engine.close()
      assert.equal(run.resumed, true)
      assert.ok(saved >= acknowledged, `${saved} are saved, ${acknowledged} were acknowledged`)
      assert.equal(entries.size, saved * 2)
    }
  })
})
