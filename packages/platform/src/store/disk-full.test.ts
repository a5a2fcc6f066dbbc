// A disk that is full: shown on a real one of eight megabytes, which only root on Linux can make.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startPlatform } from '../platform.ts'
import {
  type Answer,
  assertGraphError,
  type Json,
  makeKey,
  newUser,
  temporaryFolder,
  World,
} from '../test-support.ts'

const FULL = 'The platform cannot write: its disk is full.'

function noMount(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can mount a disk'
  return spawnSync('unshare', ['--mount', 'true']).status === 0 ? false : 'this container may not mount'
}

const skip = noMount()

describe('a platform whose disk is full', { skip }, () => {
  let home: string
  let disk: string
  let world: World
  before(async () => {
    home = await temporaryFolder()
    disk = join(home, 'disk')
    await mkdir(disk)
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]).status, 0)
    world = await World.start(join(disk, 'data'))
  })
  after(async () => {
    await world.stop()
    spawnSync('umount', [disk])
    await rm(home, { recursive: true, force: true })
  })

  const filler = () => join(disk, 'filler')
  /** Takes all the space that is left. */
  async function fill(): Promise<void> {
    const file = await open(filler(), 'w')
    try {
      for (const size of [65_536, 4096]) {
        const bytes = Buffer.alloc(size, 1)
        for (;;) await file.write(bytes)
      }
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    } finally {
      await file.close()
    }
  }

  let written = 0
  /** Creates users until one is refused; the log still has some room that it has taken before. */
  async function writeUntilFull(): Promise<Answer> {
    for (let attempt = 0; attempt < 3000; attempt++) {
      const answer = await world.graph('POST', '/users', newUser(`u${written}`))
      if (answer.status !== 201) return answer
      written++
    }
    throw new Error('the disk is not full')
  }

  async function userNames(): Promise<string[]> {
    const names: string[] = []
    let path: string | undefined = '/users?$top=999&$select=mailNickname'
    while (path !== undefined) {
      const page: Json = await world.done(200, 'GET', path)
      names.push(...(page['value'] as Json[]).map((user) => String(user['mailNickname'])))
      path = (page['@odata.nextLink'] as string | undefined)?.slice(world.platform.graphUrl.length)
    }
    return names
  }
  const expected = () => Array.from({ length: written }, (_, n) => `u${n}`)

  it('refuses every write with 503, goes on reading, and has nothing half-written', async () => {
    const key = await makeKey(world.clock.ms)
    const app = await world.register(key)
    await fill()
    assertGraphError(await writeUntilFull(), 503, 'ServiceNotAvailable', FULL)
    const large = { displayName: 'half', appRoles: roles(400) }
    const half = await world.graph('POST', '/applications', large)
    assertGraphError(half, 503, 'ServiceNotAvailable', FULL)
    assert.deepEqual(await userNames(), expected())
    assert.equal((await world.postForm(world.form(app))).status, 200, 'tokens are still issued')
    const list = await world.done(200, 'GET', "/applications?$filter=displayName%20eq%20'half'")
    assert.deepEqual(list, { value: [] })
  })

  it('writes again once there is space, without a restart', async () => {
    await rm(filler())
    await world.user(`u${written}`)
    written++
    assert.deepEqual(await userNames(), expected())
  })

  it('has exactly what it acknowledged when it is started again', async () => {
    await fill()
    assertGraphError(await writeUntilFull(), 503, 'ServiceNotAvailable', FULL)
    await world.stop()
    await rm(filler())
    world = await World.start(join(disk, 'data'))
    assert.deepEqual(await userNames(), expected())
  })

  it('cannot be started on a new folder, and says why in one PlatformError', async () => {
    await fill()
    await assert.rejects(startPlatform({ dataFolder: join(disk, 'other'), port: 0 }), (error: Error) => {
      assert.deepEqual([error.name, 'code' in error && error.code], ['PlatformError', 'disk_full'])
      assert.match(error.message, /: the disk is full$/)
      return true
    })
    await rm(filler())
  })
})

const roles = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    value: `Role.${n}`,
    description: 'x'.repeat(200),
    allowedMemberTypes: ['Application'],
  }))
