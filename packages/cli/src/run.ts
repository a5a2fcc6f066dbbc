import { resolve } from 'node:path'
import { JobError, type Rehearsal, rehearseJob, runJob } from '@tomte/jobs'
import { withServiceCredentials } from '@tomte/jobs/service'
import { loadDaemon } from './config-file.ts'
import type { Output } from './output.ts'
import { rehearsalText } from './rehearsal-text.ts'
import { stopSignal } from './signals.ts'

export interface RunArguments {
  readonly job: string
  /** `name=value` pairs. */
  readonly input: readonly string[]
  readonly config: string
  readonly data: string
  readonly database?: string | undefined
  /** Whether nothing is to be changed. */
  readonly dryRun?: boolean | undefined
  /** Whether it may disable or delete more than the limit of its job. */
  readonly beyondLimit?: boolean | undefined
}

/** `tomte run JOB`: one job, once, to its end; resumes what a crash left. With `--dry-run`, what it would do. */
export async function runCommand(
  { job, input, config, data, database, dryRun, beyondLimit }: RunArguments,
  output: Output,
): Promise<void> {
  const signal = stopSignal()
  const daemon = await loadDaemon(config)
  const options = {
    input: readInput(input),
    environment: await withServiceCredentials(process.env),
    configFile: resolve(config),
    progress: (done: number, total: number, what: string) => output.progress(done, total, what),
    log: (line: string) => output.say(line),
    signal,
  }
  if (dryRun) {
    const rehearsal = await rehearseJob(daemon, job, options)
    return output.result(rehearsalDocument(job, rehearsal), rehearsalText(rehearsal))
  }
  const { result, summary } = await runJob(daemon, job, {
    ...options,
    dataFolder: data,
    databaseUrl: database,
    beyondLimit,
  })
  await output.result(result, summary)
}

function rehearsalDocument(job: string, { plan, limit, result }: Rehearsal): object {
  return { job, dryRun: true, ...plan, ...(limit === undefined ? {} : { limit }), result }
}

/** Reads `name=value` pairs. @throws JobError `input_malformed` */
export function readInput(pairs: readonly string[]): Record<string, string> {
  const values = pairs.map((pair) => {
    const at = pair.indexOf('=')
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)] as const
    throw new JobError(`Cannot read the input '${pair}', as name=value is needed`, {
      code: 'input_malformed',
      hint: 'For example file=people.csv',
    })
  })
  return Object.fromEntries(values)
}
