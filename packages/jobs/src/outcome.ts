import { ConfigurationError, PermissionError, TomteError } from '@tomte/client'
import type { ResolvedRules } from './definition.ts'
import type { RunError } from './engine/engine.ts'
import { JobError } from './errors.ts'

/** Why a run was told to stop. */
export type StopReason = 'stopping' | 'cancelled' | 'lease_lost' | 'time_limit'

/** How an attempt ended. */
export type AttemptEnd =
  | { readonly as: 'returned'; readonly value: unknown }
  | { readonly as: 'threw'; readonly error: unknown }
  /** It was not made: a run of what the work has become takes its place. */
  | { readonly as: 'outdated' }

/** What is known when an attempt has ended. */
export interface AttemptFacts {
  readonly end: AttemptEnd
  /** Why it had been told to stop, if it had. */
  readonly stop: StopReason | undefined
  /** How many attempts had failed before. */
  readonly failures: number
  readonly rules: Pick<ResolvedRules, 'attempts' | 'firstMs' | 'maxMs' | 'timeLimitMs'>
  /** Whether it is one of a fan-out over tenants. */
  readonly isOfFanOut: boolean
  readonly nowMs: number
  /** From 0 up to, not including, 1. */
  readonly random: number
}

/** What follows for the run. */
export type Outcome =
  | { readonly as: 'finished'; readonly result: object }
  | { readonly as: 'retried'; readonly error: RunError; readonly atMs: number }
  | { readonly as: 'dead' | 'unconsented'; readonly error: RunError }
  | { readonly as: 'cancelled' | 'superseded' }
  | { readonly as: 'released'; readonly atMs: number; readonly error?: RunError }
  /** Another worker has it: nothing is to be written. */
  | { readonly as: 'lost' }

const RETRY_AFTER_MAX_MS = 24 * 60 * 60 * 1000
/** How long older code leaves a checkpoint of newer code alone, so that a newer worker takes it. */
const NEWER_WAIT_MS = 60_000

/** Decides what follows from how an attempt ended. */
export function outcomeOf(facts: AttemptFacts): Outcome {
  const { end, stop, nowMs } = facts
  if (stop === 'lease_lost') return { as: 'lost' }
  if (end.as === 'outdated') return { as: 'superseded' }
  if (end.as === 'returned') return returned(end.value)
  if (codeOf(end.error) === 'lease_lost') return { as: 'lost' }
  if (stop === 'cancelled') return { as: 'cancelled' }
  if (codeOf(end.error) === 'checkpoint_newer')
    return { as: 'released', atMs: nowMs + NEWER_WAIT_MS, error: runError(end.error) }
  if (stop === 'stopping') return { as: 'released', atMs: nowMs }
  if (stop === 'time_limit') return failed(facts, timeUp(facts.rules.timeLimitMs), end.error)
  if (facts.isOfFanOut && lacksConsent(end.error)) return { as: 'unconsented', error: runError(end.error) }
  return failed(facts, runError(end.error), end.error)
}

// As much as a page of a history can bear; what is larger belongs into the directory or a file.
const RESULT_CHARACTERS_MAX = 16 * 1024 * 1024

function returned(value: unknown): Outcome {
  const error = resultError(value)
  return error ? { as: 'dead', error } : { as: 'finished', result: value as object }
}

/** Says what is wrong with what a job returned, or nothing. */
export function resultError(value: unknown): RunError | undefined {
  const found = resultFault(value)
  if (found === undefined) return undefined
  return {
    code: 'result_invalid',
    message: `Cannot keep the result of the job, as an object that JSON can hold is needed: ${found}`,
    hint: 'Its work is done; correct what run() returns, and the next attempt ends it without doing its steps again',
  }
}

function resultFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return `it returned ${kindOf(value)}`
  try {
    const text = JSON.stringify(value) as string | undefined
    if (text === undefined) return 'it returned an object that says it is nothing'
    return text.length > RESULT_CHARACTERS_MAX
      ? `it has more than ${RESULT_CHARACTERS_MAX} characters`
      : undefined
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'it cannot be written'
  }
}

const kindOf = (value: unknown): string => (value === null ? 'null' : `a value of type ${typeof value}`)

const timeUp = (limitMs: number): RunError => ({
  code: 'time_limit',
  message: `Cannot go on with the run, as an attempt must end within ${limitMs} ms: it did not`,
  hint: 'The next attempt goes on from the last checkpoint; raise timeLimitMs if the work needs longer',
})

function failed(facts: AttemptFacts, error: RunError, thrown: unknown): Outcome {
  const { failures, rules, nowMs } = facts
  if (isPointless(thrown) || failures + 1 >= rules.attempts) return { as: 'dead', error }
  const waitMs = Math.max(backOffMs(failures, rules, facts.random), retryAfterOf(thrown) ?? 0)
  return { as: 'retried', error, atMs: nowMs + waitMs }
}

/** How long to wait after so many failures: doubling, the half of it by chance. */
export function backOffMs(
  failures: number,
  { firstMs, maxMs }: Pick<ResolvedRules, 'firstMs' | 'maxMs'>,
  random: number,
): number {
  const ceilingMs = Math.min(firstMs * 2 ** Math.min(failures, 40), maxMs)
  return Math.round(ceilingMs / 2 + (random * ceilingMs) / 2)
}

/** Another attempt would find the same configuration and the same input. */
const isPointless = (error: unknown): boolean =>
  error instanceof ConfigurationError || POINTLESS.has(codeOf(error) ?? '')
const POINTLESS = new Set([
  'job_input_invalid',
  'tenants_unusable',
  'ledger_key_empty',
  'change_limit_exceeded',
  'limit_unusable',
])

function retryAfterOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('retryAfterMs' in error)) return undefined
  const { retryAfterMs } = error
  if (typeof retryAfterMs !== 'number' || !(retryAfterMs >= 0)) return undefined
  return Math.min(retryAfterMs, RETRY_AFTER_MAX_MS)
}

/** The refusals that mean that a tenant's administrator has not approved (wire.md §8). */
const CONSENT_REFUSALS = new Set([65_001, 501_051, 700_016, 7_000_112, 7_000_229])

/** Whether a tenant's administrator has not approved, or has taken all roles away. */
export function lacksConsent(error: unknown): boolean {
  if (error instanceof PermissionError && error.rolesHeld?.length === 0) return true
  return error instanceof TomteError && error.aadsts.some((number) => CONSENT_REFUSALS.has(number))
}

const MESSAGE_CHARACTERS_MAX = 1_000
const CODE = /^[\w.-]{1,64}$/

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** What was thrown, for the history: bounded, and without stack and cause. */
export function runError(error: unknown): RunError {
  if (!(error instanceof Error)) return notAnError(error)
  const code = codeOf(error)
  const hint = error instanceof JobError || error instanceof TomteError ? error.hint : undefined
  return {
    code: code !== undefined && CODE.test(code) ? code : 'job_failed',
    message: cut(error.message || error.name),
    ...(hint === undefined ? {} : { hint: cut(hint) }),
    ...(error instanceof TomteError && error.correlationId !== undefined
      ? { correlationId: cut(error.correlationId) }
      : {}),
  }
}

const notAnError = (thrown: unknown): RunError => ({
  code: 'not_an_error',
  message: cut(
    `The job threw ${typeof thrown === 'string' ? `a text: ${thrown}` : kindOf(thrown)}, and no error`,
  ),
  hint: 'Throw an Error, so that there is a message and a place',
})

const cut = (text: string) =>
  text.length > MESSAGE_CHARACTERS_MAX ? `${text.slice(0, MESSAGE_CHARACTERS_MAX)}…` : text
