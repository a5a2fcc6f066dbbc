import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, test } from 'node:test'
import { type Database, openDatabase } from '../store/database.ts'
import { temporaryFolder } from '../test-support.ts'
import { ADMINISTRATOR, Attempts } from './attempts.ts'

let folder: string
let db: Database
let nowMs: number
let attempts: Attempts
beforeEach(async () => {
  folder = await temporaryFolder()
  db = await openDatabase(folder)
  nowMs = 1_000
  attempts = new Attempts(db, () => nowMs)
})
afterEach(async () => {
  await db.destroy()
  await rm(folder, { recursive: true, force: true })
})

const names = async () => (await db.selectFrom('portal_attempt').select('name_digest').execute()).length

test('Attempts refuses the sixth guess within a minute even while the five are still being checked', async () => {
  const begun = await Promise.all(Array.from({ length: 6 }, () => attempts.begin(ADMINISTRATOR)))
  assert.deepEqual(
    begun.filter(({ allowed }) => !allowed),
    [{ allowed: false, waitSeconds: 60 }],
  )
})

test('Attempts does not count a try that succeeded', async () => {
  for (let entry = 1; entry <= 20; entry++) {
    const attempt = await attempts.begin('ann@contoso.example')
    assert.ok(attempt.allowed)
    await attempt.succeeded()
  }
})

test('Attempts allows another guess once the oldest failure is a minute old', async () => {
  for (let guess = 0; guess < 5; guess++) {
    nowMs = guess * 10_000
    await attempts.begin(ADMINISTRATOR)
  }
  nowMs = 59_001
  assert.deepEqual(await attempts.begin(ADMINISTRATOR), { allowed: false, waitSeconds: 1 })
  nowMs = 60_000
  assert.equal((await attempts.begin(ADMINISTRATOR)).allowed, true)
  assert.deepEqual(await attempts.begin(ADMINISTRATOR), { allowed: false, waitSeconds: 10 })
})

test('Attempts locks an account after ten failures in a row, and never the administrator', async () => {
  for (const [name, waitSeconds] of [
    ['ann@contoso.example', 15 * 60],
    [ADMINISTRATOR, 60],
  ] as const) {
    for (let guess = 1; guess <= 10; guess++) {
      if (guess === 6) nowMs += 60_000
      assert.equal((await attempts.begin(name)).allowed, true, `${guess}`)
    }
    assert.deepEqual(await attempts.begin(name), { allowed: false, waitSeconds })
    nowMs += waitSeconds * 1000
    assert.equal((await attempts.begin(name)).allowed, true)
  }
})

test('Attempts keeps no name, and at most ten thousand of them: the one longest unused is forgotten', async () => {
  const rows = Array.from({ length: 9_999 }, (_, n) => ({ n: String(n), last_at_ms: n }))
  for (let from = 0; from < rows.length; from += 1_000) {
    const piece = rows.slice(from, from + 1_000).map(({ n, last_at_ms }) => ({ name_digest: n, last_at_ms }))
    await db
      .insertInto('portal_attempt')
      .values(piece.map((row) => ({ ...row, failed_at_ms: '[]', failures: 1, locked_until_ms: 0 })))
      .execute()
  }
  nowMs = 20_000
  await attempts.begin('ann@contoso.example')
  assert.equal(await names(), 10_000)
  await attempts.begin('bob@contoso.example')
  assert.equal(await names(), 10_000)
  const kept = await db.selectFrom('portal_attempt').selectAll().orderBy('last_at_ms').execute()
  assert.equal(kept[0]?.name_digest, '1')
  assert.ok(!JSON.stringify(kept).includes('ann'))
})
