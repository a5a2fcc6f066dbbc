import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { configured, here, IMPORTS, tomte } from './test-support.ts'

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
const noVerify =
  spawnSync('systemd-analyze', ['--version']).status !== 0 && 'systemd-analyze is not installed'
const hasSystemd = existsSync('/run/systemd/system') && 'systemd runs here, and would be told to do it'

/** The words that say where the daemon is, for a command in this process. */
const at = (folder: string) => ['--config', join(folder, 'tomte.config.ts'), '--data', join(folder, '.tomte')]

/** The one document on standard output of a command that went well. */
async function asked(t: TestContext, folder: string, ...args: readonly string[]) {
  const { code, stdout, stderr } = await here(t, [...args, ...at(folder), '--json'])
  assert.deepEqual([code, stderr], [0, ''], stdout)
  return JSON.parse(stdout) as never
}

/** The code of a refusal that is one document, and ends the command with 1. */
async function refusedBy(t: TestContext, folder: string, ...args: readonly string[]) {
  const { code, stdout } = await here(t, [...args, ...at(folder), '--json'])
  assert.equal(code, 1)
  return (JSON.parse(stdout) as { error: { code: string } }).error.code
}

describe('tomte jobs', { skip }, () => {
  it('lists jobs, times and runs, of a folder that nobody uses', async (t) => {
    const cwd = await configured(t, DAEMON)
    assert.equal((await tomte(t, ['run', 'work', 'fail=no luck'], { cwd }).ended).code, 1)
    assert.equal((await tomte(t, ['run', 'work'], { cwd }).ended).code, 0)
    const { jobs } = (await asked(t, cwd, 'jobs', 'list')) as {
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
    const shown = await here(t, ['jobs', 'show', runs[0]?.id ?? '', ...at(cwd)])
    assert.match(shown.stdout, /^state {10}finished$/m)
  })

  it('reaches a daemon that holds the folder by its status API, and the daemon ends with 0', async (t) => {
    const ofHour = DAEMON.replace(`'0 2 * * *'`, `\`0 ${HOUR} * * *\``)
    const cwd = await configured(t, `import { hour } from './hour.ts'\n${ofHour}`)
    await writeFile(join(cwd, 'hour.ts'), 'export const hour: number = 2')
    const daemon = tomte(t, ['run'], { cwd })
    await daemon.prints(/"event":"daemon_ready"/)
    const held = await tomte(t, ['run', 'work', '--json'], { cwd }).ended
    assert.equal(held.code, 1)
    assert.equal((JSON.parse(held.stdout) as { error: { code: string } }).error.code, 'checkpoints_held')
    assert.deepEqual(await asked(t, cwd, 'jobs', 'pause', 'work'), { job: 'work', paused: true })
    assert.partialDeepStrictEqual(await asked(t, cwd, 'jobs', 'list'), {
      daemon: 'nightly',
      ready: true,
      jobs: [{ paused: true }],
    })
    assert.deepEqual(await asked(t, cwd, 'jobs', 'resume', 'work'), { job: 'work', paused: false })
    const file = join(cwd, 'copy.db')
    const copied = await tomte(t, ['jobs', 'backup', file], { cwd }).ended
    assert.deepEqual([copied.code, copied.stderr], [0, ''])
    assert.match(copied.stdout, /^Backed up to .*copy\.db: 0\.\d MB\n$/)
    assert.ok((await stat(file)).size > 0)
    assert.equal(await refusedBy(t, cwd, 'jobs', 'retry', '99'), 'run_unknown')
    assert.equal(await refusedBy(t, cwd, 'jobs', 'pause', 'other'), 'job_unknown')
    assert.equal(await refusedBy(t, cwd, 'jobs', 'start', 'work', 'other'), 'input_malformed')
    const { id } = (await asked(t, cwd, 'jobs', 'start', 'work')) as { id: string }
    await daemon.prints(new RegExp(`"event":"run_finished".*"run":"${id}"`))
    await writeFile(join(cwd, 'hour.ts'), 'export const hour: number = 5')
    daemon.child.kill('SIGHUP')
    await daemon.prints(/"event":"daemon_reloaded"/)
    assert.partialDeepStrictEqual(await asked(t, cwd, 'jobs', 'list'), { jobs: [{ schedule: '0 5 * * *' }] })
    daemon.child.kill('SIGTERM')
    const ended = await daemon.ended
    assert.deepEqual([ended.code, ended.stderr], [0, ''])
    for (const line of ended.stdout.trimEnd().split('\n'))
      assert.doesNotThrow(() => JSON.parse(line) as unknown, line)
  })

  it('ends with 2 for what is no usage', async (t) => {
    for (const args of [
      ['jobs', 'history', '--state', 'odd'],
      ['service', 'systemd', '--environment', 'x'],
    ]) {
      assert.equal((await here(t, args)).code, 2, args.join(' '))
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
    const args = 'service systemd --name nightly --environment AZURE_TENANT_ID=x --json'.split(' ')
    const ended = await tomte(t, args, { cwd }).ended
    assert.deepEqual([ended.code, ended.stderr], [0, ''])
    const { unit, file } = JSON.parse(ended.stdout) as { readonly unit: string; readonly file: string }
    assert.equal(file, '/etc/systemd/system/nightly.service')
    assert.match(
      unit,
      /^ExecStart=.*bin\.ts run --config .*tomte\.config\.ts --data \/var\/lib\/nightly --grace 30 --json$/m,
    )
    assert.match(unit, /^Environment="AZURE_TENANT_ID=x"$/m)
    const windows = await here(t, ['service', 'windows', '--name', 'nightly', '--json'])
    assert.match((JSON.parse(windows.stdout) as { definition: string }).definition, /<id>nightly<\/id>/)
    const words = 'service kubernetes --image i --client-id c --tenant-id t --json'.split(' ')
    const list = JSON.parse((await here(t, words)).stdout) as object
    assert.partialDeepStrictEqual(list, { kind: 'List', apiVersion: 'v1' })
  })

  it('prints a unit that systemd itself finds no fault with', { skip: noVerify }, async (t) => {
    const folder = await configured(t, DAEMON)
    const args = ['service', 'systemd', '--name', 'nightly', '--config', join(folder, 'tomte.config.ts')]
    const { stdout } = await here(t, args)
    const unit = join(folder, 'nightly.service')
    await writeFile(unit, stdout)
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' })
    assert.equal(verified.stdout + verified.stderr, '')
  })

  it('says what to do where systemd does not run, and touches nothing', { skip: hasSystemd }, async (t) => {
    for (const action of ['install', 'remove', 'status']) {
      const { code, stderr } = await here(t, ['service', action, '--name', 'tomte-test'])
      assert.equal(code, 1)
      assert.match(
        stderr,
        /^Cannot install, remove or show the service, as systemd must run on this machine: .*\nNext: tomte service /,
      )
    }
    await assert.rejects(stat('/etc/systemd/system/tomte-test.service'), { code: 'ENOENT' })
  })

  it('puts no secret into a definition', async (t) => {
    const args = ['service', 'systemd', '--environment', 'AZURE_CLIENT_SECRET=hush', '--json']
    const { code, stdout, stderr } = await here(t, args)
    assert.equal(code, 1)
    assert.match(stdout, /"code":"service_secret_in_clear"/)
    assert.doesNotMatch(stdout + stderr, /hush/)
  })
})
