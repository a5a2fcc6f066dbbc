import { type Command, InvalidArgumentError, Option } from 'commander'
import { daemonCommand, type DaemonArguments } from './daemon.ts'
import {
  backUpCommand,
  historyCommand,
  type HistoryArguments,
  jobsCommand,
  type JobsArguments,
  pauseCommand,
  type RunAction,
  runActionCommand,
  startCommand,
} from './jobs.ts'
import { databaseAddress, portNumber } from './option-values.ts'
import type { Run } from './output.ts'
import { runCommand } from './run.ts'

const DATA_FOLDER = process.env['TOMTE_DATA_FOLDER'] || '.tomte'
const STATES = ['queued', 'running', 'finished', 'dead', 'cancelled', 'unconsented', 'skipped', 'superseded']

function withPlaces(command: Command): Command {
  return command
    .option('--config <file>', 'the daemon', 'tomte.config.ts')
    .option('--data <folder>', 'where state is kept', DATA_FOLDER)
    .option(
      '--database <url>',
      'PostgreSQL in place of SQLite: its address, or the name of the environment variable that has it',
      databaseAddress,
    )
    .option('--json', 'JSON on standard output: one document, or of a daemon one object a line')
    .exitOverride()
}

interface RunOptions extends DaemonArguments {
  readonly dryRun?: boolean
  readonly beyondLimit?: boolean
}

/** Adds `tomte run`. */
export function addRun(command: Command, run: Run): void {
  const added = command
    .command('run')
    .description('run the daemon, or one of its jobs once; an interrupted run is resumed')
    .argument('[job]', "the job's name in the configuration; without one the daemon runs until it is stopped")
    .argument('[input...]', 'what the job is to do, as name=value')
  withPlaces(added)
    .option('--dry-run', 'say what the job would change, and change nothing')
    .option('--beyond-limit', 'let the job disable or delete more than its limit')
    .option('--grace <seconds>', 'how long runs may take to stop', wholeNumber, 30)
    .option('--status-port <number>', 'where the daemon tells its status; 0 takes a free port', portNumber, 0)
    .option('--status-host <address>', 'the address for that; default 127.0.0.1')
    .option('--status-name <name>', 'a name by which others ask for it', listed)
    .option('--expose-status', 'let other machines ask for health and metrics, without TLS')
    .action((job: string | undefined, input: readonly string[], options: RunOptions) => {
      if (job !== undefined) return run((output) => runCommand({ ...options, job, input }, output))
      if (options.dryRun || options.beyondLimit)
        added.error('error: --dry-run and --beyond-limit are for one job: name it')
      return run((output) => daemonCommand(options, output))
    })
}

/** Adds `tomte jobs` and the commands below it. */
export function addJobs(command: Command, run: Run): void {
  const jobs = command
    .command('jobs')
    .description('look at the jobs of a daemon and their runs, and decide on them')
    .exitOverride()
  withPlaces(jobs.command('list', { isDefault: true }).description('jobs, next times, last outcomes')).action(
    (options: JobsArguments) => run((output) => jobsCommand(options, output)),
  )
  withPlaces(jobs.command('history').description('runs, the newest first').argument('[job]'))
    .option('--tenant <id>', 'only in this tenant')
    .addOption(new Option('--state <state>', 'only in this state').choices(STATES))
    .option('--before <run>', 'only those before this one, to page on')
    .option('--limit <number>', 'at most so many, up to 1000', wholeNumber, 20)
    .action((job: string | undefined, options: Omit<HistoryArguments, 'job'>) =>
      run((output) => historyCommand({ ...options, job }, output)),
    )
  const actions = { show: 'all of a run', retry: 'queue an ended run again', cancel: 'end a run' } as const
  for (const [action, about] of Object.entries(actions) as [RunAction, string][]) {
    withPlaces(jobs.command(action).description(about).argument('<run>')).action(
      (id: string, options: JobsArguments) =>
        run((output) => runActionCommand(action, id, { options, output })),
    )
  }
  withPlaces(jobs.command('start').description('queue a run').argument('<job>').argument('[input...]'))
    .option('--tenant <id>', 'where to work')
    .action((job: string, input: readonly string[], options: JobsArguments & { readonly tenant?: string }) =>
      run((output) => startCommand({ job, input, tenant: options.tenant }, { options, output })),
    )
  const pauses = { pause: 'keep runs of a job from starting', resume: 'let them start again' }
  for (const [word, about] of Object.entries(pauses)) {
    withPlaces(jobs.command(word).description(about).argument('<job>')).action(
      (job: string, options: JobsArguments) =>
        run((output) => pauseCommand(job, word === 'pause', { options, output })),
    )
  }
  withPlaces(
    jobs.command('backup').description('copy the database, also while the daemon works').argument('<file>'),
  ).action((file: string, options: JobsArguments) =>
    run((output) => backUpCommand(file, { options, output })),
  )
}

const listed = (text: string, known?: readonly string[]) => [...(known ?? []), text]

/** @throws InvalidArgumentError which is wrong usage. */
export function wholeNumber(text: string): number {
  const number = Number(text)
  if (/^\d{1,7}$/.test(text) && number > 0) return number
  throw new InvalidArgumentError('a whole number from 1 is needed')
}
