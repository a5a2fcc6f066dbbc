import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { loadDaemon } from './config-file.ts'
import { configured, hasStack, here, IMPORTS, temporaryFolder, tomte } from './test-support.ts'

const DAEMON = `${IMPORTS}
const input = z.object({ file: z.string().optional(), note: z.string().optional() })
const work = defineJob({
  input,
  async run({ input, log, progress }) {
    log('reading')
    for (const done of [1, 50, 51, 100]) progress(done, 100, 'rows')
    return { input }
  },
  summary: ({ input }) => 'done with ' + JSON.stringify(input),
})
const plain = defineJob({ input, run: async () => ({}) })
const refused = defineJob({
  input,
  async run() {
    const facts = { code: 'not_today', hint: 'Come back tomorrow', aadsts: [700016], correlationId: 'c-1', token: 's' }
    throw Object.assign(new Error('Cannot do it, as it is closed', { cause: new Error('inner') }), facts)
  },
})
const broken = defineJob({ input, async run() { throw new TypeError('broken') } })
const thrown = defineJob({ input, async run() { throw 'a text' } })
export default defineDaemon({ apis: {}, jobs: { work, plain, refused, broken, thrown } })
`
const USAGE = 'Run tomte --help for the commands and their options.\n'

describe('tomte', () => {
  it('prints help on standard output when it is asked for, and ends with 0', async (t) => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['--help'], /^Usage: tomte \[options\] \[command\]\n[^]*\n {2}run [^]*\n {2}platform /],
      [['-h'], /^Usage: tomte \[options\] \[command\]\n/],
      [['help'], /^Usage: tomte \[options\] \[command\]\n/],
      [['help', 'run'], /^Usage: tomte run \[options\] \[job\] \[input\.\.\.\]\n/],
      [['run', '--help'], /^Usage: tomte run \[options\] \[job\] \[input\.\.\.\]\n[^]*--config <file>/],
      [['platform', '--help'], /^Usage: tomte platform \[options\] \[command\]\n[^]*--port <number>/],
    ]
    for (const [args, help] of cases) {
      const { code, stdout, stderr } = await here(t, args)
      assert.deepEqual({ args, code, stderr }, { args, code: 0, stderr: '' })
      assert.match(stdout, help)
    }
  })

  it('refuses wrong usage with 2 and one message on standard error', async (t) => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['nope'], "error: unknown command 'nope'"],
      [['--nope'], "error: unknown option '--nope'"],
      [['run', '--dry-run'], 'error: --dry-run and --beyond-limit are for one job: name it'],
      [['run', 'work', '--nope'], "error: unknown option '--nope'"],
      [['run', 'work', '--config'], "error: option '--config <file>' argument missing"],
      [
        ['platform', 'extra'],
        "error: too many arguments for 'platform'. Expected 0 arguments but got 1: extra.",
      ],
      ...['x', '-1', '1.5', '65536', '99999'].map(
        (port) =>
          [
            ['platform', `--port=${port}`],
            `error: option '--port <number>' argument '${port}' is invalid. a whole number from 0 to 65535 is needed`,
          ] as const,
      ),
    ]
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await here(t, args)
      const expected = { args, code: 2, stdout: '', stderr: `${message}\n${USAGE}` }
      assert.deepEqual({ args, code, stdout, stderr }, expected)
    }
  })

  it('prints its help on standard error and ends with 2 when no command is given', async (t) => {
    const { code, stdout, stderr } = await here(t, [])
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
    assert.match(stderr, /^Usage: tomte \[options\] \[command\]\n/)
  })
})

