// By what a running platform is found in its data folder.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readyDocument } from './announcement.ts'
import { startPlatform } from './platform.ts'

let dataFolder: string
before(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'tomte-announced-'))
})
after(() => rm(dataFolder, { recursive: true }))

const names = async () => (await readdir(dataFolder)).filter((name) => name.startsWith('platform.json'))

describe('platform.json', () => {
  const file = () => join(dataFolder, 'platform.json')

  it('says how a platform is reached from anywhere, in place of what a killed one has left, until it is closed', async () => {
    await writeFile(file(), '{"login":"https://localhost:1"', { mode: 0o644 })
    const platform = await startPlatform({ dataFolder: relative(process.cwd(), dataFolder), port: 0 })
    try {
      const found = JSON.parse(await readFile(file(), 'utf8')) as object
      const operatorCertificate = join(dataFolder, 'keys', 'operator.pem')
      const ca = join(dataFolder, 'ca.pem')
      assert.deepEqual(found, { ...readyDocument(platform), ca, operatorCertificate })
      assert.equal((await stat(file())).mode & 0o777, 0o600)
      assert.deepEqual(await names(), ['platform.json'])
    } finally {
      await platform.close()
    }
    assert.deepEqual(await names(), [])
  })

  it('of another platform on the folder stays, and one that cannot be written keeps none from running', async (t) => {
    const platform = await startPlatform({ dataFolder, port: 0 })
    await writeFile(file(), '{}')
    await platform.close()
    assert.equal(await readFile(file(), 'utf8'), '{}')
    await rm(file())
    await mkdir(file())
    const told: string[] = []
    t.mock.method(process.stderr, 'write', (text: string) => told.push(text) > 0)
    await (await startPlatform({ dataFolder, port: 0 })).close()
    assert.match(told.join(''), /"msg":"platform\.json: not as it should be"/)
    assert.deepEqual(await names(), ['platform.json'])
  })
})
