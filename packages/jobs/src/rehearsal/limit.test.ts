import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import type { Cursor } from '../checkpoint.ts'
import { type Daemon, defineDaemon, defineJob, type JobContext } from '../daemon.ts'
import { runJob } from '../runner.ts'
import { ENVIRONMENT, temporaryFolder } from '../test-support.ts'
import type { ChangeLimit } from './limit.ts'
import { rehearseJob } from './rehearse.ts'

const input = z.object({ leavers: z.coerce.number(), surprise: z.coerce.number().default(0) })
type Input = z.infer<typeof input>

/** A job that deletes so many files, a few more of them when it is no rehearsal, and writes down each that is gone. */
function cleaning(limit: Partial<ChangeLimit<Input>>) {
  const gone: string[] = []
  const asked = { of: 0, rehearsals: 0 }
  const run = async ({ input: { leavers, surprise }, change, rehearsal, step }: JobContext<Input>) => {
    if (rehearsal) asked.rehearsals += 1
    return step('files', async () => {
      for (let number = 0; number < leavers + (rehearsal ? 0 : surprise); number += 1) {
        const what = `file ${number}`
        await change({ effect: 'deleted', what }, async () => void gone.push(what))
      }
      return { leavers }
    })
  }
  const of = async () => {
    asked.of += 1
    return 100
  }
  const job = defineJob({ input, limit: { of, ...limit }, run })
  const daemon: Daemon = defineDaemon({ apis: {}, jobs: { clean: job } })
  return { daemon, gone, asked }
}

async function runOf(
  t: Parameters<typeof temporaryFolder>[0],
  daemon: Daemon,
  given: Record<string, number>,
  more: { beyondLimit?: boolean; environment?: Record<string, string> } = {},
) {
  const dataFolder = await temporaryFolder(t)
  return runJob(daemon, 'clean', { input: given, dataFolder, environment: ENVIRONMENT, ...more })
}

const exceeded = (found: number, state: string) => ({
  name: 'JobError',
  code: 'change_limit_exceeded',
  message: `Cannot disable or delete ${found} of 100 in one run of 'clean', as at most 10 may be: ${state}`,
})

