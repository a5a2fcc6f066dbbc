import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { graph } from '@tomte/client'
import { z } from 'zod'
import type { Cursor } from './checkpoint.ts'
import { type Daemon, defineDaemon, defineJob } from './daemon.ts'
import { runJob, type RunOptions } from './runner.ts'
import { daemonOf, ENVIRONMENT, temporaryFolder } from './test-support.ts'

const RESUMING = 'Resuming the run that was interrupted, from its last checkpoint'

function options(dataFolder: string, more: Partial<RunOptions> = {}): RunOptions {
  return { input: {}, dataFolder, environment: ENVIRONMENT, now: () => 1000, ...more }
}

describe('runJob', () => {
  it('refuses a job that is not defined, and names those that are', async (t) => {
    const folder = await temporaryFolder(t)
    const run = async () => ({})
    const daemon = defineDaemon({
      apis: {},
      jobs: { one: defineJob({ input: z.object({}), run }), two: defineJob({ input: z.object({}), run }) },
    })
    const cases: readonly (readonly [Daemon, string, string])[] = [
      [daemon, 'three', 'one, two'],
      [daemon, '', 'one, two'],
      [daemon, 'constructor', 'one, two'],
      [defineDaemon({ apis: {}, jobs: {} }), 'one', 'none'],
    ]
    for (const [of, name, defined] of cases) {
      await assert.rejects(runJob(of, name, options(folder)), {
        name: 'JobError',
        code: 'job_unknown',
        message: `Cannot run the job '${name}', as it must be defined in tomte.config.ts: defined are ${defined}`,
      })
    }
  })

  it('refuses input that does not fit the schema, and says of each value why', async (t) => {
    const folder = await temporaryFolder(t)
    const input = z.object({
      file: z.string().min(1, 'a file is needed'),
      rows: z.coerce.number('rows must be a number').max(10, 'at most 10 rows').optional(),
    })
    const daemon = defineDaemon({
      apis: {},
      jobs: { work: defineJob({ input, run: async () => assert.fail('it must not run') }) },
    })
    const cases: readonly (readonly [RunOptions['input'], string])[] = [
      [{ file: '' }, '✖ a file is needed\n  → at file'],
      [{ file: 'a', rows: 'x' }, '✖ rows must be a number\n  → at rows'],
      [{ file: 'a', rows: '11' }, '✖ at most 10 rows\n  → at rows'],
      [{ file: '', rows: '11' }, '✖ a file is needed\n  → at file\n✖ at most 10 rows\n  → at rows'],
    ]
    for (const [given, found] of cases) {
      await assert.rejects(runJob(daemon, 'work', options(folder, { input: given })), {
        name: 'JobError',
        code: 'job_input_invalid',
        message: `Cannot run the job 'work', as its input must fit its schema: ${found}`,
        hint: 'Give each value as name=value, for example file=people.csv',
      })
    }
  })

  it('refuses an environment without an identity before it touches the checkpoints', async (t) => {
    const folder = await temporaryFolder(t)
    const { AZURE_CLIENT_ID: _, ...environment } = ENVIRONMENT
    const run = runJob(
      daemonOf(async () => ({})),
      'work',
      options(join(folder, 'data'), { environment }),
    )
    await assert.rejects(run, { name: 'ConfigurationError', code: 'environment_incomplete' })
    await assert.rejects(stat(join(folder, 'data')), { code: 'ENOENT' })
  })

  it('takes from the daemon what the environment does not say of its identity and APIs', async (t) => {
    const folder = await temporaryFolder(t)
    const work = defineJob({
      input: z.object({}),
      apis: ['directory', 'made'],
      run: async ({ api, identity, tenant }) => ({
        tenant,
        client: identity.clientId,
        urls: [api.directory.baseUrl, api.made.baseUrl],
      }),
    })
    const daemon = defineDaemon({
      identity: {
        authorityHost: 'AzureChinaCloud',
        tenantId: 'fabrikam.example',
        clientId: 'from-the-daemon',
      },
      apis: { directory: { graph: 'beta' }, made: (identity) => graph(identity) },
      jobs: { work },
    })
    const { AZURE_CLIENT_ID: _, ...environment } = ENVIRONMENT
    const { result } = await runJob(daemon, 'work', options(folder, { environment }))
    const { tenant, client, urls } = result as Record<string, unknown>
    const origin = 'https://microsoftgraph.chinacloudapi.cn'
    assert.deepEqual([tenant, client], [ENVIRONMENT.AZURE_TENANT_ID, 'from-the-daemon'])
    assert.deepEqual(urls, [`${origin}/beta/`, `${origin}/v1.0/`])
  })

  it('refuses a daemon whose identity cannot be one, and names the file it was defined in', async (t) => {
    const folder = await temporaryFolder(t)
    const daemon = { ...daemonOf(async () => ({})), identity: { tenant: 'contoso.example' } }
    const configFile = join(folder, 'tomte.config.ts')
    await assert.rejects(runJob(daemon as Daemon, 'work', options(join(folder, 'data'), { configFile })), {
      name: 'ConfigurationError',
      code: 'configuration_invalid',
      message: `Cannot use the configuration in '${configFile}', as every key and value must be known: identity.tenant: unknown key, did you mean tenantId?`,
    })
    await assert.rejects(stat(join(folder, 'data')), { code: 'ENOENT' })
  })

  it('gives the job its checked input, identity, APIs, tenant and clock, and passes on what it reports', async (t) => {
    const said: string[] = []
    const controller = new AbortController()
    const daemon = defineDaemon({
      apis: {},
      jobs: {
        work: defineJob({
          input: z.object({ rows: z.coerce.number() }),
          async run({ input, identity, api, tenant, progress, log, now, signal }) {
            progress(1, 2, 'rows')
            log('half')
            const { clientId } = identity
            return { input, clientId, api, tenant, now: now(), same: signal === controller.signal }
          },
          summary: ({ input }) => `${input.rows} rows`,
        }),
      },
    })
    const { result, summary } = await runJob(
      daemon,
      'work',
      options(await temporaryFolder(t), {
        input: { rows: '12' },
        signal: controller.signal,
        progress: (...reported) => said.push(reported.join(' ')),
        log: (line) => said.push(line),
      }),
    )
    assert.equal(
      JSON.stringify(result),
      '{"input":{"rows":12},"clientId":"22222222-bbbb-4bbb-8bbb-000000000002","api":{},' +
        '"tenant":"contoso.example","now":1000,"same":true,' +
        '"tokenRequests":0,"apiRequests":0,"retries":0,"seconds":0}',
    )
    assert.equal(summary, '12 rows')
    assert.deepEqual(said, ['1 2 rows', 'half'])
  })

  it('puts what the job returned before what the run cost, and an empty summary where none is defined', async (t) => {
    const daemon = daemonOf(async () => ({ zulu: 1, alpha: 2, seconds: 'of the job' }))
    const { result, summary } = await runJob(daemon, 'work', options(await temporaryFolder(t)))
    assert.deepEqual(Object.entries(result), [
      ['zulu', 1],
      ['alpha', 2],
      ['seconds', 0],
      ['tokenRequests', 0],
      ['apiRequests', 0],
      ['retries', 0],
    ])
    assert.equal(summary, '')
  })

  it('adds up the seconds of a run across restarts, and rounds them to hundredths', async (t) => {
    const folder = await temporaryFolder(t)
    let ms = 1_000_000
    let fails = true
    const daemon = daemonOf(async ({ step }) => {
      await step('one', async (cursor: Cursor<number>) => {
        ms += 1234
        await cursor.save(1)
        if (!fails) return
        ms += 60_000
        throw new Error('interrupted')
      })
      return {}
    })
    const now = () => ms
    await assert.rejects(runJob(daemon, 'work', options(folder, { now })), { message: 'interrupted' })
    fails = false
    ms += 3_600_000
    const { result } = await runJob(daemon, 'work', options(folder, { now }))
    assert.deepEqual(result, { tokenRequests: 0, apiRequests: 0, retries: 0, seconds: 62.47 })
  })

  it('says that it resumes only when something had been saved', async (t) => {
    const folder = await temporaryFolder(t)
    const lines: string[] = []
    let attempt = 0
    const daemon = daemonOf(async ({ step }) => {
      attempt += 1
      if (attempt === 1) throw new Error('before anything was saved')
      await step('one', async () => 1)
      if (attempt === 2) throw new Error('after a step')
      return {}
    })
    const run = () =>
      runJob(daemon, 'work', options(folder, { log: (line) => lines.push(`${attempt + 1}: ${line}`) }))
    await assert.rejects(run(), { message: 'before anything was saved' })
    await assert.rejects(run(), { message: 'after a step' })
    await run()
    await run()
    assert.deepEqual(lines, [`3: ${RESUMING}`])
  })

  it('closes the checkpoints when the job fails, so that the next run can open them', async (t) => {
    const folder = await temporaryFolder(t)
    const failing = daemonOf(async () => {
      throw new RangeError('of the job itself')
    })
    for (let attempt = 0; attempt < 2; attempt += 1)
      await assert.rejects(runJob(failing, 'work', options(folder)), {
        name: 'RangeError',
        message: 'of the job itself',
      })
  })

  it('refuses a second run while one is under way in the same data folder', async (t) => {
    const folder = await temporaryFolder(t)
    const inner = daemonOf(async () => ({}))
    const outer = daemonOf(async () => {
      await assert.rejects(runJob(inner, 'work', options(folder)), { code: 'checkpoints_held' })
      return {}
    })
    await runJob(outer, 'work', options(folder))
  })
})

