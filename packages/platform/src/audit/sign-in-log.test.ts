// The buffer between token requests and the disk: bounded, and patient with a disk that fails.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../store/database.ts'
import { temporaryFolder } from '../test-support.ts'
import type { SignIn } from './sign-in.ts'
import { SignInLog } from './sign-in-log.ts'

const NOW_MS = Date.UTC(2026, 8, 21)

let folder: string
let db: Database
let log: SignInLog
let failures: unknown[]
beforeEach(async () => {
  folder = await temporaryFolder()
  db = await openDatabase(folder)
  failures = []
  log = new SignInLog({ db, waitingMax: 10, onFailure: (error) => failures.push(error) })
})
afterEach(async () => {
  await log.close()
  await db.destroy()
  await rm(folder, { recursive: true, force: true })
})

const signIn = (errorCode: number): SignIn => ({
  id: randomUUID(),
  correlationId: randomUUID(),
  atMs: NOW_MS,
  event: 'servicePrincipal',
  ipAddress: '127.0.0.1',
  errorCode,
  trail: { tenantId: 'tenant' },
})

async function written(): Promise<readonly number[]> {
  const rows = await db.selectFrom('sign_in').select('error_code').orderBy('error_code').execute()
  return rows.map((row) => row.error_code)
}

const add = (from: number, to: number) => {
  for (let number = from; number < to; number++) log.add(signIn(number))
}

/** Makes every write of a sign-in fail, as a full disk does. */
const breakDisk = () =>
  sql`create trigger full before insert on sign_in begin select raise(abort, 'no'); end`.execute(db)
const mendDisk = () => sql`drop trigger full`.execute(db)

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

describe('the sign-in log', () => {
  it('writes nothing before it is told or its time has come, and then everything once', async () => {
    add(0, 5)
    assert.deepEqual([await written(), log.waiting], [[], 5])
    await Promise.all([log.flush(), log.flush()])
    assert.deepEqual([await written(), log.waiting], [range(0, 5), 0])
    await log.flush()
    assert.deepEqual(await written(), range(0, 5))
  })

  it('writes by itself soon after a row was added', async () => {
    add(0, 1)
    while ((await written()).length === 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(log.waiting, 0)
  })

  it('writes batches of any size, and what is added meanwhile', async () => {
    const large = new SignInLog({ db })
    for (let number = 0; number < 450; number++) large.add(signIn(number))
    const flushed = large.flush()
    for (let number = 450; number < 460; number++) large.add(signIn(number))
    await flushed
    await large.close()
    assert.deepEqual(await written(), range(0, 460))
  })

  it('keeps rows while the disk fails, says so once, and writes them when it works again', async () => {
    await breakDisk()
    add(0, 3)
    await log.flush()
    await log.flush()
    assert.deepEqual([await written(), log.waiting, failures.length, log.dropped], [[], 3, 1, 0])
    await mendDisk()
    add(3, 4)
    await log.flush()
    assert.deepEqual([await written(), log.waiting], [range(0, 4), 0])
    await breakDisk()
    add(4, 5)
    await log.flush()
    assert.equal(failures.length, 2)
    await mendDisk()
  })

  it('drops the oldest rows beyond its bound, and counts them', async () => {
    await breakDisk()
    add(0, 19)
    assert.deepEqual([log.waiting, log.dropped], [19, 0])
    add(19, 20)
    assert.deepEqual([log.waiting, log.dropped], [10, 10])
    await mendDisk()
    await log.flush()
    assert.deepEqual(await written(), range(10, 20))
  })

  it('writes what waits when it is closed', async () => {
    add(0, 2)
    await log.close()
    assert.deepEqual(await written(), [0, 1])
  })
})
