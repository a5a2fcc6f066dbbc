import { type Command, InvalidArgumentError, Option } from 'commander'
import { DRILLS, type Drill, drillCommand, type DrillOptions, DrillUsageError } from './drill.ts'
import { exportCommand } from './export.ts'
import { databaseAddress, portNumber, VARIABLE } from './option-values.ts'
import type { Run } from './output.ts'
import { type PlatformArguments, platformCommand } from './platform.ts'
import { rotateKeysCommand } from './rotate-keys.ts'
import type { TrustArguments } from './trust.ts'

const IDENTITY_PORT = 8480

/** Adds `tomte platform` and the commands below it. */
export function addPlatform(command: Command, run: Run): void {
  const platform = command
    .command('platform')
    .description('start the local identity platform and directory')
    .option('--port <number>', 'TCP port; 0 takes a free one', portNumber, 8443)
    .option('--data <folder>', 'where everything is kept', '.tomte')
    .option(
      '--database <url>',
      'PostgreSQL in place of SQLite: its address, or the name of the environment variable that has it',
      databaseAddress,
    )
    .option('--seed <file>', 'what is to be there, as `tomte platform export` writes it')
    .option('--tenant <domain>', 'one more tenant, as fabrikam.example or fabrikam.example=Fabrikam', tenants)
  addExposure(platform)
  addIdentities(platform)
  addLimits(platform)
  platform
    .option('--drills', 'faults and clock on demand, at /drills')
    .option(
      '--as-real-hosts',
      'answer as login.microsoftonline.com and its like, too, for names that lead to this machine',
    )
    .option('--json', 'one JSON document on standard output when it is ready')
    .exitOverride()
    .action((options: PlatformArguments) => {
      if ((options.tlsCertificate === undefined) !== (options.tlsKey === undefined))
        platform.error('error: --tls-certificate and --tls-key belong together')
      return run((output) => platformCommand(options, output))
    })
  platform
    .command('export')
    .description('print the state of a platform that does not run, without any secret: a seed for --seed')
    .exitOverride()
    .action((_options: object, child: Command) =>
      run((output) => exportCommand(child.optsWithGlobals<PlatformArguments>(), output)),
    )
  platform
    .command('rotate-keys')
    .description('sign tokens with a new key, on a platform that runs or not; the last key stays published')
    .exitOverride()
    .action((_options: object, child: Command) =>
      run((output) => rotateKeysCommand(child.optsWithGlobals<PlatformArguments>(), output)),
    )
  addDrills(platform, run)
}

/** Who can reach the platform, and whom it asks. */
function addExposure(platform: Command): void {
  platform
    .option('--host <address>', 'address to listen on, in place of localhost, for other machines')
    .option('--name <name>', 'a name by which others reach it; may be given several times', several)
    .option('--public-origin <url>', 'the origin by which it is known, as https://login.example')
    .option('--tls-certificate <file>', 'the certificate for its names, with its chain, as PEM')
    .option('--tls-key <file>', 'the key of the certificate, as PEM')
    .option(
      '--administrator-password <variable>',
      "the environment variable that has the password of the portal's administrator",
      variable,
    )
    .option(
      '--allow-private-network-issuers',
      'let issuers of federated credentials be on this machine and in private networks',
    )
    .option('--issuer-ca <file>', 'a certificate authority to trust for issuers, as PEM')
}

function addIdentities(platform: Command): void {
  platform
    .addOption(
      new Option('--managed-identity [port]', 'endpoints for managed identities, on a port of their own')
        .argParser(portNumber)
        .preset(String(IDENTITY_PORT)),
    )
    .addOption(
      new Option('--user-assigned <name>', 'a user-assigned identity; may be given several times')
        .argParser(several)
        .implies({ managedIdentity: IDENTITY_PORT }),
    )
    .addOption(
      new Option('--arc-keys <folder>', "where Azure Arc's key files are written").implies({
        managedIdentity: IDENTITY_PORT,
      }),
    )
}

/** How much the platform takes, and how long it keeps. */
function addLimits(platform: Command): void {
  platform
    .addOption(
      new Option(
        '--throttling [part]',
        "throttle the directory as Graph does, or to a part of Graph's limits, as 0.1",
      )
        .argParser(partOfLimits)
        .preset('1'),
    )
    .addOption(
      new Option(
        '--loop-detection [number]',
        'refuse a client that asks for the same token more often than so in five minutes; 15 unless told otherwise',
      )
        .argParser(wholeNumber)
        .preset('15'),
    )
    .option('--random-lifetimes', 'let each token live 60 to 90 minutes, at random, in place of an hour')
    .option(
      '--audit-retention-days <number>',
      'how long the audit of administrative changes is kept: 30 days, unless told otherwise',
      wholeNumber,
    )
}

function addDrills(platform: Command, run: Run): void {
  const drills = platform
    .command('drill')
    .description('break a running platform on demand, which was started with --drills')
    .exitOverride()
  for (const [name, drill] of Object.entries(DRILLS)) {
    const command = drills
      .command(`${name} ${drill.usage}`.trim())
      .description(drill.description)
      .exitOverride()
    if (name === 'break')
      command
        .option('--status <number>', 'the status to answer with', wholeNumber)
        .option('--retry-after <seconds>', 'the wait to ask for', wholeNumber)
        .option('--delay-ms <number>', 'how late to answer', wholeNumber)
        .option('--rate <part>', 'the part of the requests to strike, as 0.5', number)
        .option('--times <number>', 'how many requests to strike', wholeNumber)
    if (name === 'forge') command.option('--trusted', "sign it with the platform's own key")
    command.action((...given: unknown[]) => runDrill(drill, given, run))
  }
}

async function runDrill(drill: Drill, given: readonly unknown[], run: Run): Promise<void> {
  const command = given.at(-1) as Command
  const words = given.filter((word) => typeof word === 'string')
  const options = command.optsWithGlobals<DrillOptions & TrustArguments & { readonly data: string }>()
  try {
    await run((output) => drillCommand(drill, words, options, output))
  } catch (error) {
    if (error instanceof DrillUsageError) command.error(`error: ${error.message}`)
    throw error
  }
}

/** A password on a command line is shown to every user of the machine, so it is in the environment. */
function variable(name: string): string {
  const value = VARIABLE.test(name) ? process.env[name] : undefined
  if (value) return value
  throw new InvalidArgumentError('the name of an environment variable that is set is needed')
}

const several = (name: string, known: readonly string[] = []): readonly string[] => [...known, name]

function tenants(text: string, known: PlatformArguments['tenant'] = []): PlatformArguments['tenant'] {
  const [domain = '', ...rest] = text.split('=')
  return [...known, { domain, displayName: rest.join('=') || domain }]
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('a whole number is needed')
}

const PART_MAX = 10

function partOfLimits(text: string): number {
  const part = number(text)
  if (part > 0 && part <= PART_MAX) return part
  throw new InvalidArgumentError(`a number above 0 and at most ${PART_MAX} is needed`)
}

function number(text: string): number {
  if (/^\d*\.?\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('a number is needed')
}