describe('tomte run', () => {
  it('tells a person on standard output what the job says and has done', async (t) => {
    const cwd = await configured(t, DAEMON)
    const { code, stdout, stderr } = await tomte(t, ['run', 'work', 'file=a=b', 'note='], { cwd }).ended
    assert.deepEqual(
      { code, stdout, stderr },
      {
        code: 0,
        stdout: 'reading\ndone with {"file":"a=b","note":""}\n',
        stderr: '  50/100 rows\n  100/100 rows\n',
      },
    )
  })

  it('with --json prints one document on standard output and everything else on standard error', async (t) => {
    const cwd = await configured(t, DAEMON)
    const { code, stdout, stderr } = await tomte(t, ['run', 'work', '--json'], { cwd }).ended
    assert.deepEqual({ code, stderr }, { code: 0, stderr: 'reading\n  50/100 rows\n  100/100 rows\n' })
    const { seconds, ...document } = JSON.parse(stdout) as Record<string, unknown>
    assert.deepEqual(document, { input: {}, tokenRequests: 0, apiRequests: 0, retries: 0 })
    assert.equal(typeof seconds, 'number')
    assert.equal(stdout.indexOf('\n'), stdout.length - 1)
  })

  it('takes its daemon and its data folder from where the options say', async (t) => {
    const [folder, cwd] = [await configured(t, DAEMON), await temporaryFolder(t)]
    const data = join(cwd, 'a', 'b')
    const args = ['run', 'plain', '--config', join(folder, 'tomte.config.ts'), '--data', data]
    assert.equal((await tomte(t, args, { cwd }).ended).code, 0)
    await writeFile(join(data, 'jobs.db'), 'no database, and long enough to be none')
    const { code, stderr } = await tomte(t, args, { cwd }).ended
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^Cannot open the checkpoints in '.*', as the file must be intact: file is not a database\nNext: /,
    )
  })

  const failures: readonly (readonly [string, readonly string[], object, string])[] = [
    [
      'a failure with its hint and correlation id',
      ['refused'],
      {
        code: 'not_today',
        message: 'Cannot do it, as it is closed',
        hint: 'Come back tomorrow',
        aadsts: [700016],
        correlationId: 'c-1',
      },
      'Cannot do it, as it is closed\nNext: Come back tomorrow\nCorrelation id: c-1\n',
    ],
    ['an error of the job itself', ['broken'], { code: 'unexpected', message: 'broken' }, 'broken\n'],
    [
      'what is thrown and is no error',
      ['thrown'],
      { code: 'unexpected', message: 'Cannot go on: something that is no error was thrown' },
      'Cannot go on: something that is no error was thrown\n',
    ],
    [
      'a job that is not defined',
      ['another'],
      {
        code: 'job_unknown',
        message:
          "Cannot run the job 'another', as it must be defined in tomte.config.ts: defined are work, plain, refused, broken, thrown",
      },
      "Cannot run the job 'another', as it must be defined in tomte.config.ts: defined are work, plain, refused, broken, thrown\n",
    ],
    ...['people.csv', '=people.csv', ''].map(
      (pair) =>
        [
          `the input '${pair}', which is not name=value`,
          ['work', pair],
          {
            code: 'input_malformed',
            message: `Cannot read the input '${pair}', as name=value is needed`,
            hint: 'For example file=people.csv',
          },
          `Cannot read the input '${pair}', as name=value is needed\nNext: For example file=people.csv\n`,
        ] as const,
    ),
  ]
  for (const [what, args, error, text] of failures) {
    it(`ends with 1 and tells ${what}, with --json as a document and in words`, async (t) => {
      const cwd = await configured(t, DAEMON)
      const programs = await tomte(t, ['run', ...args, '--json'], { cwd }).ended
      assert.deepEqual(programs, {
        code: 1,
        signal: null,
        stdout: `${JSON.stringify({ error })}\n`,
        stderr: text,
      })
    })
  }

  it('tells a person the same on standard error, and nothing on standard output', async (t) => {
    const cwd = await configured(t, DAEMON)
    const stderr = 'Cannot do it, as it is closed\nNext: Come back tomorrow\nCorrelation id: c-1\n'
    const people = await tomte(t, ['run', 'refused'], { cwd }).ended
    assert.deepEqual(people, { code: 1, signal: null, stdout: '', stderr })
  })
})

describe("a daemon's identity", () => {
  it('comes from its configuration where the environment says nothing, with paths from there', async (t) => {
    const text = `${IMPORTS}
export default defineDaemon({
  identity: { credentials: [{ certificateFile: 'own.pem' }], tenantId: 'fabrikam.example' },
  apis: {},
  jobs: {
    work: defineJob({
      input: z.object({}),
      run: async ({ identity, tenant }) => {
        await identity.getToken('api://orders/.default').catch((error) => { throw Object.assign(error, { hint: tenant }) })
      },
    }),
  },
})
`
    const folder = await configured(t, text)
    const cwd = await temporaryFolder(t)
    const args = ['run', 'work', '--json', '--config', join(folder, 'tomte.config.ts')]
    const ended = await tomte(t, args, { cwd, environment: { AZURE_CLIENT_CERTIFICATE_PATH: undefined } })
      .ended
    assert.equal(ended.code, 1)
    const { error } = JSON.parse(ended.stdout) as { error: Record<string, string> }
    assert.deepEqual(error, {
      code: 'credential_file_unreadable',
      message: `Cannot read the credential file '${join(folder, 'own.pem')}', as a small readable file is needed: ENOENT`,
      hint: 'contoso.example',
    })
  })
})

describe('a configuration that cannot be used', () => {
  const hint = 'Run the command where tomte.config.ts is, or name it with --config'
  const none = 'it has no default export made by defineDaemon()'
  const cases: readonly (readonly [string, string | undefined, RegExp | string])[] = [
    ['is missing', undefined, /^Cannot find module '.*tomte\.config\.ts' imported from .*$/],
    ['has no default export', 'export const daemon = { apis: {}, jobs: {} }', none],
    ['exports a text', "export default 'daemon'", none],
    ['exports null', 'export default null', none],
    ['exports an object without jobs', 'export default { apis: {} }', none],
    ['throws', "throw new Error('the configuration itself failed')", 'the configuration itself failed'],
    ['throws no error', "throw 'a text'", 'a text'],
    ['cannot be parsed', 'export default {', /^Expression expected|Unexpected|Expected/],
  ]
  for (const [how, text, found] of cases) {
    it(`is refused when it ${how}`, async (t) => {
      const folder = text === undefined ? await temporaryFolder(t) : await configured(t, text)
      const file = join(folder, 'tomte.config.ts')
      const start = `Cannot load the daemon from '${file}', as a module that exports defineDaemon(…) is needed: `
      await assert.rejects(loadDaemon(file), (error: Error & { code?: string; hint?: string }) => {
        const { name, code, message } = error
        assert.deepEqual([name, code, error.hint], ['JobError', 'config_unusable', hint])
        assert.equal(message.slice(0, start.length), start)
        const rest = message.slice(start.length)
        if (typeof found === 'string') assert.equal(rest, found)
        else assert.match(rest, found)
        return true
      })
    })
  }

  it('ends the command with 1 and one message, without a stack', async (t) => {
    const cwd = await configured(t, "throw new Error('the configuration itself failed')")
    const ended = await tomte(t, ['run', 'work', '--json'], { cwd }).ended
    assert.equal(ended.code, 1)
    const { error } = JSON.parse(ended.stdout) as { error: Record<string, string> }
    assert.deepEqual([error['code'], error['hint']], ['config_unusable', hint])
    assert.equal(ended.stderr, `${error['message']}\nNext: ${hint}\n`)
    assert.equal(hasStack(ended), false)
  })
})
