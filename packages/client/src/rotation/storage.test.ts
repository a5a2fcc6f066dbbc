import assert from 'node:assert/strict'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileWith } from './rotation-test-support.ts'
import { credentialFiles } from './storage.ts'

describe('credentialFiles', () => {
  it('keeps the slots beside each other, for their owner alone, and empties them', async (t) => {
    const { folder, file } = fileWith(t, 'first')
    chmodSync(file, 0o644)
    const storage = credentialFiles(file)
    assert.equal(Buffer.from((await storage.load('current')) ?? '').toString(), 'first')
    assert.equal(await storage.load('next'), undefined)
    for (const slot of ['next', 'previous', 'current'] as const) await storage.save(slot, Buffer.from(slot))
    assert.deepEqual(readdirSync(folder).sort(), ['daemon', 'daemon.next', 'daemon.previous'])
    for (const name of readdirSync(folder))
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
    assert.equal(readFileSync(file, 'utf8'), 'current')
    for (const slot of ['next', 'previous', 'previous'] as const) await storage.remove(slot)
    assert.deepEqual(readdirSync(folder), ['daemon'])
  })

  it('replaces a file by another one, so that nobody reads half of it', async (t) => {
    const { file } = fileWith(t, 'first')
    const before = statSync(file).ino
    await credentialFiles(file).save('current', Buffer.from('second'))
    assert.notEqual(statSync(file).ino, before)
  })

  it('follows a link, which stays', async (t) => {
    const { folder, file } = fileWith(t, 'first')
    const linked = join(folder, 'elsewhere')
    symlinkSync(file, linked)
    const storage = credentialFiles(linked)
    await storage.save('current', Buffer.from('second'))
    await storage.save('next', Buffer.from('third'))
    assert.ok(lstatSync(linked).isSymbolicLink())
    assert.equal(readFileSync(file, 'utf8'), 'second')
    assert.equal(readFileSync(`${file}.next`, 'utf8'), 'third')
  })

  it('clears what an interrupted save has left, whoever may read that', async (t) => {
    const { folder, file } = fileWith(t, 'first')
    const storage = credentialFiles(file)
    writeFileSync(`${file}.part`, 'half a ke', { mode: 0o644 })
    await storage.save('next', Buffer.from('whole'))
    assert.equal(statSync(`${file}.next`).mode & 0o777, 0o600)
    writeFileSync(`${file}.part`, 'half a ke')
    await storage.clear?.()
    assert.deepEqual(readdirSync(folder).sort(), ['daemon', 'daemon.next'])
  })

  it('says which file it cannot use, and why', async (t) => {
    const { folder, file } = fileWith(t, Buffer.alloc(1024 * 1024 + 1))
    const storage = credentialFiles(file)
    const code = 'credential_file_unusable'
    await assert.rejects(storage.load('current'), {
      name: 'ConfigurationError',
      code,
      message: `Cannot read the credential file '${file}', as a rotation replaces it: it is larger than 1048576 bytes`,
    })
    mkdirSync(`${file}.next`)
    await assert.rejects(storage.save('next', Buffer.from('x')), {
      code,
      message: `Cannot write the credential file '${file}.next', as a rotation replaces it: EISDIR`,
    })
    const missing = join(folder, 'missing')
    await assert.rejects(credentialFiles(missing).load('current'), {
      code,
      message: `Cannot read the credential file '${missing}', as a rotation replaces it: ENOENT`,
    })
  })
})
