import { Command, CommanderError } from 'commander'
import { failureOf } from './failure.ts'
import { standardOutput } from './output.ts'
import { addPlatform, type Run } from './platform-options.ts'
import { runCommand } from './run.ts'
import { Stopped } from './signals.ts'

export { type Failure, failureOf, failureText } from './failure.ts'
export { type Output, standardOutput } from './output.ts'
export { readyDocument } from '@tomte/platform'

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

async function parse(args: readonly string[], output: ReturnType<typeof standardOutput>): Promise<void> {
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
