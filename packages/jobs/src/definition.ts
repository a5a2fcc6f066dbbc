import { z } from 'zod'
import type { AnyJob, Daemon, JobRules } from './daemon.ts'
import { JobError } from './errors.ts'
import { cronFault, timeZoneFault } from './schedule.ts'

/** The rules of a job with what they leave out. */
export interface ResolvedRules {
  readonly schedule: string | undefined
  readonly timeZone: string
  readonly missed: 'once' | 'skip'
  readonly overlap: 'skip' | 'queue'
  readonly concurrency: number
  readonly timeLimitMs: number
  readonly attempts: number
  readonly firstMs: number
  readonly maxMs: number
  readonly priority: number
  readonly tenants: 'own' | 'each'
  readonly version: number
}

const DAY_MS = 24 * 60 * 60 * 1000

/** The rules of a job, with the defaults that {@link JobRules} states. */
export function rulesOf(job: JobRules): ResolvedRules {
  return {
    schedule: job.schedule,
    timeZone: job.timeZone ?? 'UTC',
    missed: job.missed ?? 'once',
    overlap: job.overlap ?? 'skip',
    concurrency: job.concurrency ?? 1,
    timeLimitMs: job.timeLimitMs ?? DAY_MS,
    attempts: job.retries?.attempts ?? 10,
    firstMs: job.retries?.firstMs ?? 10_000,
    maxMs: job.retries?.maxMs ?? DAY_MS / 24,
    priority: job.priority ?? 0,
    tenants: job.tenants ?? 'own',
    version: job.version ?? 1,
  }
}

// A timer counts no further.
const TIMER_MAX_MS = 2 ** 31 - 1
const JOBS_MAX = 1_000
export const TENANTS_MAX = 100_000

const name = z
  .string()
  .regex(
    /^[a-z\d][\w.-]{0,63}$/i,
    'a letter or digit, then letters, digits, -, _ and . are needed, at most 64',
  )

const whole = (min: number, max: number) =>
  z
    .number(`a whole number from ${min} to ${max} is needed`)
    .refine(
      (value) => Number.isSafeInteger(value) && value >= min && value <= max,
      `a whole number from ${min} to ${max} is needed`,
    )

const callable = z.custom((value) => typeof value === 'function', 'a function is needed')

const told = (fault: (text: string) => string | undefined) =>
  z.string('a text is needed').superRefine((text, context) => {
    const message = fault(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const job = z.strictObject({
  input: z.custom(
    (value) => typeof value === 'object' && value !== null && 'safeParse' in value,
    'a schema of zod is needed',
  ),
  apis: z.array(name).optional(),
  key: callable.optional(),
  run: callable,
  summary: callable.optional(),
  schedule: told(cronFault).optional(),
  timeZone: told(timeZoneFault).optional(),
  missed: z.enum(['once', 'skip'], "'once' or 'skip' is needed").optional(),
  overlap: z.enum(['skip', 'queue'], "'skip' or 'queue' is needed").optional(),
  concurrency: whole(1, 1_000).optional(),
  timeLimitMs: whole(1_000, TIMER_MAX_MS).optional(),
  retries: z
    .strictObject({
      attempts: whole(1, 100).optional(),
      firstMs: whole(0, TIMER_MAX_MS).optional(),
      maxMs: whole(0, TIMER_MAX_MS).optional(),
    })
    .optional(),
  priority: whole(-100, 100).optional(),
  tenants: z.enum(['own', 'each'], "'own' or 'each' is needed").optional(),
  version: whole(1, 1_000_000).optional(),
  limit: z
    .strictObject({
      of: callable,
      share: z.number('a share from 0 to 1 is needed').min(0).max(1).optional(),
      atLeast: whole(0, TIMER_MAX_MS).optional(),
      atMost: callable.optional(),
    })
    .optional(),
})

const daemon = z.strictObject({
  name: name.optional(),
  // The client checks both when they are used, with the environment that goes before them.
  identity: z.unknown().optional(),
  apis: z.record(
    z.string(),
    z.custom((value) => typeof value === 'function' || (typeof value === 'object' && value !== null), {
      message: 'the definition of an API, or a function that makes it, is needed',
    }),
  ),
  jobs: z
    .record(name, job)
    .refine((jobs) => Object.keys(jobs).length <= JOBS_MAX, `at most ${JOBS_MAX} jobs are possible`),
  tenants: z
    .union([z.array(z.string().min(1)).max(TENANTS_MAX), callable], {
      message: `a list of at most ${TENANTS_MAX} tenants, or a function that finds them, is needed`,
    })
    .optional(),
})

/**
 * Checks a whole definition before anything of it is started.
 *
 * @throws JobError `daemon_invalid`, which names every fault by its path.
 */
export function checkDaemon(defined: Daemon): void {
  const checked = daemon.safeParse(defined)
  const faults = checked.success
    ? Object.entries(defined.jobs).flatMap(([of, each]) => jobFaults(defined, of, each))
    : checked.error.issues.map(({ path, message, ...issue }) => {
        const keys = 'keys' in issue && Array.isArray(issue.keys) ? issue.keys.map(String) : undefined
        return keys
          ? `${[...path, keys.join(', ')].join('.')}: unknown key`
          : `${path.join('.') || 'the daemon'}: ${innermost(issue) ?? message}`
      })
  if (faults.length === 0) return
  throw new JobError(`Cannot use the daemon, as all of its definition must be fit: ${faults.join('; ')}`, {
    code: 'daemon_invalid',
    hint: 'Nothing was started: correct the definition and start again',
  })
}

/** What is wrong with a key of a record is told within the issue of the record. */
function innermost(issue: object): string | undefined {
  const inner: unknown = 'issues' in issue && Array.isArray(issue.issues) ? issue.issues[0] : undefined
  return typeof inner === 'object' && inner !== null && 'message' in inner ? String(inner.message) : undefined
}

function jobFaults({ apis, tenants }: Daemon, of: string, each: AnyJob): string[] {
  const unknown = (each.apis ?? []).filter((api) => !Object.hasOwn(apis, api))
  return [
    ...unknown.map((api) => `jobs.${of}.apis: the API '${api}' must be defined by the daemon`),
    ...(each.tenants === 'each' && tenants === undefined
      ? [`jobs.${of}.tenants: the daemon must say what its tenants are`]
      : []),
    ...(each.schedule !== undefined && refusesNothing(each)
      ? [`jobs.${of}.input: its schema must take {}, the input of a scheduled run`]
      : []),
  ]
}

function refusesNothing({ input }: AnyJob): boolean {
  try {
    return !input.safeParse({}).success
  } catch {
    // A schema that waits for something cannot be tried here; it is when the run starts.
    return false
  }
}
