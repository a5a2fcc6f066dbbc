import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { configured, IMPORTS, tomte } from './test-support.ts'

const DAEMON = `${IMPORTS}
const work = defineJob({
  input: z.object({ fail: z.string().optional() }),
  schedule: '0 2 * * *',
  timeZone: 'Europe/Stockholm',
  async run({ input, progress }) {
    progress(1, 2, 'pieces')
    if (input.fail) throw new Error(input.fail)
    return { done: true }
  },
})
export default defineDaemon({ name: 'nightly', apis: {}, jobs: { work } })
`
const HOUR = '${hour}'
const skip = process.platform === 'win32' && 'Windows has no signals'

/** The one document on standard output of a command that went well. */
async function asked(t: Parameters<typeof tomte>[0], cwd: string, ...args: readonly string[]) {
  const ended = await tomte(t, [...args, '--json'], { cwd }).ended
  assert.deepEqual([ended.code, ended.stderr], [0, ''], JSON.stringify(ended))
  return JSON.parse(ended.stdout) as never
}

describe('tomte jobs', { skip }, () => {
  it('lists jobs, times and runs, of a folder that nobody uses', async (t) => {
    const cwd = await configured(t, DAEMON)
    assert.equal((await tomte(t, ['run', 'work', 'fail=no luck'], { cwd }).ended).code, 1)
    assert.equal((await tomte(t, ['run', 'work'], { cwd }).ended).code, 0)
    const { jobs } = (await asked(t, cwd, 'jobs')) as {
      jobs: { nextAtMs: number; last: { state: string } }[]
    }
    assert.partialDeepStrictEqual(jobs, [
      {
        job: 'work',
        schedule: '0 2 * * *',
        timeZone: 'Europe/Stockholm',
        paused: false,
        last: { state: 'finished' },
      },
    ])
    assert.ok((jobs[0]?.nextAtMs ?? 0) > Date.now())
    const { stdout } = await tomte(t, ['jobs'], { cwd }).ended
    assert.match(
      stdout,
      /^nightly: not at work here\njob {3}schedule .*\nwork {2}0 2 \* \* \* Europe\/Stockholm {2}\d{4}-/,
    )
    const { runs } = (await asked(t, cwd, 'jobs', 'history', '--state', 'finished')) as {
      runs: { id: string }[]
    }
    assert.partialDeepStrictEqual(runs, [{ job: 'work', state: 'finished', result: { done: true } }])
    const shown = await tomte(t, ['jobs', 'show', runs[0]?.id ?? ''], { cwd }).ended
    assert.match(shown.stdout, /^state {10}finished$/m)
  })

  it('reaches a daemon that holds the folder by its status API, and the daemon ends with 0', async (t) => {
    const cwd = await configured(
      t,
      `import { hour } from './hour.ts'\n${DAEMON.replace(`'0 2 * * *'`, `\`0 ${HOUR} * * *\``)}`,
    )
    await writeFile(join(cwd, 'hour.ts'), 'export const hour: number = 2')
    const daemon = tomte(t, ['run'], { cwd })
    await daemon.prints(/"event":"daemon_ready"/)
    const held = await tomte(t, ['run', 'work', '--json'], { cwd }).ended
    assert.equal(held.code, 1)
    assert.equal((JSON.parse(held.stdout) as { error: { code: string } }).error.code, 'checkpoints_held')
    assert.deepEqual(await asked(t, cwd, 'jobs', 'pause', 'work'), { job: 'work', paused: true })
    assert.partialDeepStrictEqual(await asked(t, cwd, 'jobs'), {
      daemon: 'nightly',
      ready: true,
      jobs: [{ paused: true }],
    })
    assert.deepEqual(await asked(t, cwd, 'jobs', 'resume', 'work'), { job: 'work', paused: false })
    const file = join(cwd, 'copy.db')
    assert.deepEqual(await asked(t, cwd, 'jobs', 'backup', file), { file, bytes: (await stat(file)).size })
    for (const [args, code] of [
      [['jobs', 'backup', file], 'backup_exists'],
      [['jobs', 'retry', '99'], 'run_unknown'],
      [['jobs', 'pause', 'other'], 'job_unknown'],
    ] as const) {
      const refused = await tomte(t, [...args, '--json'], { cwd }).ended
      assert.equal(refused.code, 1)
      assert.equal((JSON.parse(refused.stdout) as { error: { code: string } }).error.code, code)
    }
    const { id } = (await asked(t, cwd, 'jobs', 'start', 'work')) as { id: string }
    await daemon.prints(new RegExp(`"event":"run_finished".*"run":"${id}"`))
    await writeFile(join(cwd, 'hour.ts'), 'export const hour: number = 5')
    daemon.child.kill('SIGHUP')
    await daemon.prints(/"event":"daemon_reloaded"/)
    assert.partialDeepStrictEqual(await asked(t, cwd, 'jobs'), { jobs: [{ schedule: '0 5 * * *' }] })
    daemon.child.kill('SIGTERM')
    const ended = await daemon.ended
    assert.deepEqual([ended.code, ended.stderr], [0, ''])
    for (const line of ended.stdout.trimEnd().split('\n'))
      assert.doesNotThrow(() => JSON.parse(line) as unknown, line)
  })

  it('ends with 2 for what is no usage', async (t) => {
    const cwd = await configured(t, DAEMON)
    for (const args of [
      ['jobs', 'history', '--state', 'odd'],
      ['service', 'systemd', '--environment', 'x'],
    ]) {
      assert.equal((await tomte(t, args, { cwd }).ended).code, 2, args.join(' '))
    }
  })
})

describe('tomte run', { skip }, () => {
  it('ends with 1 when a job heeds no signal within the grace period, and says which', async (t) => {
    const deaf = DAEMON.replace("schedule: '0 2 * * *',", "schedule: '* * * * *',").replace(
      "progress(1, 2, 'pieces')",
      'await new Promise(() => {})',
    )
    const cwd = await configured(t, deaf)
    // What an earlier process has begun is taken up at once.
    const begun = tomte(t, ['run', 'work'], { cwd })
    await begun.prints(/./).catch(() => {})
    begun.child.kill('SIGKILL')
    await begun.ended
    const daemon = tomte(t, ['run', '--grace', '1'], { cwd })
    await daemon.prints(/"event":"run_started"/)
    daemon.child.kill('SIGTERM')
    const { code, stdout } = await daemon.ended
    assert.equal(code, 1)
    assert.match(stdout, /"event":"run_abandoned"/)
  })

  it('tells the status to other machines only if that is said', async (t) => {
    const cwd = await configured(t, DAEMON)
    const { code, stderr } = await tomte(t, ['run', '--status-host', '0.0.0.0'], { cwd }).ended
    assert.equal(code, 1)
    assert.match(stderr, /exposeStatus is not set\nNext: Say --expose-status/)
  })
})

describe('tomte service', () => {
  it('prints a unit, a definition for Windows and manifests that start this very command', async (t) => {
    const cwd = await configured(t, DAEMON)
    const { unit, file } = (await asked(
      t,
      cwd,
      'service',
      'systemd',
      '--name',
      'nightly',
      '--environment',
      'AZURE_TENANT_ID=x',
    )) as {
      unit: string
      file: string
    }
    assert.equal(file, '/etc/systemd/system/nightly.service')
    assert.match(
      unit,
      /^ExecStart=.*bin\.ts run --config .*tomte\.config\.ts --data \/var\/lib\/nightly --grace 30 --json$/m,
    )
    assert.match(unit, /^Environment="AZURE_TENANT_ID=x"$/m)
    const windows = await asked(t, cwd, 'service', 'windows', '--name', 'nightly')
    assert.match(String(windows['definition']), /<id>nightly<\/id>/)
    const list = await asked(t, cwd, ...'service kubernetes --image i --client-id c --tenant-id t'.split(' '))
    assert.partialDeepStrictEqual(list, { kind: 'List', apiVersion: 'v1' })
  })

  it('puts no secret into a definition', async (t) => {
    const cwd = await configured(t, DAEMON)
    const args = ['service', 'systemd', '--environment', 'AZURE_CLIENT_SECRET=hush', '--json']
    const { code, stdout, stderr } = await tomte(t, args, { cwd }).ended
    assert.equal(code, 1)
    assert.match(stdout, /"code":"service_secret_in_clear"/)
    assert.doesNotMatch(stdout + stderr, /hush/)
  })
})
