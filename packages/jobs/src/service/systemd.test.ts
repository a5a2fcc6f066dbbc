import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../test-support.ts'
import { type SystemdService, systemdUnit } from './systemd.ts'

const SERVICE: SystemdService = {
  name: 'tomte-provision',
  description: 'Provisions 100 % of the directory',
  command: [process.execPath, '/opt/it is here/bin.js', 'run', '--config', '/opt/a "b" $HOME \\ 5%.ts'],
  workingFolder: '/',
  environment: { AZURE_TENANT_ID: 'contoso.example', LABEL: 'say "hi" \\ 5% $x' },
  credentials: { 'certificate.pem': '/etc/tomte/daemon.pem', 'client-secret': '/etc/tomte/client secret' },
  graceSeconds: 30,
}

const noVerify =
  spawnSync('systemd-analyze', ['--version']).status !== 0 && 'systemd-analyze is not installed'

/** What `systemd-analyze verify` has to say of a unit; it ends with 0 for unknown settings too, so that words alone count. */
async function verified(t: Parameters<typeof temporaryFolder>[0], unit: string): Promise<string> {
  const file = join(await temporaryFolder(t), 'tomte-provision.service')
  await writeFile(file, unit)
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' })
  return stdout + stderr
}

/** The values of a setting, in order. */
const values = (unit: string, setting: string) =>
  [...unit.matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))].map(([, value]) => value)

describe('systemdUnit', () => {
  it('makes a unit that systemd has nothing to say against', { skip: noVerify }, async (t) => {
    assert.equal(await verified(t, systemdUnit(SERVICE)), '')
    assert.equal(await verified(t, systemdUnit({ ...SERVICE, user: 'root', credentials: {} })), '')
  })

  it('would hear of a setting that systemd does not know', { skip: noVerify }, async (t) => {
    const unit = systemdUnit(SERVICE).replace('RestartSec=', 'RestartSecs=')
    assert.match(await verified(t, unit), /Unknown key.* 'RestartSecs'/)
  })

  it('writes words so that systemd reads them back as they were', () => {
    const unit = systemdUnit(SERVICE)
    assert.deepEqual(values(unit, 'ExecStart'), [
      `${process.execPath} "/opt/it is here/bin.js" run --config "/opt/a \\"b\\" $$HOME \\\\ 5%%.ts"`,
    ])
    assert.deepEqual(values(unit, 'Description'), ['Provisions 100 %% of the directory'])
    assert.ok(values(unit, 'Environment').includes('"LABEL=say \\"hi\\" \\\\ 5%% $x"'), unit)
  })

  it('hands credentials over as files, and says where the certificate then is', () => {
    const unit = systemdUnit(SERVICE)
    assert.deepEqual(values(unit, 'LoadCredential'), [
      'certificate.pem:/etc/tomte/daemon.pem',
      'client-secret:/etc/tomte/client secret',
    ])
    assert.ok(values(unit, 'Environment').includes('"AZURE_CLIENT_CERTIFICATE_PATH=%d/certificate.pem"'))
    assert.doesNotMatch(unit, /AZURE_CLIENT_SECRET/)
  })

  it('gives a stopping daemon its grace period and a margin, restarts within limits, and watches it', () => {
    const unit = systemdUnit({ ...SERVICE, watchdogSeconds: 60 })
    const facts = [
      'Type',
      'TimeoutStopSec',
      'KillMode',
      'WatchdogSec',
      'Restart',
      'StartLimitBurst',
      'ExecReload',
    ]
    assert.deepEqual(
      facts.map((setting) => values(unit, setting)),
      [['notify'], ['45'], ['mixed'], ['60'], ['on-failure'], ['10'], ['/bin/kill -HUP $MAINPID']],
    )
  })

  it('lets the JavaScript engine make machine code, and closes what a daemon can do without', () => {
    const unit = systemdUnit(SERVICE)
    assert.deepEqual(values(unit, 'MemoryDenyWriteExecute'), ['no'])
    for (const setting of ['NoNewPrivileges', 'DynamicUser', 'PrivateTmp', 'ProtectHome'])
      assert.deepEqual(values(unit, setting), ['yes'], setting)
    assert.deepEqual(values(unit, 'ProtectSystem'), ['strict'])
    assert.deepEqual(values(systemdUnit({ ...SERVICE, user: 'daemon' }), 'User'), ['daemon'])
    const atHome = systemdUnit({ ...SERVICE, workingFolder: ['', 'home', 'asa', 'x'].join('/') })
    assert.deepEqual(values(atHome, 'ProtectHome'), ['read-only'])
  })

  const refused: readonly (readonly [string, Partial<SystemdService>, string])[] = [
    ['a name with a slash', { name: '../x' }, 'service_unusable'],
    ['a line break in a value', { environment: { A: 'x\nExecStart=/bin/sh' } }, 'service_unusable'],
    ['a line break in the description', { description: 'x\n[Service]' }, 'service_unusable'],
    ['a program that is not absolute', { command: ['node'] }, 'service_unusable'],
    ['a relative credential', { credentials: { 'client-secret': 'x' } }, 'service_unusable'],
    ['an unknown credential', { credentials: { other: '/x' } as never }, 'service_unusable'],
    ['a user that is none', { user: 'a b' }, 'service_unusable'],
    ['a watchdog that bites too soon', { watchdogSeconds: 1 }, 'service_unusable'],
    ['no grace', { graceSeconds: 0 }, 'service_unusable'],
    ['a secret in clear', { environment: { AZURE_CLIENT_SECRET: 'hush' } }, 'service_secret_in_clear'],
  ]
  for (const [what, changed, code] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => systemdUnit({ ...SERVICE, ...changed }),
        (error: Error & { code?: string }) => {
          assert.deepEqual([error.name, error.code], ['JobError', code])
          assert.match(error.message, /^Cannot describe the service.*: found /)
          assert.doesNotMatch(error.message, /hush/)
          return true
        },
      )
    })
  }
})
