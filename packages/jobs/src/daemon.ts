import type { Api, ApiDefinition, AppIdentity, Environment, IdentityDefinition } from '@tomte/client'
import type { z } from 'zod'
import type { Ledger, Step } from './checkpoint.ts'
import type { Now } from './clock.ts'
import type { ChangeLimit } from './rehearsal/limit.ts'
import type { Change } from './rehearsal/stage.ts'
import { checkDaemon } from './definition.ts'

/** What a job is given to do its work with. */
export interface JobContext<Input, ApiName extends string = string> {
  readonly input: Input
  /** Who the daemon is. */
  readonly identity: AppIdentity
  /** The web APIs of the daemon, by the names they were defined with. */
  readonly api: Readonly<Record<ApiName, Api>>
  /** The tenant to work in. */
  readonly tenant: string
  /** Finds this run again, in the history and in what is logged. */
  readonly runId: string
  /** 1 for the first. */
  readonly attempt: number
  /** Whether nothing is to be changed: what the APIs are asked to write is written down and not sent. */
  readonly rehearsal: boolean
  readonly step: Step
  readonly ledger: Ledger
  /** Does what no API of the daemon sees, such as sending a mail; a rehearsal writes it down and does not do it. */
  readonly change: Change
  /** Reports how much of the work is done. */
  readonly progress: (done: number, total: number, what: string) => void
  /** Writes one line for the person or the log. Never give it a secret. */
  readonly log: (line: string) => void
  readonly now: Now
  /** Aborted when the daemon stops, the run is cancelled or its time is up: throw its reason at the next checkpoint. */
  readonly signal: AbortSignal
}

/** When a job is done, how often it is tried, and what goes before what. */
export interface JobRules {
  /** A cron expression of five fields: minute, hour, day of month, month, day of week. Its runs get the input `{}`. */
  readonly schedule?: string | undefined
  /** An IANA time zone, such as `Europe/Stockholm`. Default: `UTC`. */
  readonly timeZone?: string | undefined
  /** What becomes of firings that passed while nothing ran: one run for all of them, or none. Default: `once`. */
  readonly missed?: 'once' | 'skip' | undefined
  /** What becomes of a firing that meets an unfinished run of an earlier one: none, or it waits. Default: `skip`. */
  readonly overlap?: 'skip' | 'queue' | undefined
  /** How many runs of this job one worker makes at once; 1 to 1,000. Default: 1. */
  readonly concurrency?: number | undefined
  /** For one attempt, in ms; 1,000 to 2,147,483,647. Default: a day. */
  readonly timeLimitMs?: number | undefined
  readonly retries?: Retries | undefined
  /** -100 to 100; a run of a higher priority starts first. Default: 0. */
  readonly priority?: number | undefined
  /** `each` makes one run in every tenant of the daemon. Default: `own`, the tenant of the identity. */
  readonly tenants?: 'own' | 'each' | undefined
  /**
   * The version of the job's code, from 1: raise it when steps or cursors change their meaning, and no older code goes on with
   * what newer code has saved. Default: 1.
   */
  readonly version?: number | undefined
}

/** How often a failed run is tried again, and after how long: doubling from the first wait, the half of it by chance. */
export interface Retries {
  /** All attempts, the first included; 1 to 100. Default: 10. */
  readonly attempts?: number | undefined
  /** Default: 10,000 ms. */
  readonly firstMs?: number | undefined
  /** Default: an hour. */
  readonly maxMs?: number | undefined
}

/** A piece of work that the daemon does without anybody watching. */
export interface Job<Input, Result extends object = object, ApiName extends string = string>
  extends JobRules {
  readonly input: z.ZodType<Input>
  /** The names of the web APIs it calls, which its daemon has to define. */
  readonly apis?: readonly ApiName[]
  /**
   * Says when two runs are the same work: an unfinished run with the same key is resumed, one with another key is dropped. Where
   * it says something else than when the run began, as of a file that was replaced, a worker drops the run and begins a new one.
   * Default: the input.
   */
  readonly key?: (input: Input) => Promise<string>
  /** How much one run may disable or delete; more ends it before the first of them. Default: no limit. */
  readonly limit?: ChangeLimit<Input, ApiName> | undefined
  run(context: JobContext<Input, ApiName>): Promise<Result>
  /** Tells a person what a run has done. */
  readonly summary?: (result: Result & RunCost) => string
}

/** What a run has cost, across restarts. */
export interface RunCost {
  readonly tokenRequests: number
  readonly apiRequests: number
  readonly retries: number
  readonly seconds: number
}

/** Makes one web API for the daemon's identity; the environment says where it is. */
export type ApiMaker = (identity: AppIdentity, environment: Environment) => Api

/** The tenants of a fan-out: listed, or found anew at each of them. At most 100,000. */
export type Tenants =
  | readonly string[]
  | ((surroundings: {
      readonly identity: AppIdentity
      readonly environment: Environment
      readonly signal: AbortSignal
    }) => Promise<readonly string[]>)

/** A daemon: who it is, the web APIs it calls and the jobs it does. */
export interface Daemon<ApiName extends string = string> {
  /** Tells daemons apart that share a database. Default: `daemon`. */
  readonly name?: string | undefined
  /** Who it is, as far as the environment does not say so. Relative paths start at the folder of its configuration. */
  readonly identity?: IdentityDefinition | undefined
  /** Each is data, or a function that makes the API. */
  readonly apis: Readonly<Record<ApiName, ApiDefinition | ApiMaker>>
  readonly jobs: Readonly<Record<string, AnyJob<ApiName>>>
  /** Where the jobs with `tenants: 'each'` work. */
  readonly tenants?: Tenants | undefined
}

/** A job of whatever input: its own schema checks the input before the job sees it. */
export interface AnyJob<ApiName extends string = string> extends JobRules {
  readonly input: z.ZodType
  readonly apis?: readonly ApiName[]
  readonly key?: (input: never) => Promise<string>
  readonly limit?: ChangeLimit<never, ApiName> | undefined
  run(context: JobContext<never, ApiName>): Promise<object>
  readonly summary?: (result: never) => string
}

/**
 * Defines a daemon; the default export of `tomte.config.ts`.
 *
 * @throws JobError `daemon_invalid`, which names every fault of the definition by its path.
 * @example
 * ```ts
 * import { defineDaemon, defineJob } from '@tomte/jobs'
 * import { z } from 'zod'
 *
 * const count = defineJob({
 *   input: z.object({}),
 *   apis: ['directory'],
 *   async run({ api, step }) {
 *     const people = await step('people', async () => {
 *       let count = 0
 *       for await (const _ of api.directory.pages('/users?$select=id')) count += 1
 *       return count
 *     })
 *     return { people }
 *   },
 * })
 *
 * export default defineDaemon({
 *   identity: { tenantId: 'contoso.example', credentials: [{ certificateFile: 'daemon.pem' }] },
 *   apis: { directory: { graph: 'v1.0', permissions: ['User.Read.All'] } },
 *   jobs: { count },
 * })
 * ```
 */
export function defineDaemon<ApiName extends string>(daemon: Daemon<ApiName>): Daemon<ApiName> {
  checkDaemon(daemon)
  return daemon
}

/** Defines a job and checks its types; see {@link defineDaemon}. */
export function defineJob<Input extends object, Result extends object, ApiName extends string>(
  job: Job<Input, Result, ApiName>,
): Job<Input, Result, ApiName> {
  return job
}
