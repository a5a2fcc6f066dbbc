import type { JobEvent, OfRun } from '../events.ts'
import type { RunError } from '../engine/engine.ts'
import { loggable } from './secrets.ts'

/** One line of the daemon's log. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  /** For machines: ids, codes, numbers. */
  readonly fields: Readonly<Record<string, string | number | boolean | undefined>>
  readonly message: string
}

/** What a log says of an event; `undefined` of those that come too often to be said. */
export function logLineOf(event: JobEvent): LogLine | undefined {
  const line = (LINES[event.type] as (event: JobEvent) => Line | undefined)(event)
  if (line === undefined) return undefined
  const [level, message, fields = {}] = line
  const run = 'runId' in event ? runFields(event) : 'job' in event ? { job: event.job } : {}
  const written = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? loggable(value) : value,
  ])
  return {
    level,
    message: loggable(message),
    fields: { event: event.type, ...run, ...(Object.fromEntries(written) as LogLine['fields']) },
  }
}

type Line = readonly [LogLine['level'], message: string, fields?: LogLine['fields']]

const runFields = ({ runId, job, tenant }: OfRun) => ({ job, run: runId, tenant })

const errorFields = ({ code, message, hint, correlationId }: RunError): LogLine['fields'] => ({
  code,
  error: message,
  hint,
  correlationId,
})

const time = (ms: number) => new Date(ms).toISOString()
const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`

/** One line for each type of event; the compiler asks for every new one. */
const LINES: {
  readonly [Type in JobEvent['type']]: (event: Extract<JobEvent, { readonly type: Type }>) => Line | undefined
} = {
  run_started: ({ attempt, resumed, waitedMs }) => [
    'info',
    resumed ? 'Goes on with the run, from its last checkpoint' : 'Begins the run',
    { attempt, resumed, waitedMs },
  ],
  run_finished: ({ durationMs, traffic, summary }) => [
    'info',
    `Finished within ${seconds(durationMs)}${summary === '' ? '' : `: ${summary}`}`,
    { durationMs, ...traffic },
  ],
  run_retried: ({ durationMs, error, failures, atMs }) => [
    'warn',
    `Attempt ${failures} failed, the next is at ${time(atMs)}: ${error.message}`,
    { durationMs, failures, ...errorFields(error) },
  ],
  run_dead: ({ durationMs, error, failures, deaths }) => [
    'error',
    `Put aside until somebody retries it: ${error.message}`,
    { durationMs, failures, deaths, ...errorFields(error) },
  ],
  run_unconsented: ({ error }) => [
    'warn',
    `The tenant has not approved: ${error.message}`,
    errorFields(error),
  ],
  run_cancelled: () => ['warn', 'Cancelled by a person'],
  run_superseded: () => [
    'info',
    'Superseded, as its work has changed: another run begins with what it is now',
  ],
  run_released: ({ why }) => [
    'info',
    why === 'stopping'
      ? 'Given back at its checkpoint, as the daemon stops'
      : 'Given back, as newer code has saved its checkpoint',
    { why },
  ],
  run_skipped: ({ firingMs }) => [
    'warn',
    'Skipped a firing, as the run of an earlier one is not over',
    { firing: firingMs === undefined ? undefined : time(firingMs) },
  ],
  run_stuck: ({ why, forMs }) => [
    'error',
    `Does not heed its signal for ${seconds(forMs)} (${why.replace('_', ' ')}): the process has to end`,
    { why, forMs },
  ],
  lease_lost: () => ['warn', 'Another worker has the run; what this one still does of it is not saved'],
  worker_died: ({ deaths }) => ['warn', `A worker died with the run, which is queued again`, { deaths }],
  run_progress: () => undefined,
  run_logged: ({ line }) => ['info', line],
  schedule_missed: ({ firings, lastFiringMs, caughtUp }) => [
    'warn',
    `${firings} firing${firings === 1 ? '' : 's'} passed while nothing ran, the last at ${time(lastFiringMs)}: ${caughtUp ? 'one run makes up for them' : 'skipped'}`,
    { firings, caughtUp },
  ],
  schedule_conflict: ({ ours, theirs }) => [
    'error',
    `Another daemon has another schedule of this job, which counts: '${theirs}' in place of '${ours}'`,
    { ours, theirs },
  ],
  clock_set_back: ({ lastFiringMs }) => [
    'warn',
    `The clock was set back: the last firing is in the future, at ${time(lastFiringMs)}; firings are counted from now on`,
    {},
  ],
  engine_failed: ({ during, error, retryInMs }) => [
    'error',
    `The database does not answer during ${during}, asked again in ${seconds(retryInMs)}: ${error.message}`,
    { during, retryInMs, ...errorFields(error) },
  ],
}
