import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  AppIdentity,
  type Api,
  configurationOf,
  definedApi,
  type Environment,
  proxyFromEnvironment,
} from '@tomte/client'
import { z } from 'zod'
import { ledger, stepper } from './checkpoint.ts'
import { type Now, systemNow } from './clock.ts'
import type { Daemon, Job, JobContext, RunCost } from './daemon.ts'
import { JobError } from './errors.ts'
import type { Traffic } from './engine/engine.ts'
import { CheckpointStore } from './store.ts'

/** What a run is given from outside. */
export interface RunOptions {
  /** What the job is to do; checked against its schema. */
  readonly input: Readonly<Record<string, unknown>>
  /** Where checkpoints are kept. */
  readonly dataFolder: string
  /** Where the identity and the APIs' addresses come from, before what the daemon says of them. */
  readonly environment: Environment
  /** Where the daemon was defined: its relative paths start at that folder. Default: the working folder. */
  readonly configFile?: string | undefined
  readonly progress?: JobContext<unknown>['progress']
  readonly log?: JobContext<unknown>['log']
  readonly signal?: AbortSignal
  readonly now?: Now
}

/** How a run ended: what the job returned, and what it cost. */
export interface RunOutcome {
  readonly result: object & RunCost
  readonly summary: string
}

/**
 * Runs one job of a daemon to its end; an unfinished run of the same work is resumed where its last checkpoint stands.
 *
 * @throws JobError if there is no such job, its input is unfit, or its checkpoint cannot be kept.
 * @throws TomteError from the client, whose class is the remedy.
 */
export async function runJob(daemon: Daemon, name: string, options: RunOptions): Promise<RunOutcome> {
  const job = findJob(daemon, name)
  const input = checkInput(job, name, options.input)
  const { environment, configFile: file } = options
  const configuration = await configurationOf(daemon, { environment, file })
  const proxy = proxyFromEnvironment(environment)
  const identity = new AppIdentity({ ...configuration.identity, proxy })
  const apis = Object.entries(daemon.apis).map(([api, of]) => {
    return [
      api,
      typeof of === 'function' ? of(identity, environment) : definedApi(identity, of, { proxy }),
    ] as const
  })
  const key = job.key
    ? await job.key(input)
    : createHash('sha256').update(JSON.stringify(input)).digest('hex')
  const store = await CheckpointStore.open(join(options.dataFolder, 'jobs.db'))
  try {
    return await runIn(store, {
      job,
      name,
      key: `${identity.authority.tenant} ${key}`,
      input,
      identity,
      apis,
      options,
    })
  } finally {
    await store.close()
  }
}

interface Prepared {
  readonly job: Job<object>
  readonly name: string
  readonly key: string
  readonly input: object
  readonly identity: AppIdentity
  readonly apis: readonly (readonly [string, Api])[]
  readonly options: RunOptions
}

async function runIn(
  store: CheckpointStore,
  { job, name, key, input, identity, apis, options }: Prepared,
): Promise<RunOutcome> {
  const {
    now = systemNow,
    log = () => {},
    progress = () => {},
    signal = new AbortController().signal,
  } = options
  const { run, resumed } = await store.begin(name, key, now)
  if (resumed) log('Resuming the run that was interrupted, from its last checkpoint')
  const startedAtMs = now()
  const traffic = (): Traffic => ({
    tokenRequests: run.traffic.tokenRequests + identity.tokenRequests,
    apiRequests: run.traffic.apiRequests + sum(apis, (api) => api.requests),
    retries: run.traffic.retries + sum(apis, (api) => api.retries),
    milliseconds: run.traffic.milliseconds + now() - startedAtMs,
  })
  const returned = await job.run({
    input,
    identity,
    api: Object.fromEntries(apis),
    tenant: identity.authority.tenant,
    runId: String(run.id),
    attempt: 1,
    step: stepper({ store, runId: run.id, traffic }),
    ledger: ledger({ store, runId: run.id }),
    progress,
    log,
    now,
    signal,
  })
  const result = { ...returned, ...cost(traffic()) }
  await store.finish(run.id, result, traffic(), now)
  return { result, summary: job.summary?.(result) ?? '' }
}

const sum = (apis: Prepared['apis'], count: (api: Api) => number) =>
  apis.reduce((total, [, api]) => total + count(api), 0)

function cost({ milliseconds, ...counts }: Traffic): RunCost {
  return { ...counts, seconds: Math.round(milliseconds / 10) / 100 }
}

function findJob(daemon: Daemon, name: string): Job<object> {
  const job = Object.hasOwn(daemon.jobs, name) ? daemon.jobs[name] : undefined
  // The input is checked by the job's own schema before the job sees it.
  if (job) return job as unknown as Job<object>
  const names = Object.keys(daemon.jobs).join(', ') || 'none'
  throw new JobError(
    `Cannot run the job '${name}', as it must be defined in tomte.config.ts: defined are ${names}`,
    {
      code: 'job_unknown',
    },
  )
}

function checkInput(job: Job<object>, name: string, input: RunOptions['input']): object {
  const checked = job.input.safeParse(input)
  if (checked.success) return checked.data
  throw new JobError(
    `Cannot run the job '${name}', as its input must fit its schema: ${z.prettifyError(checked.error)}`,
    {
      code: 'job_input_invalid',
      hint: 'Give each value as name=value, for example file=people.csv',
    },
  )
}
