import { resolve } from 'node:path'
import {
  backUp,
  type DaemonStatus,
  type Desk,
  JobError,
  openDesk,
  type RunRecord,
  type RunState,
} from '@tomte/jobs'
import { loadDaemon } from './config-file.ts'
import type { Output } from './output.ts'
import { readInput } from './run.ts'
import { stopSignal } from './signals.ts'

export interface JobsArguments {
  readonly config: string
  readonly data: string
  readonly database?: string | undefined
}

/** Which runs to list. */
export interface HistoryArguments extends JobsArguments {
  readonly job?: string | undefined
  readonly tenant?: string | undefined
  readonly state?: RunState | undefined
  readonly before?: string | undefined
  readonly limit: number
}

async function atDesk<Result>(
  { config, data, database }: JobsArguments,
  work: (desk: Desk) => Promise<Result>,
): Promise<Result> {
  const load = () => loadDaemon(config)
  const desk = await openDesk({
    load,
    configFile: resolve(config),
    dataFolder: data,
    environment: process.env,
    databaseUrl: database,
  })
  try {
    return await work(desk)
  } finally {
    await desk.close()
  }
}

/** `tomte jobs`: every job, when it is done next and how it ended last. */
export async function jobsCommand(options: JobsArguments, output: Output): Promise<void> {
  const status = await atDesk(options, (desk) => desk.status())
  await output.result(status, statusText(status))
}

/** `tomte jobs history`: runs, the newest first. */
export async function historyCommand(options: HistoryArguments, output: Output): Promise<void> {
  const { job, tenant, state, before, limit } = options
  const states = state === undefined ? undefined : [state]
  const runs = await atDesk(options, (desk) => desk.runs({ job, tenant, states, before, limit }))
  await output.result({ runs }, runs.length === 0 ? 'No runs' : table(HISTORY, runs))
}

/** `tomte jobs start`: queues a run for whichever worker takes it. */
export async function startCommand(
  {
    job,
    input,
    tenant,
  }: { readonly job: string; readonly input: readonly string[]; readonly tenant?: string | undefined },
  { options, output }: { readonly options: JobsArguments; readonly output: Output },
): Promise<void> {
  const run = await atDesk(options, (desk) => desk.start({ job, input: readInput(input), tenant }))
  await output.result(run, `Run ${run.id} of ${run.job} is ${run.state}`)
}

/** What a person may do with a run. */
export type RunAction = 'show' | 'retry' | 'cancel'

/** `tomte jobs show`, `retry` and `cancel`. */
export async function runActionCommand(
  action: RunAction,
  id: string,
  { options, output }: { readonly options: JobsArguments; readonly output: Output },
): Promise<void> {
  const run = await atDesk(options, (desk) => (action === 'show' ? desk.run(id) : desk[action](id)))
  await output.result(run, action === 'show' ? runText(run) : DONE[action](run))
}

const DONE = {
  retry: ({ id, job }: RunRecord) => `Queued run ${id} of ${job} again`,
  cancel: ({ id, job, state }: RunRecord) =>
    state === 'cancelled' ? `Cancelled run ${id} of ${job}` : `Told run ${id} of ${job} to stop`,
}

/** `tomte jobs pause` and `resume`. */
export async function pauseCommand(
  job: string,
  paused: boolean,
  { options, output }: { readonly options: JobsArguments; readonly output: Output },
): Promise<void> {
  await atDesk(options, async (desk) => {
    const known = (await desk.status()).jobs.map((each) => each.job)
    if (!known.includes(job)) throw unknownJob(job, known)
    await desk.pause(job, paused)
  })
  const text = paused ? `No run of ${job} starts until it is resumed` : `Runs of ${job} start again`
  await output.result({ job, paused }, text)
}

/** `tomte jobs backup`: a whole copy of the database, also while the daemon works. */
export async function backUpCommand(
  file: string,
  { options: { data, database }, output }: { readonly options: JobsArguments; readonly output: Output },
): Promise<void> {
  const done = await backUp({
    dataFolder: data,
    file,
    environment: process.env,
    databaseUrl: database,
    signal: stopSignal('The back-up is not made: nothing is left behind'),
  })
  await output.result(done, `Backed up to ${done.file}: ${(done.bytes / 1e6).toFixed(1)} MB`)
}

function unknownJob(job: string, known: readonly string[]): JobError {
  return new JobError(
    `Cannot pause or resume '${job}', as a job of the daemon is needed: it has ${known.join(', ') || 'none'}`,
    { code: 'job_unknown' },
  )
}

type Column<Row> = readonly [head: string, cell: (row: Row) => string | number | undefined]

const HISTORY: readonly Column<RunRecord>[] = [
  ['run', ({ id }) => id],
  ['job', ({ job }) => job],
  ['tenant', ({ tenant }) => tenant],
  ['state', ({ state }) => state],
  ['queued', ({ queuedAtMs }) => instant(queuedAtMs)],
  [
    'took',
    ({ traffic }) => (traffic.milliseconds === 0 ? '' : `${(traffic.milliseconds / 1000).toFixed(1)} s`),
  ],
  ['what', ({ error, progress }) => error?.code ?? (progress && `${progress.done}/${progress.total}`)],
]

const JOBS: readonly Column<DaemonStatus['jobs'][number]>[] = [
  ['job', ({ job }) => job],
  ['schedule', ({ schedule, timeZone }) => schedule && `${schedule} ${timeZone ?? ''}`],
  ['next', ({ nextAtMs, paused }) => (paused ? 'paused' : instant(nextAtMs))],
  ['queued', ({ queued }) => queued],
  ['running', ({ running }) => running],
  ['last run', ({ last }) => last && `${last.state} ${instant(last.endedAtMs)}`],
  ['why', ({ last }) => last?.code],
]

function statusText({ daemon, ready, jobs }: DaemonStatus): string {
  const state = ready ? 'at work' : 'not at work here'
  return `${daemon}: ${state}\n${jobs.length === 0 ? 'No jobs' : table(JOBS, jobs)}`
}

function runText(run: RunRecord): string {
  const { input, result, error, traffic, ...facts } = run
  const times = Object.entries({ ...facts, ...traffic }).flatMap(([name, value]) => {
    if (value === undefined) return []
    const text = name.endsWith('AtMs') || name === 'notBeforeMs' || name === 'firingMs'
    return [`${name.padEnd(14)} ${text ? instant(value as number) : cell(value)}`]
  })
  const parts = { input, result, error }
  const rest = Object.entries(parts).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(14)} ${cell(value)}`],
  )
  return [...times, ...rest].join('\n')
}

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(([head]) => head),
    ...rows.map((row) => columns.map(([, of]) => cell(of(row) ?? '–'))),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  return cells
    .map((line) =>
      line
        .map((text, index) => text.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const instant = (ms: number | undefined) =>
  ms === undefined ? '–' : new Date(ms).toISOString().slice(0, 19) + 'Z'

/** Names and errors come from others: none may steer the terminal. */
function cell(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}
