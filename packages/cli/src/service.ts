import { execFile } from 'node:child_process'
import { access, readFile, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { JobError } from '@tomte/jobs'
import {
  kubernetesManifests,
  type ServiceCredential,
  stateFolder,
  systemdUnit,
  windowsService,
} from '@tomte/jobs/service'
import type { Output } from './output.ts'

export interface ServiceArguments {
  readonly name: string
  readonly description: string
  readonly config: string
  /** In seconds. */
  readonly grace: number
  readonly environment: Readonly<Record<string, string>>
}

export interface SystemdArguments extends ServiceArguments {
  readonly user?: string | undefined
  readonly credential: Readonly<Record<string, string>>
}

export interface WindowsArguments extends ServiceArguments {
  readonly data?: string | undefined
}

export interface KubernetesArguments extends ServiceArguments {
  readonly image: string
  readonly namespace: string
  readonly clientId: string
  readonly tenantId: string
  readonly port: number
  readonly replicas: number
  readonly secret?: string | undefined
  /** Schedules by job. */
  readonly cronJob: Readonly<Record<string, string>>
  readonly timeLimit: number
}

/** How this very program is started again: by the same Node, with the same file. */
function program(args: readonly string[]): [string, ...string[]] {
  return [process.execPath, ...process.execArgv, resolve(process.argv[1] ?? ''), 'run', ...args]
}

function unitOf(options: SystemdArguments): string {
  const { name, description, config, grace, environment, user, credential } = options
  const args = ['--config', resolve(config), '--data', stateFolder(name), '--grace', String(grace), '--json']
  return systemdUnit({
    name,
    description,
    command: program(args),
    workingFolder: resolve(config, '..'),
    environment,
    graceSeconds: grace,
    user,
    credentials: credential as Partial<Record<ServiceCredential, string>>,
  })
}

/** `tomte service systemd`: prints the unit. */
export async function systemdCommand(options: SystemdArguments, output: Output): Promise<void> {
  const unit = unitOf(options)
  await output.result({ file: unitFile(options.name), unit }, unit.trimEnd())
}

/** `tomte service windows`: prints the definition for WinSW and the commands that install it. */
export async function windowsCommand(options: WindowsArguments, output: Output): Promise<void> {
  const { name, description, config, grace, environment } = options
  const data = options.data ?? `C:\\ProgramData\\${name}`
  const file = process.platform === 'win32' ? resolve(config) : config
  const isAtWindows = process.platform === 'win32'
  const node = isAtWindows ? process.execPath : 'C:\\Program Files\\nodejs\\node.exe'
  const bin = isAtWindows ? resolve(process.argv[1] ?? '') : `C:\\${name}\\node_modules\\tomte\\dist\\bin.js`
  const service = windowsService(
    {
      name,
      description,
      command: [node, bin, 'run', '--config', file, '--data', data, '--grace', String(grace), '--json'],
      workingFolder: isAtWindows ? resolve(config, '..') : `C:\\${name}`,
      environment,
      graceSeconds: grace,
    },
    data,
  )
  const text = `<!-- ${name}.xml, beside WinSW as ${name}.exe; then, as an administrator:\n${service.commands.map((line) => `  ${line}`).join('\n')}\n-->\n${service.definition.trimEnd()}`
  await output.result(service, text)
}

/** `tomte service kubernetes`: prints manifests, as JSON, which kubectl takes as it does YAML. */
export async function kubernetesCommand(options: KubernetesArguments, output: Output): Promise<void> {
  const { config, grace, cronJob, timeLimit, ...service } = options
  const cronJobs = Object.entries(cronJob).map(([job, schedule]) => ({
    job,
    schedule,
    timeLimitSeconds: timeLimit,
  }))
  const list = kubernetesManifests({
    ...service,
    command: ['node', '/app/node_modules/tomte/dist/bin.js', 'run', '--config', `/app/${config}`],
    graceSeconds: grace,
    cronJobs,
  })
  await output.result(list, JSON.stringify(list, null, 2))
}

const unitFile = (name: string) => `/etc/systemd/system/${name}.service`
const MADE_BY = '# Made by tomte service install.\n'
const run = promisify(execFile)
const SYSTEMCTL_WITHIN_MS = 180_000

async function systemctl(...args: readonly string[]): Promise<string> {
  try {
    return (await run('systemctl', [...args], { timeout: SYSTEMCTL_WITHIN_MS })).stdout
  } catch (error) {
    const found = error instanceof Error ? error.message.trim() : 'another fault'
    throw new JobError(`Cannot run systemctl ${args.join(' ')}, as systemd must do it: ${found}`, {
      code: 'systemctl_failed',
      hint: `journalctl -u ${args.at(-1) ?? ''} says more`,
    })
  }
}

/** @throws JobError `service_unsupported` where systemd does not run or this account may not tell it what to do. */
async function requireSystemd(needsRoot: boolean): Promise<void> {
  const isThere = await access('/run/systemd/system').then(
    () => true,
    () => false,
  )
  if (process.platform !== 'linux' || !isThere) {
    throw new JobError(
      `Cannot install, remove or show the service, as systemd must run on this machine: ${process.platform === 'linux' ? 'it does not' : `found ${process.platform}`}`,
      {
        code: 'service_unsupported',
        hint:
          process.platform === 'win32'
            ? 'tomte service windows prints a definition and the commands that install it'
            : 'tomte service systemd prints the unit for a machine where it runs, and tomte service kubernetes manifests for a container',
      },
    )
  }
  if (needsRoot && process.getuid?.() !== 0) {
    throw new JobError('Cannot install or remove the service, as root may do it: this is another account', {
      code: 'service_needs_root',
      hint: 'Run it with sudo, or take what tomte service systemd prints',
    })
  }
}

async function requireOurs(name: string): Promise<boolean> {
  const known = await readFile(unitFile(name), 'utf8').catch(() => undefined)
  if (known === undefined || known.startsWith(MADE_BY)) return known !== undefined
  throw new JobError(
    `Cannot replace or remove ${unitFile(name)}, as it must be one that tomte has made: it is not`,
    { code: 'service_foreign', hint: 'Choose another --name' },
  )
}

/** `tomte service install`: writes the unit, and starts it now and at every boot. */
export async function installCommand(options: SystemdArguments, output: Output): Promise<void> {
  const unit = unitOf(options)
  await requireSystemd(true)
  await requireOurs(options.name)
  await writeFile(unitFile(options.name), MADE_BY + unit, { mode: 0o644 })
  await systemctl('daemon-reload')
  await systemctl('enable', '--now', options.name)
  await output.result(
    { name: options.name, installed: true },
    `${options.name} runs, and will after every start of this machine`,
  )
}

/** `tomte service remove`: stops the service and removes its unit; its state stays. */
export async function removeCommand({ name }: Pick<ServiceArguments, 'name'>, output: Output): Promise<void> {
  await requireSystemd(true)
  if (await requireOurs(name)) {
    await systemctl('disable', '--now', name)
    await rm(unitFile(name), { force: true })
    await systemctl('daemon-reload')
  }
  await output.result(
    { name, installed: false },
    `${name} is removed; its state is still in ${stateFolder(name)}`,
  )
}

const SHOWN = ['LoadState', 'ActiveState', 'SubState', 'MainPID', 'NRestarts', 'StatusText', 'MemoryCurrent']

/** `tomte service status`: what systemd says of it. */
export async function serviceStatusCommand(
  { name }: Pick<ServiceArguments, 'name'>,
  output: Output,
): Promise<void> {
  await requireSystemd(false)
  const text = await systemctl('show', `--property=${SHOWN.join(',')}`, name)
  const pairs = text.split('\n').flatMap((line) => {
    const at = line.indexOf('=')
    return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
  })
  await output.result({ name, ...Object.fromEntries(pairs) }, text.trimEnd())
}
