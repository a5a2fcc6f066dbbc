import type { Api, ApiDefinition, AppIdentity, Environment, IdentityDefinition } from '@tomte/client'
import type { z } from 'zod'
import type { Ledger, Step } from './checkpoint.ts'
import type { Now } from './clock.ts'

/** What a job is given to do its work with. */
export interface JobContext<Input, ApiName extends string = string> {
  readonly input: Input
  /** Who the daemon is. */
  readonly identity: AppIdentity
  /** The web APIs of the daemon, by the names they were defined with. */
  readonly api: Readonly<Record<ApiName, Api>>
  /** The tenant to work in. */
  readonly tenant: string
  readonly step: Step
  readonly ledger: Ledger
  /** Reports how much of the work is done. */
  readonly progress: (done: number, total: number, what: string) => void
  /** Writes one line for the person or the log. Never give it a secret. */
  readonly log: (line: string) => void
  readonly now: Now
  /** Aborted when the daemon is asked to stop: end at the next checkpoint. */
  readonly signal: AbortSignal
}

/** A piece of work that the daemon does without anybody watching. */
export interface Job<Input, Result extends object = object, ApiName extends string = string> {
  readonly input: z.ZodType<Input>
  /** The names of the web APIs it calls, which its daemon has to define. */
  readonly apis?: readonly ApiName[]
  /**
   * Says when two runs are the same work: an unfinished run with the same key is resumed, one with another key is dropped.
   * Default: the input.
   */
  readonly key?: (input: Input) => Promise<string>
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

/** A daemon: who it is, the web APIs it calls and the jobs it does. */
export interface Daemon<ApiName extends string = string> {
  /** Who it is, as far as the environment does not say so. Relative paths start at the folder of its configuration. */
  readonly identity?: IdentityDefinition | undefined
  /** Each is data, or a function that makes the API. */
  readonly apis: Readonly<Record<ApiName, ApiDefinition | ApiMaker>>
  readonly jobs: Readonly<Record<string, AnyJob<ApiName>>>
}

/** A job of whatever input: its own schema checks the input before the job sees it. */
export interface AnyJob<ApiName extends string> {
  readonly input: z.ZodType
  readonly apis?: readonly ApiName[]
  readonly key?: (input: never) => Promise<string>
  run(context: JobContext<never, ApiName>): Promise<object>
  readonly summary?: (result: never) => string
}

/**
 * Defines a daemon; the default export of `tomte.config.ts`.
 *
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
  return daemon
}

/** Defines a job and checks its types; see {@link defineDaemon}. */
export function defineJob<Input extends object, Result extends object, ApiName extends string>(
  job: Job<Input, Result, ApiName>,
): Job<Input, Result, ApiName> {
  return job
}
