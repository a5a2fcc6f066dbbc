import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, test } from 'node:test'
import { type Database, openDatabase } from '../store/database.ts'
import { temporaryFolder } from '../test-support.ts'
import { Sessions } from './sessions.ts'

const HOUR_MS = 60 * 60 * 1000

let folder: string
let db: Database
let nowMs: number
let sessions: Sessions
beforeEach(async () => {
  folder = await temporaryFolder()
  db = await openDatabase(folder)
  nowMs = 0
  sessions = new Sessions(db, () => nowMs)
})
afterEach(async () => {
  await db.destroy()
  await rm(folder, { recursive: true, force: true })
})

test('Sessions end eight hours after they were opened, however much they are used', async () => {
  const id = await sessions.open()
  nowMs = 8 * HOUR_MS - 1
  assert.equal(await sessions.ownerOf(id), 'platform')
  nowMs = 8 * HOUR_MS
  assert.equal(await sessions.ownerOf(id), undefined)
})

test('Sessions of one owner are at most twenty: one more ends the oldest alone', async () => {
  const ids: string[] = []
  for (; nowMs < 21; nowMs++) ids.push(await sessions.open())
  const open = await Promise.all(ids.map((id) => sessions.ownerOf(id)))
  assert.deepEqual(
    open.map((owner) => owner === undefined),
    ids.map((_, index) => index === 0),
  )
})

test('Sessions know neither an empty id nor one that was closed', async () => {
  const id = await sessions.open()
  await sessions.close(id)
  assert.deepEqual([await sessions.ownerOf(id), await sessions.ownerOf('')], [undefined, undefined])
})

test('Sessions keep no id in the store: what is there opens nothing', async () => {
  const id = await sessions.open()
  const rows = await db.selectFrom('portal_session').selectAll().execute()
  assert.equal(rows.length, 1)
  assert.ok(!JSON.stringify(rows).includes(id))
  assert.equal(await sessions.ownerOf(rows[0]?.digest ?? ''), undefined)
})