describe('the key of a run', () => {
  const interruptible = (key?: (input: { file: string }) => Promise<string>) => {
    const seen: (number | undefined)[] = []
    let fails = true
    const job = defineJob({
      input: z.object({ file: z.string(), note: z.string().optional() }),
      ...(key ? { key } : {}),
      async run({ step }) {
        return {
          one: await step('one', async (cursor: Cursor<number>) => {
            seen.push(cursor.value)
            await cursor.save((cursor.value ?? 0) + 1)
            if (fails) throw new Error('interrupted')
          }),
        }
      },
    })
    const run = (dataFolder: string, input: Record<string, string>, environment = {}) =>
      runJob(defineDaemon({ apis: {}, jobs: { work: job } }), 'work', {
        ...options(dataFolder, { input }),
        environment: { ...ENVIRONMENT, ...environment },
      }).catch((error: Error) => error.message)
    return { run, seen, succeed: () => (fails = false) }
  }

  it('is the input unless the job says otherwise', async (t) => {
    const folder = await temporaryFolder(t)
    const { run, seen } = interruptible()
    await run(folder, { file: 'a', note: 'n' })
    await run(folder, { note: 'n', file: 'a' })
    await run(folder, { file: 'b', note: 'n' })
    await run(folder, { file: 'a', note: 'n' })
    assert.deepEqual(seen, [undefined, 1, undefined, undefined])
  })

  it('is what the job says it is', async (t) => {
    const folder = await temporaryFolder(t)
    const { run, seen, succeed } = interruptible(async ({ file }) => file.slice(0, 1))
    await run(folder, { file: 'a1' })
    await run(folder, { file: 'a2' })
    await run(folder, { file: 'b1' })
    succeed()
    await run(folder, { file: 'b2' })
    await run(folder, { file: 'b2' })
    assert.deepEqual(seen, [undefined, 1, undefined, 1, undefined])
  })

  it('belongs to one tenant: another one begins anew', async (t) => {
    const folder = await temporaryFolder(t)
    const { run, seen } = interruptible()
    await run(folder, { file: 'a' })
    await run(folder, { file: 'a' }, { AZURE_TENANT_ID: 'fabrikam.example' })
    await run(folder, { file: 'a' }, { AZURE_TENANT_ID: 'fabrikam.example' })
    assert.deepEqual(seen, [undefined, undefined, 1])
  })
})
