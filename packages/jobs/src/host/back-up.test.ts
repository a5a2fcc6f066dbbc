import assert from 'node:assert/strict'
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { EmbeddedEngine } from '../engine/embedded.ts'
import { copyDatabase } from '../engine/embedded-back-up.ts'
import { type Engine, NO_TRAFFIC } from '../engine/engine.ts'
import { FleetEngine } from '../engine/fleet.ts'
import { claim, claimedRun, claimOne, finish, lease, newRun, queued } from '../engine/promise-test-support.ts'
import { openSqlite } from '../sqlite.ts'
import { NO_SMALL_DISK, smallDisk, temporaryFolder } from '../test-support.ts'
import { newToken, writeAddress } from './address-file.ts'
import { backUp } from './back-up.ts'
import { databaseCopier } from './database-copy.ts'
import { engineDesk } from './desk.ts'
import { startStatusServer } from './status-server.ts'

/** A folder with a database whose daemon tells its status, as far as a back-up needs one. */
async function served(t: TestContext, dataFolder: string, engine: Pick<Engine, 'backUp'>) {
  const token = newToken()
  const server = await startStatusServer({
    port: 0,
    token,
    desk: engineDesk({ engine } as never),
    isAlive: () => true,
    readiness: assert.fail,
    metrics: assert.fail,
    copy: databaseCopier(engine, dataFolder),
  })
  t.after(() => server.close())
  await writeAddress(dataFolder, { origin: server.origin, token, pid: process.pid })
  return server
}

/** An engine in a folder of its own, and where its back-ups go. */
async function opened(t: TestContext, folder?: string) {
  const own = folder ?? (await temporaryFolder(t))
  const dataFolder = join(own, 'data')
  const engine = await EmbeddedEngine.open(join(dataFolder, 'jobs.db'))
  t.after(() => engine.close())
  return { engine, dataFolder, folder: own, file: join(own, 'copy.db') }
}

const integrity = (file: string) => {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return database.prepare('pragma integrity_check').get()?.['integrity_check']
  } finally {
    database.close()
  }
}

const left = async (folder: string) => (await readdir(folder)).filter((name) => name.includes('copy'))

