import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { manualClock } from '../test-support.ts'
import { cachedSource } from './cached.ts'
import type { Token } from './token.ts'

const HOUR_MS = 3_600_000

/** A source whose requests end when the test says so, one after another. */
function controlledSource() {
  const clock = manualClock()
  const flights: PromiseWithResolvers<Token>[] = []
  const source = cachedSource(() => {
    const flight = Promise.withResolvers<Token>()
    flights.push(flight)
    return flight.promise
  }, clock)
  const land = async (accessToken: string, lifetimeMs = HOUR_MS) => {
    const now = clock.now()
    flights.at(-1)?.resolve({ accessToken, expiresAtMs: now + lifetimeMs, refreshAtMs: now + lifetimeMs / 2 })
    await settled()
  }
  const crash = async (error: Error) => {
    flights.at(-1)?.reject(error)
    await settled()
  }
  const served = async (renew?: string) => (await source.token({ renew })).accessToken
  return { clock, flights, source, land, crash, served }
}

/** Lets everything run that has been waiting for a promise. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('cachedSource', () => {
  it('asks once for a thousand callers at the same time', async () => {
    const { source, flights, land } = controlledSource()
    const callers = Array.from({ length: 1000 }, () => source.token())
    await land('first')
    const tokens = new Set(await Promise.all(callers))
    assert.deepEqual(
      [...tokens].map(({ accessToken }) => accessToken),
      ['first'],
    )
    assert.equal(flights.length, 1)
  })

  it('serves the token without asking until its renewal is due', async () => {
    const { clock, source, flights, land, served } = controlledSource()
    void source.token()
    await land('first')
    clock.pass(HOUR_MS / 2 - 1)
    assert.equal(await served(), 'first')
    assert.equal(flights.length, 1)
  })

  it('serves the old token while one request gets the next', async () => {
    const { clock, source, flights, land, served } = controlledSource()
    void source.token()
    await land('first')
    clock.pass(HOUR_MS / 2)
    assert.deepEqual(await Promise.all([served(), served(), served()]), ['first', 'first', 'first'])
    assert.equal(flights.length, 2)
    // Long after the pause that follows a failure, while the request is still under way.
    clock.pass(60_000)
    assert.equal(await served(), 'first')
    assert.equal(flights.length, 2)
    await land('second')
    assert.equal(await served(), 'second')
    assert.equal(flights.length, 2)
  })

  it('pauses 30 s after an early renewal that failed, and serves the old token meanwhile', async () => {
    const { clock, source, flights, land, crash, served } = controlledSource()
    void source.token()
    await land('first')
    clock.pass(HOUR_MS / 2)
    assert.equal(await served(), 'first')
    await crash(new Error('down'))
    clock.pass(29_999)
    assert.equal(await served(), 'first')
    assert.equal(flights.length, 2)
    clock.pass(1)
    assert.equal(await served(), 'first')
    assert.equal(flights.length, 3)
    await land('second')
    assert.equal(await served(), 'second')
  })

  it('serves a token until ten seconds before its end, then lets callers wait for the next', async () => {
    const { clock, source, flights, land, crash, served } = controlledSource()
    void source.token()
    await land('first')
    clock.pass(HOUR_MS - 10_001)
    assert.equal(await served(), 'first')
    await crash(new Error('down'))
    clock.pass(1)
    const waiting = [served(), served()]
    assert.equal(flights.length, 3)
    await land('second')
    assert.deepEqual(await Promise.all(waiting), ['second', 'second'])
  })

  it('lets callers of an expired token wait for the renewal that is under way', async () => {
    const { clock, source, flights, land, served } = controlledSource()
    void source.token()
    await land('first')
    clock.pass(HOUR_MS / 2)
    assert.equal(await served(), 'first')
    clock.pass(HOUR_MS)
    const waiting = served()
    assert.equal(flights.length, 2)
    await land('second')
    assert.equal(await waiting, 'second')
  })

  it('tells every caller of a failure, and asks anew the next time', async () => {
    const { source, flights, land, crash, served } = controlledSource()
    const error = new Error('down')
    const callers = [source.token(), source.token()].map((caller) => assert.rejects(caller, error))
    await crash(error)
    await Promise.all(callers)
    assert.equal(flights.length, 1)
    const next = served()
    assert.equal(flights.length, 2)
    await land('first')
    assert.equal(await next, 'first')
  })

  it('tells callers of an expired token why there is no next one', async () => {
    const { clock, source, land, crash } = controlledSource()
    void source.token()
    await land('first')
    clock.pass(HOUR_MS)
    const error = new Error('denied')
    const caller = assert.rejects(source.token(), error)
    await crash(error)
    await caller
  })

  it('drops the token that an API refused, once for all who were refused', async () => {
    const { source, flights, land, served } = controlledSource()
    void source.token()
    await land('first')
    const refused = [served('first'), served('first')]
    assert.equal(flights.length, 2)
    await land('second')
    assert.deepEqual(await Promise.all(refused), ['second', 'second'])
    assert.equal(await served('first'), 'second')
    assert.equal(flights.length, 2)
  })

  it('does not serve a refused token again when its renewal fails', async () => {
    const { source, flights, land, crash, served } = controlledSource()
    void source.token()
    await land('first')
    const error = new Error('down')
    const refused = assert.rejects(source.token({ renew: 'first' }), error)
    await crash(error)
    await refused
    const next = served()
    await land('second')
    assert.equal(await next, 'second')
    assert.equal(flights.length, 3)
  })
})
