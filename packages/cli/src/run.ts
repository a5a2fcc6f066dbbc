import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Daemon, JobError, runJob } from '@tomte/jobs'
import type { Output } from './output.ts'
import { stopSignal } from './signals.ts'

export interface RunArguments {
  readonly job: string
  /** `name=value` pairs. */
  readonly input: readonly string[]
  readonly config: string
  readonly data: string
}

/** `tomte run`: one job, once, to its end; resumes what a crash left. */
export async function runCommand({ job, input, config, data }: RunArguments, output: Output): Promise<void> {
  const signal = stopSignal()
  const daemon = await loadDaemon(config)
  const { result, summary } = await runJob(daemon, job, {
    input: readInput(input),
    dataFolder: data,
    environment: process.env,
    configFile: resolve(config),
    progress: (done, total, what) => output.progress(done, total, what),
    log: (line) => output.say(line),
    signal,
  })
  await output.result(result, summary)
}

async function loadDaemon(config: string): Promise<Daemon> {
  const file = resolve(config)
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(pathToFileURL(file).href)) as typeof loaded
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    throw unusable(config, found, error)
  }
  const daemon = loaded.default
  if (typeof daemon === 'object' && daemon !== null && 'jobs' in daemon && 'apis' in daemon)
    return daemon as Daemon
  throw unusable(config, 'it has no default export made by defineDaemon()')
}

function unusable(config: string, found: string, cause?: unknown): JobError {
  return new JobError(
    `Cannot load the daemon from '${config}', as a module that exports defineDaemon(…) is needed: ${found}`,
    {
      code: 'config_unusable',
      hint: 'Run the command where tomte.config.ts is, or name it with --config',
      ...(cause === undefined ? {} : { cause }),
    },
  )
}

function readInput(pairs: readonly string[]): Record<string, string> {
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