describe('a back-up', () => {
  it('of a daemon at work has every run that had finished before it began, is whole, and can be gone on with', async (t) => {
    const { engine, dataFolder, file, folder } = await opened(t)
    await served(t, dataFolder, engine)
    const half = await claimedRun(engine, { key: 'half', input: { pad: 'x'.repeat(1_000_000) } })
    await engine.checkpoints.saveStep(
      lease(half),
      'pieces',
      { finished: false, value: 41 },
      { seen: { E1: true } },
      NO_TRAFFIC,
    )
    const finished: string[] = []
    let [isOver, meanwhile] = [false, 0]
    const working = (async () => {
      for (let n = 0; !isOver; n += 1) {
        const run = await claimedRun(engine, { key: `work ${n}`, input: { pad: 'x'.repeat(2_000) } })
        await finish(engine, run, { n })
        finished.push(run.id)
        if (finished.length > 20) meanwhile += 1
      }
    })()
    while (finished.length < 20) await setImmediate()
    const before = [...finished]
    const done = await backUp({ dataFolder, file, environment: {} })
    isOver = true
    await working
    assert.ok(meanwhile > 0, 'nothing was written meanwhile')
    assert.deepEqual(done, { file, bytes: (await stat(file)).size })
    if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.deepEqual([await left(folder), await left(dataFolder)], [['copy.db'], []])
    assert.equal(integrity(file), 'ok')

    const restored = join(folder, 'restored', 'jobs.db')
    await mkdir(join(folder, 'restored'))
    await copyFile(file, restored)
    const again = await EmbeddedEngine.open(restored)
    t.after(() => again.close())
    for (const id of before) assert.equal((await again.run(id))?.state, 'finished', id)
    const lost = await again.recover()
    assert.partialDeepStrictEqual(lost[0], { id: half.id, as: 'queued' })
    const resumed = (await claim(again, 5)).find(({ id }) => id === half.id) ?? assert.fail('not claimed')
    assert.equal((await again.checkpoints.step(lease(resumed), 'pieces'))?.value, 41)
    await finish(again, resumed)
    assert.equal((await again.run(half.id))?.state, 'finished')
  })

  it('that begins in the middle of a transaction waits for its end', async (t) => {
    const folder = await temporaryFolder(t)
    const [file, target] = [join(folder, 'jobs.db'), join(folder, 'copy.db')]
    const database = openSqlite(file)
    t.after(() => database.close())
    database.exec('create table piece (n integer); begin immediate; insert into piece values (1)')
    await writeFile(target, '')
    const { signal } = new AbortController()
    const copying = copyDatabase(database, file, { target, signal })
    // Through the same threads as the copy, so that it is refused meanwhile.
    for (let looks = 0; looks < 30; looks += 1) await stat(target)
    database.exec('insert into piece values (2); commit')
    await copying
    const copy = new DatabaseSync(target)
    t.after(() => copy.close())
    assert.equal(copy.prepare('select count(*) as pieces from piece').get()?.['pieces'], 2)
  })

  it('of a daemon that does not run is a copy of its file', async (t) => {
    const { engine, dataFolder, file } = await opened(t)
    const id = await queued(engine)
    await assert.rejects(backUp({ dataFolder, file, environment: {} }), { code: 'checkpoints_held' })
    await engine.close()
    await backUp({ dataFolder, file, environment: {} })
    const copy = await EmbeddedEngine.open(file)
    t.after(() => copy.close())
    assert.equal((await claimOne(copy)).id, id)
  })

  it('replaces nothing, and leaves nothing behind of what it could not write', async (t) => {
    const { engine, dataFolder, file, folder } = await opened(t)
    const back = (target: string, environment = {}, data = dataFolder) =>
      backUp({ dataFolder: data, file: target, environment })
    await served(t, dataFolder, engine)
    await writeFile(file, 'mine')
    await assert.rejects(back(file), {
      name: 'JobError',
      code: 'backup_exists',
      message: `Cannot write the back-up '${file}', as nothing may be replaced: there is such a file`,
    })
    assert.equal(await readFile(file, 'utf8'), 'mine')
    await assert.rejects(back(join(folder, 'none', 'copy.db')), { code: 'backup_folder_missing' })
    await assert.rejects(back(join(file, 'copy.db')), { code: 'backup_unwritable' })
    const empty = await temporaryFolder(t)
    await assert.rejects(back(join(empty, 'copy.db'), {}, empty), { code: 'backup_nothing' })
    const fleet = { TOMTE_DATABASE_URL: 'postgres://127.0.0.1/x' }
    await assert.rejects(back(join(empty, 'copy.db'), fleet, empty), {
      code: 'backup_by_database',
      hint: "Take pg_dump, with --schema='tomte_jobs_NAME*'",
    })
    assert.deepEqual(await readdir(empty), [])
    assert.deepEqual([await left(folder), await left(dataFolder)], [['copy.db'], []])
  })

  it('of a daemon on PostgreSQL is refused by it, whatever the environment here says', async (t) => {
    const dataFolder = await temporaryFolder(t)
    await served(t, dataFolder, { backUp: () => FleetEngine.prototype.backUp() })
    const file = join(dataFolder, 'copy.db')
    await assert.rejects(backUp({ dataFolder, file, environment: {} }), { code: 'backup_by_database' })
    assert.deepEqual(await left(dataFolder), [])
  })

  it('ends when nobody wants it any more, and when the database is closed, and one at a time is made', async (t) => {
    const { engine, dataFolder, file, folder } = await opened(t)
    await engine.enqueue([newRun({ input: { pad: 'x'.repeat(8_000_000) } })])
    const copy = databaseCopier(engine, dataFolder)
    const stop = new AbortController()
    const given = copy(stop.signal)
    await assert.rejects(copy(stop.signal), { code: 'backup_running' })
    stop.abort(new Error('enough'))
    await assert.rejects(given, { message: 'enough' })
    await served(t, dataFolder, engine)
    const stopped = AbortSignal.abort(new Error('gone'))
    await assert.rejects(backUp({ dataFolder, file, environment: {}, signal: stopped }), { message: 'gone' })
    const cut = backUp({ dataFolder, file, environment: {} })
    while ((await left(dataFolder)).length === 0) await setImmediate()
    await engine.close()
    await assert.rejects(cut, { code: 'backup_stopped' })
    assert.deepEqual([await left(folder), await left(dataFolder)], [[], []])
  })

  it('says when the disk is full, here or at the daemon', { skip: NO_SMALL_DISK }, async (t) => {
    const disk = await smallDisk(t, 1_500)
    const { engine, dataFolder } = await opened(t, disk)
    await engine.enqueue([newRun({ input: { pad: 'x'.repeat(900_000) } })])
    await engine.close()
    const file = join(disk, 'copy.db')
    await assert.rejects(backUp({ dataFolder, file, environment: {} }), {
      code: 'disk_full',
      message: `Cannot write the back-up '${file}', as free space is needed: the disk is full`,
    })
    const other = await opened(t)
    await other.engine.enqueue([newRun({ input: { pad: 'x'.repeat(1_500_000) } })])
    await served(t, other.dataFolder, other.engine)
    const to = { dataFolder: other.dataFolder, file, environment: {} }
    await assert.rejects(backUp(to), { code: 'disk_full' })
    assert.deepEqual([await left(disk), await left(other.dataFolder)], [[], []])
  })
})
