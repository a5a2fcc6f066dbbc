// The whole walk on one machine: a platform, a registration, a refusal, an administrator's consent, and the nightly job.
import { once } from 'node:events'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import type { Api } from '@tomte/client'
import type { RunCost } from '@tomte/jobs'
import { type Platform, startPlatform } from '@tomte/platform'
import { type Failure, failureOf, type Output, readyDocument, standardOutput } from 'tomte'
import { daemonEnvironment, runDaemon } from './demo/daemon.ts'
import { operatorDirectory } from './demo/operator.ts'
import {
  consentedAt,
  findRegistration,
  grantConsent,
  type RegisteredDaemon,
  registerDaemon,
} from './demo/registration.ts'
import { seedDirectory } from './demo/seed.ts'
import { type ProvisionResult, summary } from './job/counts.ts'

interface StartOptions {
  readonly once: boolean
  readonly port: number
  readonly data: string
}

// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED = 130

/** The daemon's own failure, which it has told on standard error already. */
class DaemonFailed extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

function readOptions(args: readonly string[]): StartOptions & { readonly json: boolean } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      port: { type: 'string', default: '8443' },
      data: { type: 'string', default: '.tomte' },
    },
  })
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port) || port > 65_535)
    throw new TypeError(`--port takes a whole number from 0 to 65535: found '${values.port}'`)
  return { ...values, port }
}

async function start(options: StartOptions, output: Output, signal: AbortSignal): Promise<void> {
  const platform = await startPlatform({ dataFolder: options.data, port: options.port })
  try {
    sayReady(platform, output)
    const directory = operatorDirectory(platform)
    const daemon = await register(directory, platform, { output, signal })
    const environment = daemonEnvironment(platform, daemon)
    await beforeConsent(directory, daemon, environment, { ...options, output, signal })
    await grantAndRun(directory, daemon, environment, { ...options, output, signal })
    if (options.once) return
    sayWhatNext(platform, environment, output)
    if (!signal.aborted) await once(signal, 'abort')
    output.say('\nStopped.')
  } finally {
    await platform.close()
  }
}

function sayReady(platform: Platform, output: Output): void {
  if (output.json) output.say(`ready ${JSON.stringify(readyDocument(platform))}`)
  else output.say(`1. The identity platform is ready at ${platform.origin}`)
}

async function register(
  directory: Api,
  platform: Platform,
  { output, signal }: Pick<Surroundings, 'output' | 'signal'>,
): Promise<RegisteredDaemon> {
  const domain = platform.operator.tenantDomain
  output.say(`2. As the operator application, through ${platform.graphUrl}:`)
  if (await findRegistration(directory)) {
    output.say(`   tenant ${domain} has its people, and nightly-provisioning is registered there`)
  } else {
    const people = await seedDirectory(directory, domain, { progress: output.progress, signal })
    output.say(`   tenant ${domain} has a directory of ${people} people`)
  }
  const daemon = await registerDaemon(directory, platform, Date.now())
  output.say(
    `   nightly-provisioning: application ${daemon.clientId}, service principal ${daemon.servicePrincipalId},`,
  )
  output.say(
    `   certificate in ${shown(daemon.certificateFile)}, requests the application permission User.ReadWrite.All`,
  )
  output.say('   Files that hold a secret, readable by you alone:')
  for (const { file, purpose } of platform.keyFiles.list) output.say(`     ${shown(file)} (${purpose})`)
  return daemon
}

type Surroundings = StartOptions & { readonly output: Output; readonly signal: AbortSignal }

async function beforeConsent(
  directory: Api,
  daemon: RegisteredDaemon,
  environment: Record<string, string>,
  { data, output, signal }: Surroundings,
): Promise<void> {
  const consented = await consentedAt(directory, daemon)
  if (consented !== undefined) {
    output.say(`3. Skipped: consent was granted at ${consented}`)
    return
  }
  output.say('3. The job runs once before anybody has consented, and is refused:')
  const outcome = await runDaemon(withInherited(environment), data, signal)
  signal.throwIfAborted()
  if ('result' in outcome)
    throw new Error('Cannot go on, as the directory must refuse a daemon without consent: it let it in')
  if (outcome.failure.code !== 'Authorization_RequestDenied') throw new DaemonFailed(outcome.failure)
}

async function grantAndRun(
  directory: Api,
  daemon: RegisteredDaemon,
  environment: Record<string, string>,
  { data, output, signal }: Surroundings,
): Promise<void> {
  if ((await consentedAt(directory, daemon)) === undefined) {
    await grantConsent(directory, daemon)
    output.say('4. The administrator grants consent, and the job runs again:')
  } else {
    output.say('4. The job runs:')
  }
  const outcome = await runDaemon(withInherited(environment), data, signal)
  signal.throwIfAborted()
  if ('failure' in outcome) throw new DaemonFailed(outcome.failure)
  await output.result(outcome.result, indented(summary(outcome.result as ProvisionResult & RunCost)))
}

function sayWhatNext(platform: Platform, environment: Record<string, string>, output: Output): void {
  output.say(
    [
      `5. The platform stays up. Portal: ${platform.origin}/portal`,
      `   (the administrator's password is in ${shown(platform.keyFiles.path('administrator-password'))})`,
      '   The same job by itself, against this platform, in another terminal:',
      `     ${Object.entries({ ...environment, NODE_EXTRA_CA_CERTS: shown(platform.caFile) })
        .map(([name, value]) => `${name}=${shown(value)}`)
        .join(' \\\n     ')} \\`,
      '     npm run provision',
      '   Against your own tenant: register an application there with a certificate, grant it the application',
      '   permission User.ReadWrite.All, and set only',
      '     AZURE_TENANT_ID=<your domain> AZURE_CLIENT_ID=<application id> AZURE_CLIENT_CERTIFICATE_PATH=<PEM file> \\',
      '     npm run provision -- file=<your export.csv>',
      '   Ctrl-C ends the platform.',
    ].join('\n'),
  )
}

/** The daemon's variables over those of this program; a password for another certificate must not come along. */
function withInherited(environment: Record<string, string>): NodeJS.ProcessEnv {
  return { ...process.env, AZURE_CLIENT_CERTIFICATE_PASSWORD: undefined, ...environment }
}

const indented = (text: string) => text.replaceAll(/^/gm, '   ')

/** Paths below the working folder are shown as a person would type them. */
function shown(path: string): string {
  const below = relative(process.cwd(), path)
  return path.startsWith(process.cwd()) ? below : path
}

async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof readOptions>
  try {
    options = readOptions(args)
  } catch (error) {
    process.stderr.write(
      `${error instanceof Error ? error.message : String(error)}\nUsage: npm start -- [--once] [--json] [--port NUMBER] [--data FOLDER]\n`,
    )
    return 2
  }
  const output = standardOutput(options.json)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  try {
    await start(options, output, stop.signal)
    return 0
  } catch (error) {
    if (stop.signal.aborted) {
      output.say('\nStopped before the end: the next start goes on from there.')
      return INTERRUPTED
    }
    if (!(error instanceof DaemonFailed)) await output.failure(failureOf(error))
    else if (output.json) await output.result({ error: error.failure }, '')
    return 1
  }
}

process.exitCode = await main(process.argv.slice(2))
