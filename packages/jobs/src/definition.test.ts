import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { type Daemon, defineDaemon, defineJob } from './daemon.ts'
import { rulesOf } from './definition.ts'

const run = async () => ({})
const job = { input: z.object({}), run }
const defined = (more: object, daemon: object = {}) =>
  defineDaemon({ apis: {}, jobs: { nightly: { ...job, ...more } }, ...daemon } as Daemon)

describe('defineDaemon', () => {
  it('takes every rule that a job may have', () => {
    const schedule = { schedule: '0 2 * * *', timeZone: 'Europe/Stockholm', missed: 'skip', overlap: 'queue' }
    const limits = { concurrency: 8, timeLimitMs: 60_000, retries: { attempts: 3, firstMs: 0, maxMs: 1 } }
    const more = { priority: -100, tenants: 'each', version: 2 }
    const daemon = defined(
      { ...schedule, ...limits, ...more },
      { name: 'night', tenants: async () => ['a.example'] },
    )
    assert.equal(daemon.jobs['nightly']?.schedule, '0 2 * * *')
  })

  const faults: readonly (readonly [string, object, object, RegExp])[] = [
    [
      'six fields',
      { schedule: '0 0 2 * * *' },
      {},
      /jobs\.nightly\.schedule: five fields are needed.*it has 6/,
    ],
    ['a schedule that is no text', { schedule: 2 }, {}, /jobs\.nightly\.schedule: a text is needed/],
    ['an unknown zone', { timeZone: 'Mars' }, {}, /jobs\.nightly\.timeZone: an IANA time zone/],
    ['no concurrency', { concurrency: 0 }, {}, /jobs\.nightly\.concurrency: a whole number from 1 to 1000/],
    ['half a run', { concurrency: 1.5 }, {}, /jobs\.nightly\.concurrency: a whole number/],
    [
      'a time limit for nobody',
      { timeLimitMs: 10 },
      {},
      /jobs\.nightly\.timeLimitMs: a whole number from 1000/,
    ],
    ['an unknown key', { retry: 3 }, {}, /jobs\.nightly\.retry: unknown key/],
    ['an unknown word', { missed: 'twice' }, {}, /jobs\.nightly\.missed: 'once' or 'skip' is needed/],
    ['no function', { run: 'later' }, {}, /jobs\.nightly\.run: a function is needed/],
    ['no schema', { input: {} }, {}, /jobs\.nightly\.input: a schema of zod is needed/],
    [
      'too few attempts',
      { retries: { attempts: 0 } },
      {},
      /jobs\.nightly\.retries\.attempts: a whole number/,
    ],
    [
      'an API that is not there',
      { apis: ['mail'] },
      {},
      /jobs\.nightly\.apis: the API 'mail' must be defined/,
    ],
    ['nobody to fan out to', { tenants: 'each' }, {}, /jobs\.nightly\.tenants: the daemon must say/],
    [
      'a schedule without the input that it needs',
      { schedule: '0 2 * * *', input: z.object({ file: z.string() }) },
      {},
      /jobs\.nightly\.input: its schema must take \{\}/,
    ],
    ['a name with a slash', {}, { name: 'a/b' }, /name: a letter or digit/],
    ['a job with a blank in its name', {}, { jobs: { 'a b': job } }, /jobs\.a b: a letter or digit/],
    ['tenants that are no list', {}, { tenants: 'all' }, /tenants: a list of at most 100000 tenants/],
    [
      'an API of text',
      {},
      { apis: { mail: 'https://mail.example' } },
      /apis\.mail: the definition of an API/,
    ],
    ['no jobs', {}, { jobs: undefined }, /jobs: /],
  ]
  for (const [what, more, daemon, message] of faults) {
    it(`refuses ${what}, and says where`, () => {
      assert.throws(
        () => defined(more, daemon),
        (error: Error & { code?: string }) => {
          assert.equal(error.name, 'JobError')
          assert.equal(error.code, 'daemon_invalid')
          assert.match(error.message, message)
          return true
        },
      )
    })
  }

  it('names every fault at once', () => {
    const act = () => defined({ schedule: 'x', timeZone: 'x', priority: 1000 })
    assert.throws(act, /schedule: .*; jobs\.nightly\.timeZone: .*; jobs\.nightly\.priority: /)
  })
})

describe('rulesOf', () => {
  it('fills in what a job does not say', () => {
    assert.deepEqual(rulesOf(defineJob(job)), {
      schedule: undefined,
      timeZone: 'UTC',
      missed: 'once',
      overlap: 'skip',
      concurrency: 1,
      timeLimitMs: 86_400_000,
      attempts: 10,
      firstMs: 10_000,
      maxMs: 3_600_000,
      priority: 0,
      tenants: 'own',
      version: 1,
    })
  })
})
