import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { COLUMNS } from './job/person.ts'
import { directoryPeople, document, type Ended, platformWithDaemon } from './test-support.ts'

const skip =
  process.platform !== 'linux'
    ? 'a small disk is a tmpfs, which only Linux has'
    : spawnSync('unshare', ['--mount', 'true']).status !== 0 && 'this user or container may not mount'

const ROWS = 240
const LARGE_KILOBYTES = 64 * 1024

/** A disk that a test can make smaller and larger while it is in use. */
async function disk(t: Pick<TestContext, 'after'>) {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-disk-'))
  const mount = (options: string) => execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder])
  mount(`size=${LARGE_KILOBYTES}k`)
  t.after(async () => {
    execFileSync('umount', ['--lazy', folder])
    await rm(folder, { recursive: true, force: true })
  })
  return {
    folder,
    /** Leaves so many kilobytes free. */
    leave: async (kilobytes: number) => {
      const { blocks, bfree, bsize } = await statfs(folder)
      mount(`remount,size=${Math.ceil(((blocks - bfree) * bsize) / 1024) + kilobytes}k`)
    },
    free: () => mount(`remount,size=${LARGE_KILOBYTES}k`),
  }
}

async function peopleFile(folder: string): Promise<string> {
  const rows = Array.from(
    { length: ROWS },
    (_, n) => `E${n},Åsa,Berg ${n},user${n},Planner,,,${n === 0 ? '' : 'E0'},,`,
  )
  const file = join(folder, 'people.csv')
  await writeFile(file, `${[COLUMNS.join(','), ...rows].join('\n')}\n`)
  return file
}

async function assertFinished(ended: Ended, platform: Parameters<typeof directoryPeople>[0]): Promise<void> {
  assert.equal(ended.code, 0, ended.stderr)
  assert.match(ended.stderr, /^Resuming the run that was interrupted, from its last checkpoint$/m)
  const { rows, created, updated, unchanged, rejected, warnings, notInFile } = document(ended)
  assert.deepEqual(
    { rows, created, updated, unchanged, rejected, warnings, notInFile },
    { rows: ROWS, created: ROWS, updated: 0, unchanged: 0, rejected: [], warnings: [], notInFile: 0 },
  )
  const people = await directoryPeople(platform)
  assert.equal(people.length, ROWS)
  assert.equal(new Set(people.map(({ employeeId }) => employeeId)).size, ROWS)
}

const errorOf = ({ stdout }: Ended) => (JSON.parse(stdout) as { error: Record<string, unknown> }).error
const messages = ({ stderr }: Ended) => stderr.match(/^(?:Cannot|Error|\s+at) .*/gm)

describe('a disk that fills up while people are provisioned', { skip }, () => {
  it("ends the job with one message when it is the daemon's, and the next run finishes", async (t) => {
    const { folder, platform, provision } = await platformWithDaemon(t)
    const file = await peopleFile(folder)
    const small = await disk(t)
    await small.leave(200)
    const data = join(small.folder, 'daemon')
    const run = () => provision([`file=${file}`, '--data', data])

    const ended = await run()
    const message = `Cannot save the checkpoint in '${join(data, 'jobs.db')}', as free space is needed: the disk is full`
    const hint = 'Free some space and run again: the run goes on where its last checkpoint stands'
    assert.equal(ended.code, 1)
    assert.deepEqual(errorOf(ended), { code: 'disk_full', message, hint })
    assert.deepEqual(messages(ended), [message])
    assert.ok(ended.stderr.endsWith(`${message}\nNext: ${hint}\n`))
    const provisioned = (await directoryPeople(platform)).length
    assert.ok(
      provisioned > 0 && provisioned < ROWS,
      `${provisioned} people were provisioned before it was full`,
    )

    small.free()
    await assertFinished(await run(), platform)
  })

  it("ends the job with one message when it is the platform's, which stays up, and the next run finishes", async (t) => {
    const small = await disk(t)
    const { folder, platform, provision } = await platformWithDaemon(t, join(small.folder, 'platform'))
    const file = await peopleFile(folder)
    await small.leave(800)

    const ended = await provision([`file=${file}`])
    const message =
      'Cannot POST /users: status 503, ServiceNotAvailable: The platform cannot write: its disk is full.'
    assert.equal(ended.code, 1)
    assert.deepEqual(errorOf(ended), { code: 'ServiceNotAvailable', message })
    assert.deepEqual(messages(ended), [message])
    assert.ok(ended.stderr.endsWith(`${message}\n`))
    const provisioned = (await directoryPeople(platform)).length
    assert.ok(
      provisioned > 0 && provisioned < ROWS,
      `${provisioned} people were provisioned before it was full`,
    )
    small.free()
    await assertFinished(await provision([`file=${file}`]), platform)
  })
})
