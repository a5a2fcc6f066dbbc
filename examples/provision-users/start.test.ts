import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { cp, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startPlatform } from '@tomte/platform'
import { company, SEED } from './hr/population.ts'
import { killedAndFinished, MOMENTS, OUTCOME } from './killed-start-test-support.ts'
import { assertNoSecrets } from './secrets-support.ts'
import { document, run, startOnce, temporaryFolder } from './test-support.ts'

const { expected } = company(SEED)
const DOCUMENT_KEYS = [
  'rows',
  'created',
  'updated',
  'disabled',
  'unchanged',
  'rejected',
  'warnings',
  'notInFile',
  'tokenRequests',
  'apiRequests',
  'retries',
  'seconds',
]

describe('npm start -- --once --json', () => {
  it('provisions the directory as the file says, and a second run changes nothing', async (t) => {
    const folder = await temporaryFolder(t)
    const first = await startOnce(folder).ended
    assert.equal(first.code, 0, first.stderr)
    const counts = document(first)
    assert.deepEqual(Object.keys(counts), DOCUMENT_KEYS)
    assert.equal(counts.rows, 1000)
    assert.equal(counts.created + counts.updated + counts.unchanged + counts.rejected.length, counts.rows)
    assert.equal(counts.created, expected.joiners)
    assert.equal(counts.disabled, expected.leavers.inDirectory)
    assert.equal(counts.updated, expected.updated + expected.leavers.inDirectory)
    assert.equal(counts.rejected.length, expected.bad.all)
    assert.equal(counts.notInFile, expected.directory.notInFile)
    assert.equal(counts.warnings.length, 1)
    // One of them for the attempt that found no consent.
    assert.equal(counts['tokenRequests'], 2)
    assert.match(first.stderr, /403, Authorization_RequestDenied/)
    assert.match(
      first.stderr,
      /has no consent for the application permission User\.ReadWrite\.All in tenant 'contoso\.example'/,
    )

    const second = await startOnce(folder).ended
    assert.equal(second.code, 0, second.stderr)
    const again = document(second)
    assert.deepEqual([again.created, again.updated, again.disabled, again['tokenRequests']], [0, 0, 0, 1])
    assert.equal(again.unchanged + again.rejected.length, again.rows)
    assert.match(second.stderr, /3\. Skipped: consent was granted at /)
    assert.doesNotMatch(second.stderr, /403/)

    const printed = [first, second].map(({ stdout, stderr }) => stdout + stderr).join('')
    await writeFile(join(folder, 'printed'), printed)
    const keyFiles = [...printed.matchAll(/^ {5}(\S+keys\S+) \(/gm)].map(([, file]) => file ?? '')
    await assertNoSecrets(folder, [
      ...new Set([...keyFiles, join(folder, 'keys', 'nightly-provisioning.pem')]),
    ])
  })
})

describe('npm start after kill -9 of its whole process group', () => {
  // The others are `npm run drill -- start-kill`.
  for (const moment of MOMENTS.filter(({ inTests }) => inTests)) {
    it(`finishes the work when it was killed ${moment.when}`, async (t) => {
      const { outcome, people, employees } = await killedAndFinished(await temporaryFolder(t), moment)
      assert.deepEqual(outcome, OUTCOME)
      assert.equal(people, expected.directory.after)
      assert.equal(new Set(employees).size, employees.length)
    })
  }
})

describe('npm start in bad surroundings', () => {
  it('ends with one message when the port is in use', async (t) => {
    const other = createServer().listen(0, 'localhost')
    t.after(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const folder = await temporaryFolder(t)
    const ended = await run('start.ts', ['--once', '--port', String(port), '--data', folder]).ended
    assert.equal(ended.code, 1)
    assert.equal(
      ended.stderr,
      `Cannot listen on port ${port} of localhost, as the port must be free: another program listens there\n` +
        'Next: Stop the other program, or choose another port with --port\n',
    )
  })

  it('ends with one message when another process holds the data folder', async (t) => {
    const folder = await temporaryFolder(t)
    const holder = await startPlatform({ dataFolder: folder, port: 0 })
    t.after(() => holder.close())
    const ended = await startOnce(folder).ended
    assert.equal(ended.code, 1)
    assert.match(
      ended.stderr,
      /^Cannot open the data folder '.*', as one process at a time may use it: another process holds it\nNext: .*\n$/,
    )
    assert.deepEqual(JSON.parse(ended.stdout).error.code, 'data_folder_held')
  })

  it('ends with one message when the data folder is damaged, and leaves it as it is', async (t) => {
    const folder = await temporaryFolder(t)
    await (await startPlatform({ dataFolder: folder, port: 0 })).close()
    const handle = await open(join(folder, 'platform.db'), 'r+')
    await handle.write(Buffer.alloc(4096, 0x5a), 0, 4096, 4096)
    await handle.close()
    await cp(join(folder, 'platform.db'), join(folder, 'copy.db'))
    const ended = await startOnce(folder).ended
    assert.equal(ended.code, 1)
    assert.match(
      ended.stderr,
      /^Cannot open the data folder '.*', as its database must be intact: .*\nNext: .*\n$/,
    )
  })

  it('ends with one message when the data folder is a file', async (t) => {
    const folder = join(await temporaryFolder(t), 'file')
    await writeFile(folder, 'no folder')
    const ended = await startOnce(folder).ended
    assert.equal(ended.code, 1)
    assert.match(
      ended.stderr,
      /^Cannot use the data folder '.*', as it must be a folder that can be written to: /,
    )
  })

  it('refuses an option that it does not know with exit code 2', async () => {
    const ended = await run('start.ts', ['--onec']).ended
    assert.equal(ended.code, 2)
    assert.match(ended.stderr, /Unknown option '--onec'/)
  })
})
