import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigurationError, PermissionError, UnavailableError } from '@tomte/client'
import { JobError } from './errors.ts'
import { type AttemptFacts, backOffMs, outcomeOf, runError } from './outcome.ts'

const NOW_MS = 1_000_000
const RULES = { attempts: 3, firstMs: 10_000, maxMs: 60_000, timeLimitMs: 5_000 }

const outcome = (error: unknown, more: Partial<AttemptFacts> = {}) =>
  outcomeOf({
    end: { as: 'threw', error },
    stop: undefined,
    failures: 0,
    rules: RULES,
    isOfFanOut: false,
    nowMs: NOW_MS,
    random: 0.5,
    ...more,
  })
const returned = (value: unknown, more: Partial<AttemptFacts> = {}) =>
  outcome(undefined, { end: { as: 'returned', value }, ...more })

const fault = new Error('the file is locked')

describe('outcomeOf', () => {
  it('finishes what returned an object, although it was told to stop', () => {
    for (const stop of [undefined, 'stopping', 'cancelled', 'time_limit'] as const)
      assert.deepEqual(returned({ people: 1 }, { stop }), { as: 'finished', result: { people: 1 } })
  })

  const cyclic: Record<string, unknown> = {}
  cyclic['itself'] = cyclic
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['nothing', undefined, /it returned a value of type undefined$/],
    ['null', null, /it returned null$/],
    ['a text', 'done', /type string$/],
    ['a function', () => {}, /type function$/],
    ['an object that holds itself', cyclic, /circular/],
    ['a bigint within', { count: 1n }, /BigInt/],
    ['what says that it is nothing', { toJSON: () => undefined }, /nothing$/],
    [
      'more than a history can bear',
      { text: 'x'.repeat(16 * 1024 * 1024) },
      /more than 16777216 characters$/,
    ],
  ]
  for (const [what, value, message] of wrong) {
    it(`puts aside at once what returned ${what}`, () => {
      const found = returned(value)
      assert.ok(found.as === 'dead')
      assert.equal(found.error.code, 'result_invalid')
      assert.match(found.error.message, message)
    })
  }

  it('tries again after a wait that doubles, until all attempts have failed', () => {
    const atMs = [0, 1].map((failures) => outcome(fault, { failures }))
    const error = { code: 'job_failed', message: 'the file is locked' }
    assert.deepEqual(atMs, [
      { as: 'retried', error, atMs: NOW_MS + 7_500 },
      { as: 'retried', error, atMs: NOW_MS + 15_000 },
    ])
    assert.deepEqual(outcome(fault, { failures: 2 }), { as: 'dead', error })
  })

  it('waits as long as the error asks for, and no longer than a day', () => {
    const busy = (retryAfterMs: number) => new UnavailableError('busy', { code: 'busy', retryAfterMs })
    const wait = (error: unknown) => {
      const found = outcome(error)
      return found.as === 'retried' ? found.atMs - NOW_MS : undefined
    }
    assert.equal(wait(busy(120_000)), 120_000)
    assert.equal(wait(busy(1)), 7_500)
    assert.equal(wait(busy(10 ** 12)), 86_400_000)
    assert.equal(wait(Object.assign(new Error('odd'), { retryAfterMs: 'soon' })), 7_500)
    assert.equal(wait(Object.assign(new Error('odd'), { retryAfterMs: Number.NaN })), 7_500)
  })

  it('puts aside at once what another attempt cannot mend', () => {
    assert.equal(outcome(new ConfigurationError('x', { code: 'x' })).as, 'dead')
    assert.equal(outcome(new JobError('x', { code: 'job_input_invalid' })).as, 'dead')
  })

  it('gives back what was stopped, without a failure, whatever it threw', () => {
    assert.deepEqual(outcome(fault, { stop: 'stopping' }), { as: 'released', atMs: NOW_MS })
    assert.deepEqual(outcome(fault, { stop: 'cancelled' }), { as: 'cancelled' })
  })

  it('counts a time limit as a failed attempt', () => {
    const found = outcome(fault, { stop: 'time_limit' })
    assert.ok(found.as === 'retried')
    assert.equal(found.error.code, 'time_limit')
    assert.equal(outcome(fault, { stop: 'time_limit', failures: 2 }).as, 'dead')
  })

  it('leaves alone what another worker has', () => {
    assert.deepEqual(returned({}, { stop: 'lease_lost' }), { as: 'lost' })
    assert.deepEqual(outcome(new JobError('x', { code: 'lease_lost' })), { as: 'lost' })
  })

  it('leaves a checkpoint of newer code to newer code, for a minute at a time', () => {
    const error = new JobError('newer', { code: 'checkpoint_newer', hint: 'start the newer version' })
    assert.deepEqual(outcome(error), {
      as: 'released',
      atMs: NOW_MS + 60_000,
      error: { code: 'checkpoint_newer', message: 'newer', hint: 'start the newer version' },
    })
  })

  it('reports a tenant without consent, in a fan-out alone', () => {
    const refused = (numbers: number[]) => new PermissionError('x', { code: 'x', aadsts: numbers })
    for (const number of [65_001, 501_051, 700_016, 7_000_112, 7_000_229]) {
      assert.equal(outcome(refused([number]), { isOfFanOut: true }).as, 'unconsented')
      assert.equal(outcome(refused([number])).as, 'retried')
    }
    const without = new PermissionError('x', { code: 'x', rolesHeld: [] })
    assert.equal(outcome(without, { isOfFanOut: true }).as, 'unconsented')
    const some = new PermissionError('x', { code: 'x', rolesHeld: ['User.Read.All'] })
    assert.equal(outcome(some, { isOfFanOut: true }).as, 'retried')
    assert.equal(outcome(refused([50_034]), { isOfFanOut: true }).as, 'retried')
  })
})

describe('backOffMs', () => {
  it('doubles up to its limit, the half of it by chance', () => {
    const waits = (random: number) =>
      [0, 1, 2, 3, 4, 99].map((failures) => backOffMs(failures, RULES, random))
    assert.deepEqual(waits(0), [5_000, 10_000, 20_000, 30_000, 30_000, 30_000])
    assert.deepEqual(waits(1), [10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
  })
})

describe('runError', () => {
  const thrown: readonly (readonly [string, unknown, string, RegExp])[] = [
    ['a text', 'no', 'not_an_error', /^The job threw a text: no, and no error$/],
    ['nothing', undefined, 'not_an_error', /a value of type undefined/],
    ['null', null, 'not_an_error', /threw null/],
    ['a number', 7, 'not_an_error', /a value of type number/],
    ['an object', { message: 'x' }, 'not_an_error', /a value of type object/],
    ['an error without a message', new RangeError(), 'job_failed', /^RangeError$/],
    ['an error with a code', Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT', /^x$/],
    ['an odd code', Object.assign(new Error('x'), { code: 'a b\n' }), 'job_failed', /^x$/],
    ['a long message', new Error('x'.repeat(5_000)), 'job_failed', /^x{1000}…$/],
  ]
  for (const [what, error, code, message] of thrown) {
    it(`keeps ${what} within bounds`, () => {
      const found = runError(error)
      assert.equal(found.code, code)
      assert.match(found.message, message)
      assert.equal(Object.keys(found).includes('stack'), false)
    })
  }
})
