/** What can be broken: the requests of one kind, whoever sends them. `batch-item` is one request inside a batch. */
export const TARGETS = ['token', 'discovery', 'directory', 'batch-item', 'managed-identity'] as const
export type Target = (typeof TARGETS)[number]

/** How a request goes wrong. */
export type Harm =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** No answer, until the client gives up or the faults are ended. */
  | { readonly kind: 'hang' }
  /** The request is processed, and the connection cut in place of the answer. */
  | { readonly kind: 'cut' }
  /** The request is processed after a wait. */
  | { readonly kind: 'slow'; readonly delayMs: number }

/** A fault on demand. */
export interface Fault {
  readonly target: Target
  readonly harm: Harm
  /** The part of the requests that it strikes, spread evenly: 0.5 strikes the second, the fourth … Above 0, at most 1. */
  readonly rate: number
  /** How many requests it strikes before it ends by itself; `undefined` for no end. */
  readonly times: number | undefined
}

/** A drill that cannot be done; the message says what is needed and what was found. */
export class DrillError extends Error {
  override readonly name = 'DrillError'
}

const DELAY_MS_MAX = 600_000
const RETRY_AFTER_SECONDS_MAX = 3600
const TIMES_MAX = 1_000_000

const SERVER_ERRORS = [429, 500, 502, 503, 504]
/** The statuses with which each target is known to fail (wire.md §§8, 10.1, 13.6). */
const STATUSES: Readonly<Record<Target, readonly number[]>> = {
  token: SERVER_ERRORS,
  discovery: SERVER_ERRORS,
  directory: SERVER_ERRORS,
  'batch-item': SERVER_ERRORS,
  'managed-identity': [404, 410, ...SERVER_ERRORS],
}

type Sent = Readonly<Record<string, unknown>>

/** One reader for each kind of harm. */
const HARMS: Readonly<Record<Harm['kind'], (sent: Sent, target: Target) => Harm>> = {
  status: ({ status, retryAfterSeconds }, target) => {
    const known = STATUSES[target].find((one) => one === status)
    if (known === undefined)
      throw new DrillError(`'status' must be one of ${STATUSES[target].join(', ')} for '${target}'.`)
    if (retryAfterSeconds === undefined) return { kind: 'status', status: known }
    const wait = whole('retryAfterSeconds', retryAfterSeconds, 0, RETRY_AFTER_SECONDS_MAX)
    return { kind: 'status', status: known, retryAfterSeconds: wait }
  },
  hang: () => ({ kind: 'hang' }),
  cut: () => ({ kind: 'cut' }),
  slow: ({ delayMs }) => ({ kind: 'slow', delayMs: whole('delayMs', delayMs, 1, DELAY_MS_MAX) }),
}

const COMMON = ['target', 'kind', 'rate', 'times']
const PROPERTIES: Readonly<Record<Harm['kind'], readonly string[]>> = {
  status: ['status', 'retryAfterSeconds'],
  hang: [],
  cut: [],
  slow: ['delayMs'],
}

/** Reads a fault from the body of a request. @throws DrillError */
export function readFault(body: unknown): Fault {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new DrillError('A fault is a JSON object.')
  const sent = body as Sent
  const target = TARGETS.find((one) => one === sent['target'])
  if (!target) throw new DrillError(`'target' must be one of ${TARGETS.join(', ')}.`)
  const kinds = Object.keys(HARMS) as Harm['kind'][]
  const kind = kinds.find((one) => one === sent['kind'])
  if (!kind) throw new DrillError(`'kind' must be one of ${kinds.join(', ')}.`)
  if (target === 'batch-item' && kind !== 'status' && kind !== 'slow')
    throw new DrillError(
      "A request inside a batch has no connection of its own: 'status' or 'slow' is needed.",
    )
  const other = Object.keys(sent).find((name) => ![...COMMON, ...PROPERTIES[kind]].includes(name))
  if (other !== undefined)
    throw new DrillError(`'${other.slice(0, 100)}' is no property of a fault of kind '${kind}'.`)
  const { rate = 1, times } = sent
  if (typeof rate !== 'number' || !(rate > 0 && rate <= 1))
    throw new DrillError("'rate' must be a number above 0 and at most 1.")
  return {
    target,
    harm: HARMS[kind](sent, target),
    rate,
    times: times === undefined ? undefined : whole('times', times, 1, TIMES_MAX),
  }
}

function whole(name: string, value: unknown, least: number, most: number): number {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value)
  throw new DrillError(`'${name}' must be a whole number from ${least} to ${most}.`)
}

/** Whether the fault strikes the request that is the `seen`-th of its target, counted from 1. */
export const strikes = (rate: number, seen: number): boolean =>
  Math.floor(seen * rate) > Math.floor((seen - 1) * rate)
