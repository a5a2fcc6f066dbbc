import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { failureOf } from './failure.ts'
import { standardOutput } from './output.ts'
import { exportCommand, type PlatformArguments, platformCommand } from './platform.ts'
import { runCommand } from './run.ts'
import { Stopped } from './signals.ts'

export { type Failure, failureOf, failureText } from './failure.ts'
export { type Output, standardOutput } from './output.ts'
export { readyDocument } from './platform.ts'

interface CommonOptions {
  readonly json?: true
  readonly data: string
}

/**
 * Runs the command `tomte` with these arguments and returns its exit code: 0 done, 1 a refusal that it has explained,
 * 2 wrong usage.
 *
 * @example
 * ```ts
 * import { tomte } from 'tomte'
 * process.exitCode = await tomte(['run', 'provision', 'file=people.csv'])
 * ```
 */
export async function tomte(args: readonly string[]): Promise<number> {
  const output = standardOutput(args.includes('--json'))
  try {
    await parse(args, output)
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return WRONG_USAGE
    if (error instanceof Stopped) {
      output.say(error.message)
      return error.exitCode
    }
    await output.failure(failureOf(error))
    return 1
  }
}

const WRONG_USAGE = 2
const IDENTITY_PORT = 8480

async function parse(args: readonly string[], output: Output): Promise<void> {
  let help = ''
  try {
    const command = program(
      (work) => work(output),
      (text) => (help += text),
    )
    await command.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error
    await output.print(help)
  }
}

type Output = ReturnType<typeof standardOutput>

/** Does a command's work with the output that it prints to. */
type Run = (work: (output: Output) => Promise<void>) => Promise<void>

function program(run: Run, writeOut: (text: string) => void): Command {
  const command = new Command('tomte')
    .configureOutput({ writeOut })
    .description('Programs with an identity of their own')
    .exitOverride()
    .showHelpAfterError('Run tomte --help for the commands and their options.')
  command
    .command('run')
    .description('run one job of the daemon once; an interrupted run is resumed')
    .argument('<job>', "the job's name in the configuration")
    .argument('[input...]', 'what the job is to do, as name=value')
    .option('--config <file>', 'the daemon', 'tomte.config.ts')
    .option('--data <folder>', 'where checkpoints are kept', '.tomte')
    .option('--json', 'one JSON document on standard output')
    .exitOverride()
    .action((job: string, input: string[], options: CommonOptions & { config: string }) =>
      run((output) => runCommand({ job, input, config: options.config, data: options.data }, output)),
    )
  addPlatform(command, run)
  return command
}

function addPlatform(command: Command, run: Run): void {
  const platform = command
    .command('platform')
    .description('start the local identity platform and directory')
    .option('--port <number>', 'TCP port on localhost; 0 takes a free one', portNumber, 8443)
    .option('--data <folder>', 'where everything is kept', '.tomte')
    .addOption(
      new Option('--managed-identity [port]', 'endpoints for managed identities, on a port of their own')
        .argParser(portNumber)
        .preset(String(IDENTITY_PORT)),
    )
    .addOption(
      new Option('--user-assigned <name>', 'a user-assigned identity; may be given several times')
        .argParser((name: string, known?: readonly string[]) => [...(known ?? []), name])
        .implies({ managedIdentity: IDENTITY_PORT }),
    )
    .addOption(
      new Option('--arc-keys <folder>', "where Azure Arc's key files are written").implies({
        managedIdentity: IDENTITY_PORT,
      }),
    )
    .option(
      '--database <url>',
      'PostgreSQL in place of SQLite: its address, or the name of the environment variable that has it',
      databaseAddress,
    )
    .option('--seed <file>', 'what is to be there, as `tomte platform export` writes it')
    .option('--drills', 'faults and clock on demand, at /drills')
    .option(
      '--as-real-hosts',
      'answer as login.microsoftonline.com and its like, too, for names that lead to this machine',
    )
    .option('--json', 'one JSON document on standard output when it is ready')
    .exitOverride()
    .action((options: PlatformArguments) => run((output) => platformCommand(options, output)))
  platform
    .command('export')
    .description('print the state of a platform that does not run, without any secret: a seed for --seed')
    .exitOverride()
    .action((_options: object, child: Command) =>
      run((output) => exportCommand(child.optsWithGlobals<PlatformArguments>(), output)),
    )
}

const VARIABLE = /^[A-Z_][A-Z0-9_]*$/

/** A password on a command line is shown to every user of the machine, so the address may be in the environment. */
function databaseAddress(text: string): string {
  const address = VARIABLE.test(text) ? process.env[text] : text
  if (address) return address
  throw new InvalidArgumentError(`the environment variable ${text} must hold an address of PostgreSQL`)
}

function portNumber(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new InvalidArgumentError('a whole number from 0 to 65535 is needed')
}
