import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sessions } from './sessions.ts'

const HOUR_MS = 60 * 60 * 1000

test('Sessions end eight hours after they were opened, however much they are used', () => {
  let nowMs = 0
  const sessions = new Sessions(() => nowMs)
  const id = sessions.open()
  nowMs = 8 * HOUR_MS - 1
  assert.equal(sessions.isOpen(id), true)
  nowMs = 8 * HOUR_MS
  assert.equal(sessions.isOpen(id), false)
})

test('Sessions keep at most a thousand: one more ends the oldest alone', () => {
  const sessions = new Sessions(() => 0)
  const ids = Array.from({ length: 1_001 }, () => sessions.open())
  assert.deepEqual(
    ids.filter((id) => !sessions.isOpen(id)),
    [ids[0]],
  )
})

test('Sessions know neither an empty id nor one that was closed', () => {
  const sessions = new Sessions(() => 0)
  const id = sessions.open()
  sessions.close(id)
  assert.equal(sessions.isOpen(id), false)
  assert.equal(sessions.isOpen(''), false)
})
