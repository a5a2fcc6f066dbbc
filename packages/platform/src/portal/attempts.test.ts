import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Attempts } from './attempts.ts'

test('Attempts refuses the sixth guess within a minute even while the five are still being checked', () => {
  const attempts = new Attempts(() => 1_000)
  for (let guess = 1; guess <= 5; guess++) assert.equal(attempts.begin().allowed, true)
  assert.deepEqual(attempts.begin(), { allowed: false, waitSeconds: 60 })
})

test('Attempts does not count a try that succeeded', () => {
  const attempts = new Attempts(() => 1_000)
  for (let entry = 1; entry <= 20; entry++) {
    const attempt = attempts.begin()
    assert.ok(attempt.allowed)
    attempt.succeeded()
  }
})

test('Attempts allows another guess once the oldest failure is a minute old', () => {
  let nowMs = 0
  const attempts = new Attempts(() => nowMs)
  for (let guess = 0; guess < 5; guess++) {
    nowMs = guess * 10_000
    attempts.begin()
  }
  nowMs = 59_001
  assert.deepEqual(attempts.begin(), { allowed: false, waitSeconds: 1 })
  nowMs = 60_000
  assert.equal(attempts.begin().allowed, true)
  assert.deepEqual(attempts.begin(), { allowed: false, waitSeconds: 10 })
})
