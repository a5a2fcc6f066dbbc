import assert from 'node:assert/strict'
import { rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { newFile } from './proof-support.ts'
import { watchedFile } from './watched-file.ts'

const unreadable = (file: string, found: string) => ({
  name: 'ConfigurationError',
  code: 'credential_file_unreadable',
  message: `Cannot read the credential file '${file}', as a small readable file is needed: ${found}`,
  hint: 'Check the path, its permissions, and whether whatever writes the file is running',
})

/** A watched file that holds `text`, and how often it has been read. */
async function watched(t: Parameters<typeof newFile>[0], text = 'one') {
  const file = await newFile(t)
  await writeFile(file, text)
  let reads = 0
  const read = watchedFile(file, (bytes) => {
    reads += 1
    if (bytes.toString() === 'garbage') throw new TypeError('garbage')
    return { text: bytes.toString() }
  })
  return { file, read, reads: () => reads }
}

describe('watchedFile', () => {
  it('reads and parses once while the file stays the same', async (t) => {
    const { read, reads } = await watched(t)
    const first = await read()
    assert.deepEqual(first, { text: 'one' })
    assert.equal(await read(), first)
    assert.equal(reads(), 1)
  })

  it('reads again what was written over, replaced, or touched', async (t) => {
    const { file, read, reads } = await watched(t)
    await read()
    await writeFile(file, 'longer')
    assert.deepEqual(await read(), { text: 'longer' })
    await writeFile(`${file}.new`, 'rename')
    await rename(`${file}.new`, file)
    assert.deepEqual(await read(), { text: 'rename' })
    await utimes(file, 1, 1)
    assert.deepEqual(await read(), { text: 'rename' })
    assert.equal(reads(), 4)
  })

  it('follows a link that is turned to another file, as Kubernetes does', async (t) => {
    const { file } = await watched(t)
    await writeFile(`${file}.2`, 'two')
    await symlink(file, `${file}.link`)
    const read = watchedFile(`${file}.link`, String)
    assert.equal(await read(), 'one')
    await symlink(`${file}.2`, `${file}.turned`)
    await rename(`${file}.turned`, `${file}.link`)
    assert.equal(await read(), 'two')
  })

  it('fails with what the parser throws, and works again with the next good file', async (t) => {
    const { file, read } = await watched(t)
    await read()
    await writeFile(file, 'garbage')
    await assert.rejects(read(), new TypeError('garbage'))
    await assert.rejects(read(), new TypeError('garbage'))
    await writeFile(file, 'good again')
    assert.deepEqual(await read(), { text: 'good again' })
  })

  it('refuses a file that is not there, a folder, and a file that is too long for a credential', async (t) => {
    const { file, read } = await watched(t)
    await writeFile(file, Buffer.alloc(1024 * 1024 + 1))
    await assert.rejects(read(), unreadable(file, 'it is larger than 1048576 bytes'))
    await writeFile(file, Buffer.alloc(1024 * 1024))
    assert.equal((await read()).text.length, 1024 * 1024)
    await rm(file)
    await assert.rejects(read(), unreadable(file, 'ENOENT'))
    const folder = dirname(file)
    await assert.rejects(watchedFile(folder, String)(), unreadable(folder, 'EISDIR'))
  })
})
