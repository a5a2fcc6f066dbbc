import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { KeyFiles } from './key-files.ts'
import { temporaryFolder } from './test-support.ts'

const windows = process.platform === 'win32' ? 'Windows has no modes' : false

let folder: string
before(async () => {
  folder = await temporaryFolder()
})
after(() => rm(folder, { recursive: true, force: true }))

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

describe('KeyFiles', () => {
  it('writes files that their owner alone can read, in a folder of the same kind', {
    skip: windows,
  }, async () => {
    const files = new KeyFiles(join(folder, 'modes'))
    await files.write('a.pem', 'a test', 'secret')
    assert.deepEqual([await modeOf(files.folder), await modeOf(files.path('a.pem'))], ['700', '600'])
    await chmod(files.folder, 0o755)
    await chmod(files.path('a.pem'), 0o644)
    await files.write('a.pem', 'a test', 'new secret')
    assert.deepEqual([await modeOf(files.folder), await modeOf(files.path('a.pem'))], ['700', '600'])
  })

  it('takes over no open mode from a half-written file that a crash left', { skip: windows }, async () => {
    const files = new KeyFiles(join(folder, 'half'))
    await mkdir(files.folder, { recursive: true })
    await writeFile(files.path('a.pem.new'), 'ha', { mode: 0o644 })
    await chmod(files.path('a.pem.new'), 0o644)
    await files.write('a.pem', 'a test', 'secret')
    assert.equal(await modeOf(files.path('a.pem')), '600')
    assert.deepEqual(await readdir(files.folder), ['a.pem'])
  })

  it('makes a file once, lists it with its purpose, and reads it from then on', async () => {
    const files = new KeyFiles(join(folder, 'once'))
    assert.equal(await files.read('a.key', 'a test'), undefined)
    assert.deepEqual(files.list, [])
    let made = 0
    const make = () => `secret ${++made}`
    assert.equal(await files.ensure('a.key', 'a test', make), 'secret 1')
    assert.equal(await files.ensure('a.key', 'a test', make), 'secret 1')
    assert.equal(await readFile(files.path('a.key'), 'utf8'), 'secret 1')
    assert.deepEqual(files.list, [{ file: join(folder, 'once', 'keys', 'a.key'), purpose: 'a test' }])
  })

  it('leaves the old file whole if the new one cannot be written', async () => {
    const files = new KeyFiles(join(folder, 'whole'))
    await files.write('a.pem', 'a test', 'old')
    await mkdir(files.path('a.pem.new'))
    const file = files.path('a.pem')
    await assert.rejects(files.write('a.pem', 'a test', 'new'), {
      name: 'PlatformError',
      code: 'key_file_unusable',
      message: `Cannot use the key file '${file}' (a test), as it must be readable and writable: EISDIR: illegal operation on a directory, open '${file}.new'`,
      hint: 'Check the permissions of the data folder',
    })
    assert.equal(await files.read('a.pem', 'a test'), 'old')
  })

  it('says which file it cannot read, and never what is in it', async () => {
    const files = new KeyFiles(join(folder, 'unreadable'))
    await mkdir(files.path('a.pem'), { recursive: true })
    await assert.rejects(files.read('a.pem', 'a test'), {
      name: 'PlatformError',
      code: 'key_file_unusable',
      message: `Cannot use the key file '${files.path('a.pem')}' (a test), as it must be readable and writable: EISDIR: illegal operation on a directory, read`,
    })
  })
})
