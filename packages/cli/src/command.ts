import { JobError } from '@tomte/jobs'
import { Command, CommanderError } from 'commander'
import { failureOf } from './failure.ts'
import { addJobs, addRun } from './jobs-options.ts'
import { type Run, standardOutput } from './output.ts'
import { addService } from './service-options.ts'
import { Stopped } from './signals.ts'

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
    const stopped = stoppedIn(error)
    if (stopped) {
      output.say((error as Error).message)
      return stopped.exitCode
    }
    await output.failure(failureOf(error))
    return 1
  }
}

/** What a person stopped, and what says how things stand then. */
function stoppedIn(error: unknown): Stopped | undefined {
  if (error instanceof Stopped) return error
  const isElsewhere = error instanceof JobError && error.code === 'run_elsewhere'
  return isElsewhere && error.cause instanceof Stopped ? error.cause : undefined
}

const WRONG_USAGE = 2
const WITHOUT_PLATFORM = new Set(['run', 'jobs', 'service'])

async function parse(args: readonly string[], output: ReturnType<typeof standardOutput>): Promise<void> {
  let help = ''
  try {
    const run: Run = (work) => work(output)
    const command = program(run, (text) => (help += text))
    // A daemon that runs for years, and a look at its jobs, do without the platform's code.
    if (!WITHOUT_PLATFORM.has(args[0] ?? ''))
      (await import('./platform-options.ts')).addPlatform(command, run)
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
  addRun(command, run)
  addJobs(command, run)
  addService(command, run)
  return command
}
