// The data folder: opened again, held by another process, damaged, or not writable.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../test-support.ts'
import { openDatabase } from './database.ts'

const MODULE = new URL('./database.ts', import.meta.url).href
const NODE = ['--conditions=@tomte/source', '--disable-warning=ExperimentalWarning', '--input-type=module']

let home: string
let folders = 0
before(async () => {
  home = await temporaryFolder()
})
after(() => rm(home, { recursive: true, force: true }))

/** A folder with a database of some pages, and what a test does to its file. */
async function folderWith(spoil: (file: string) => Promise<unknown> = async () => {}): Promise<string> {
  const folder = join(home, `folder-${++folders}`)
  const db = await openDatabase(folder)
  for (let n = 0; n < 200; n++)
    await db
      .insertInto('setting')
      .values({ name: `name ${n}`, value: 'x'.repeat(500) })
      .execute()
  await db.destroy()
  await spoil(join(folder, 'platform.db'))
  return folder
}

const settings = async (folder: string) => {
  const db = await openDatabase(folder)
  const rows = await db.selectFrom('setting').selectAll().execute()
  await db.destroy()
  return rows.length
}

/** Runs a script in a process of its own, which ends it with `await new Promise(…)` or by itself. */
function child(script: string, folder: string) {
  const source = `import { openDatabase } from ${JSON.stringify(MODULE)}\nconst folder = process.argv[1]\n${script}`
  const cwd = fileURLToPath(new URL('.', import.meta.url))
  const process_ = spawn(process.execPath, [...NODE, '--eval', source, folder], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { process: process_, lines: createInterface(process_.stdout)[Symbol.asyncIterator]() }
}

describe('openDatabase', () => {
  it('runs each migration once, however often the folder is opened', async () => {
    const folder = await folderWith()
    assert.equal(await settings(folder), 200)
    assert.equal(await settings(folder), 200)
    if (process.platform !== 'win32') assert.equal((await stat(folder)).mode & 0o777, 0o700)
  })

  it('lets one process at a time in, and the next one as soon as it is gone', async () => {
    const folder = await folderWith()
    const other = child(
      `await openDatabase(folder); console.log('open'); setInterval(() => {}, 1000)`,
      folder,
    )
    const ended = once(other.process, 'exit')
    try {
      assert.equal((await other.lines.next()).value, 'open')
      await assert.rejects(openDatabase(folder), {
        name: 'PlatformError',
        code: 'data_folder_held',
        message: `Cannot open the data folder '${folder}', as one process at a time may use it: another process holds it`,
        hint: 'Stop the other process, or give this one a folder of its own with --data',
      })
    } finally {
      other.process.kill('SIGKILL')
    }
    await ended
    assert.equal(await settings(folder), 200)
  })

  it('lets this process in once, too', async () => {
    const folder = await folderWith()
    const db = await openDatabase(folder)
    await assert.rejects(openDatabase(folder), { name: 'PlatformError', code: 'data_folder_held' })
    await db.destroy()
    assert.equal(await settings(folder), 200)
  })

  it('has every write that was answered, after kill -9 in the middle of writing', async () => {
    const folder = join(home, 'killed')
    const writer = child(
      `const db = await openDatabase(folder)
       for (let n = 0; ; n++) {
         await db.insertInto('setting').values({ name: 'n' + n, value: String(n) }).execute()
         console.log(n)
       }`,
      folder,
    )
    let answered = -1
    while (answered < 50) answered = Number((await writer.lines.next()).value)
    writer.process.kill('SIGKILL')
    await once(writer.process, 'exit')
    for (let line = await writer.lines.next(); !line.done; line = await writer.lines.next())
      if (/^\d+$/.test(line.value)) answered = Math.max(answered, Number(line.value))
    const db = await openDatabase(folder)
    const rows = await db.selectFrom('setting').select(['name', 'value']).execute()
    await db.destroy()
    const kept = new Map(rows.map(({ name, value }) => [name, value]))
    for (let n = 0; n <= answered; n++) assert.equal(kept.get(`n${n}`), String(n))
    // One more may have been written without being answered.
    assert.ok(kept.size - (answered + 1) <= 1, `${kept.size} kept, ${answered + 1} answered`)
  })

  const garbage = (size: number) => Buffer.alloc(size, 0xa5)
  const overwrite = async (file: string, position: number, bytes: Buffer) => {
    const handle = await open(file, 'r+')
    await handle.write(bytes, 0, bytes.length, position)
    await handle.close()
  }
  for (const [what, spoil] of [
    ['has another header', (file: string) => overwrite(file, 0, garbage(100))],
    ['is no database at all', (file: string) => writeFile(file, garbage(5000))],
    ['was cut off', async (file: string) => truncate(file, Math.floor((await stat(file)).size / 2))],
    ['was cut within a page', async (file: string) => truncate(file, (await stat(file)).size - 1000)],
    [
      'has a page of garbage in the middle',
      async (file: string) => {
        const middle = Math.floor((await stat(file)).size / 4096 / 2) * 4096
        await overwrite(file, middle, garbage(4096))
      },
    ],
  ] as const) {
    it(`refuses a database that ${what}, and leaves it as it is`, async () => {
      const folder = await folderWith(spoil)
      const file = join(folder, 'platform.db')
      const before = await readFile(file)
      await assert.rejects(openDatabase(folder), (error: Error & { code?: string; hint?: string }) => {
        assert.deepEqual(
          [error.name, error.code, error.hint],
          [
            'PlatformError',
            'data_folder_damaged',
            'Restore the folder from a copy, or move it away: the next start makes a new one',
          ],
        )
        const [start] = error.message.split(': ', 1)
        assert.equal(start, `Cannot open the data folder '${folder}', as its database must be intact`)
        return true
      })
      assert.deepEqual(await readFile(file), before)
    })
  }

  const unusable = (folder: string) => (error: Error & { code?: string }) => {
    assert.deepEqual([error.name, error.code], ['PlatformError', 'data_folder_unusable'])
    const [start] = error.message.split(': ', 1)
    assert.equal(
      start,
      `Cannot use the data folder '${folder}', as it must be a folder that can be written to`,
    )
    return true
  }

  it('refuses a folder that is a file', async () => {
    const folder = join(home, 'file')
    await writeFile(folder, '')
    await assert.rejects(openDatabase(folder), unusable(folder))
    await assert.rejects(openDatabase(join(folder, 'below')), unusable(join(folder, 'below')))
  })

  const root = process.getuid?.() === 0
  const cannotFail =
    process.platform === 'win32' ? 'Windows has no modes' : root ? 'root may write everywhere' : false
  it('refuses a folder that may not be written to', { skip: cannotFail }, async () => {
    const folder = join(home, 'read-only')
    await mkdir(folder)
    await chmod(folder, 0o500)
    await assert.rejects(openDatabase(folder), unusable(folder))
  })

  it('refuses a disk that is mounted read-only', { skip: noMount() }, async () => {
    const folder = join(home, 'mounted')
    await mkdir(folder)
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', folder]).status, 0)
    try {
      await assert.rejects(openDatabase(folder), unusable(folder))
    } finally {
      spawnSync('umount', [folder])
    }
  })

  function noMount(): string | false {
    if (process.platform !== 'linux' || !root) return 'only root on Linux can mount a disk'
    return spawnSync('unshare', ['--mount', 'true']).status === 0 ? false : 'this container may not mount'
  }
})
