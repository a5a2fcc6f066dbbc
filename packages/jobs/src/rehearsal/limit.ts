import { createHash } from 'node:crypto'
import type { RunCheckpoints, RunLease } from '../engine/engine.ts'
import { JobError } from '../errors.ts'
import { type Effect, effectOf } from './change.ts'
import type { EffectCounts } from './plan.ts'
import { type Apis, overseen, type Stage } from './stage.ts'

/** What a limit is asked with. */
export interface LimitContext<Input = unknown, ApiName extends string = string> {
  readonly input: Input
  readonly api: Readonly<Record<ApiName, Apis[string]>>
  readonly tenant: string
  readonly signal: AbortSignal
}

/** How much one run may disable or delete. */
export interface ChangeLimit<Input = unknown, ApiName extends string = string> {
  /** How many things there are, of which a share may go: for example all people of the directory. */
  readonly of: (context: LimitContext<Input, ApiName>) => Promise<number>
  /** From 0 to 1. Default: 0.1. */
  readonly share?: number | undefined
  /** So many may go however few there are. Default: 5. */
  readonly atLeast?: number | undefined
  /**
   * How many an attempt can do at most, where that is cheap to know: a run that cannot reach the limit is not rehearsed. Without it each
   * attempt is, before it begins.
   */
  readonly atMost?: ((context: LimitContext<Input, ApiName>) => Promise<number>) | undefined
}

/** What a limit came to in one run. */
export interface LimitFinding {
  /** How many would be disabled or deleted. */
  readonly found: number
  readonly allowed: number
  readonly of: number
}

const SHARE = 0.1
const AT_LEAST = 5
const PAGE_SIZE = 1_000

/** Where a run remembers what it has disabled or deleted, by the digests of what that is. */
const GONE = 'tomte/gone'

/** A limit at work in one attempt. */
export class LimitGuard {
  readonly #limit: ChangeLimit<object>
  readonly #context: LimitContext<object>
  readonly #job: string
  readonly #gone = new Set<string>()
  #unsaved: string[] = []
  #allowance: Promise<Omit<LimitFinding, 'found'>> | undefined

  constructor(job: string, limit: ChangeLimit<object>, context: LimitContext<object>) {
    this.#job = job
    this.#limit = limit
    this.#context = context
  }

  /** Calls to mind what earlier attempts of the run have done. */
  async #recall(pageOf: (after: string, limit: number) => Promise<Map<string, unknown>>): Promise<void> {
    for (let after = '', size = PAGE_SIZE; size === PAGE_SIZE; ) {
      const page = await pageOf(after, PAGE_SIZE)
      for (const digest of page.keys()) this.#gone.add((after = digest))
      size = page.size
    }
  }

  /** The same checkpoints, which keep with every save what has been disabled or deleted until then. */
  #keeping(checkpoints: RunCheckpoints): RunCheckpoints {
    return {
      step: (run, name) => checkpoints.step(run, name),
      findEntries: (run, collection, keys) => checkpoints.findEntries(run, collection, keys),
      pageEntries: (run, collection, after, limit) => checkpoints.pageEntries(run, collection, after, limit),
      saveStep: async (run, name, step, entries, traffic) => {
        const saved = this.#unsaved
        this.#unsaved = []
        const gone =
          saved.length === 0 ? {} : { [GONE]: Object.fromEntries(saved.map((digest) => [digest, 1])) }
        try {
          await checkpoints.saveStep(run, name, step, { ...entries, ...gone }, traffic)
        } catch (error) {
          this.#unsaved.unshift(...saved)
          throw error
        }
      },
    }
  }

  /**
   * Looks, before an attempt does anything, at what it would do beside what earlier ones have done.
   *
   * @param rehearse counts what is left to be done.
   * @throws JobError `change_limit_exceeded`, with the numbers.
   */
  async preview(rehearse: () => Promise<EffectCounts>): Promise<void> {
    const done = this.#gone.size
    const bound = await this.#limit.atMost?.(this.#context)
    if (bound !== undefined && done + bound <= this.#atLeast) return
    const { allowed } = await this.#allowed()
    if (bound !== undefined && done + bound <= allowed) return
    const rest = await this.findingOf(await rehearse())
    if (done + rest.found <= allowed) return
    const state = done === 0 ? 'nothing has been changed' : `${done} are done, and the rest is not`
    throw limitExceeded(this.#job, { ...rest, found: done + rest.found }, state)
  }

  /** Calls to mind and keeps, by these checkpoints, what the run has done in all its attempts. */
  async over(checkpoints: RunCheckpoints, run: RunLease): Promise<RunCheckpoints> {
    await this.#recall((after, limit) => checkpoints.pageEntries(run, GONE, after, limit))
    return this.#keeping(checkpoints)
  }

  /** Compares what a run would do with what it may. */
  async findingOf({ disabled, deleted }: EffectCounts): Promise<LimitFinding> {
    return { found: disabled + deleted, ...(await this.#allowed()) }
  }

  /** The stage on which what goes beyond the limit is stopped before it is done, whatever the preview has said. */
  stage({ rehearsal, api, change }: Stage): Stage {
    return {
      rehearsal,
      api: overseen(api, (name) => ({
        write: async ({ method, path, body }) => {
          const { effect, what } = effectOf(method, path, body)
          await this.#count(effect, `${name} ${what}`)
          return undefined
        },
      })),
      change: async (stated, effect) => {
        await this.#count(stated.effect, ` ${stated.what}`)
        return change(stated, effect)
      },
    }
  }

  get #atLeast(): number {
    return this.#limit.atLeast ?? AT_LEAST
  }

  async #count(effect: Effect, what: string): Promise<void> {
    const digest = createHash('sha256').update(what).digest('base64url')
    if ((effect !== 'disabled' && effect !== 'deleted') || this.#gone.has(digest)) return
    const found = this.#gone.size + 1
    if (found > this.#atLeast) {
      const { allowed, of } = await this.#allowed()
      const done = `${this.#gone.size} are done, and the next is not`
      if (this.#gone.size + 1 > allowed) throw limitExceeded(this.#job, { found, allowed, of }, done)
    }
    this.#gone.add(digest)
    this.#unsaved.push(digest)
  }

  #allowed(): Promise<Omit<LimitFinding, 'found'>> {
    this.#allowance ??= this.#ask()
    return this.#allowance
  }

  async #ask(): Promise<Omit<LimitFinding, 'found'>> {
    const of: unknown = await this.#limit.of(this.#context)
    if (typeof of !== 'number' || !Number.isFinite(of) || of < 0) throw limitUnusable(this.#job, of)
    return { of, allowed: Math.max(this.#atLeast, Math.floor((this.#limit.share ?? SHARE) * of)) }
  }
}

/** @internal */
export function limitExceeded(job: string, { found, allowed, of }: LimitFinding, state: string): JobError {
  return new JobError(
    `Cannot disable or delete ${found} of ${of} in one run of '${job}', as at most ${allowed} may be: ${state}`,
    {
      code: 'change_limit_exceeded',
      hint: `Look at them with tomte run ${job} --dry-run; if they are meant, say --beyond-limit, or TOMTE_BEYOND_LIMIT=${job} to a daemon`,
    },
  )
}

function limitUnusable(job: string, found: unknown): JobError {
  const what = typeof found === 'number' ? String(found) : found === null ? 'null' : typeof found
  return new JobError(
    `Cannot hold '${job}' to its limit, as limit.of must give a number of things: found ${what}`,
    { code: 'limit_unusable', hint: 'Correct limit.of of the job' },
  )
}