describe('the limit of a job', () => {
  it('lets a run within it do its work, after one rehearsal', async (t) => {
    const { daemon, gone, asked } = cleaning({})
    await runOf(t, daemon, { leavers: 10 })
    assert.deepEqual([gone.length, asked], [10, { of: 1, rehearsals: 1 }])
  })

  it('stops a run that would go beyond it before its first effect, and says the numbers', async (t) => {
    const { daemon, gone } = cleaning({})
    await assert.rejects(runOf(t, daemon, { leavers: 11 }), exceeded(11, 'nothing has been changed'))
    assert.deepEqual(gone, [])
  })

  it('stops what the rehearsal did not foresee before the first that is too many', async (t) => {
    const { daemon, gone } = cleaning({})
    const run = runOf(t, daemon, { leavers: 8, surprise: 5 })
    await assert.rejects(run, exceeded(11, '10 are done, and the next is not'))
    assert.equal(gone.length, 10)
  })

  it('holds for a run with all its attempts: each is rehearsed from where the run stands', async (t) => {
    const dataFolder = await temporaryFolder(t)
    const gone: number[] = []
    const rehearsed: number[][] = []
    const [stops, sizes] = [
      [4, 9, 99],
      [8, 10, 16],
    ]
    const run = async ({ step, change, rehearsal }: JobContext<object>) => {
      const here: number[] = []
      if (rehearsal) rehearsed.push(here)
      await step('files', async (cursor: Cursor<number>) => {
        for (let file = cursor.value ?? 0; file < (sizes[0] ?? 0); file += 1) {
          if (!rehearsal && file === stops[0]) throw new Error('Cannot reach the disk')
          here.push(file)
          await change({ effect: 'deleted', what: `file ${file}` }, async () => void gone.push(file))
          await cursor.save(file + 1)
        }
      })
      return {}
    }
    const job = defineJob({ input: z.object({}), limit: { of: async () => 100 }, run })
    const daemon = defineDaemon({ apis: {}, jobs: { clean: job } })
    const attempt = async () => {
      await runJob(daemon, 'clean', { input: {}, dataFolder, environment: ENVIRONMENT })
    }
    await assert.rejects(attempt(), { message: 'Cannot reach the disk' })
    stops.shift()
    sizes.shift()
    await assert.rejects(attempt(), { message: 'Cannot reach the disk' })
    stops.shift()
    sizes.shift()
    await assert.rejects(attempt(), exceeded(16, '9 are done, and the rest is not'))
    assert.deepEqual(gone, [0, 1, 2, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(
      rehearsed.map(([first]) => first),
      [0, 4, 9],
    )
    sizes[0] = 10
    await attempt()
    assert.equal(gone.length, 10)
  })

  it('rehearses nothing where a bound that is cheap to know is within it', async (t) => {
    const atMost = async ({ input: { leavers } }: { input: Input }) => leavers
    const few = cleaning({ atMost })
    await runOf(t, few.daemon, { leavers: 5 })
    assert.deepEqual(few.asked, { of: 0, rehearsals: 0 })
    const some = cleaning({ atMost })
    await runOf(t, some.daemon, { leavers: 10 })
    assert.deepEqual(some.asked, { of: 1, rehearsals: 0 })
    const many = cleaning({ atMost })
    await assert.rejects(runOf(t, many.daemon, { leavers: 11 }), { code: 'change_limit_exceeded' })
    assert.deepEqual(many.asked, { of: 1, rehearsals: 1 })
  })

  it('has the share and the floor that the job states', async (t) => {
    const { daemon, gone } = cleaning({ share: 0, atLeast: 2 })
    await assert.rejects(runOf(t, daemon, { leavers: 3 }), /as at most 2 may be/)
    await runOf(t, daemon, { leavers: 2 })
    assert.equal(gone.length, 2)
  })

  it('is overridden by a word, for one run or for a daemon', async (t) => {
    const { daemon, gone } = cleaning({})
    await runOf(t, daemon, { leavers: 50 }, { beyondLimit: true })
    const environment = { ...ENVIRONMENT, TOMTE_BEYOND_LIMIT: 'other, clean' }
    await runOf(t, daemon, { leavers: 50 }, { environment })
    assert.equal(gone.length, 100)
  })

  it('is not taken for no limit when it gives no number', async (t) => {
    for (const found of [Number.NaN, -1, Number.POSITIVE_INFINITY, null, '100']) {
      const { daemon, gone } = cleaning({ of: async () => found as number })
      await assert.rejects(runOf(t, daemon, { leavers: 6 }), { name: 'JobError', code: 'limit_unusable' })
      assert.deepEqual(gone, [])
    }
  })
})

describe('rehearseJob', () => {
  it('does nothing that the job states as a change, and says what it would have done and how that fits the limit', async () => {
    const { daemon, gone } = cleaning({})
    const { plan, result, limit } = await rehearseJob(daemon, 'clean', {
      input: { leavers: 12 },
      environment: ENVIRONMENT,
    })
    assert.deepEqual(gone, [])
    assert.deepEqual(plan.counts, { created: 0, updated: 0, disabled: 0, deleted: 12 })
    assert.deepEqual(limit, { found: 12, allowed: 10, of: 100 })
    assert.partialDeepStrictEqual(result, { leavers: 12 })
  })

  it('passes on what the job throws, and refuses a job or input that is none', async () => {
    const { daemon } = cleaning({})
    const environment = ENVIRONMENT
    await assert.rejects(rehearseJob(daemon, 'other', { input: {}, environment }), { code: 'job_unknown' })
    const unfit = rehearseJob(daemon, 'clean', { input: { leavers: 'x' }, environment })
    await assert.rejects(unfit, { code: 'job_input_invalid' })
  })
})
