import { TomteError, UnavailableError } from '../errors.ts'
import { retryAfterMs } from '../retry-after.ts'
import { readJson, refusalError } from './answer.ts'
import {
  BATCH_SIZE,
  type BatchRequest,
  type BatchResponse,
  itemOf,
  malformedBatch,
  readResponses,
  requireOrder,
} from './batch.ts'
import { type Answered, type Call, type Caller, unitsOf } from './caller.ts'
import { ApiError } from './errors.ts'
import { type Attempt, isRepeatable, RETRY_AFTER_MAX_MS } from './retry.ts'

interface BatchEffects {
  readonly caller: Caller
  readonly envelope: (body: object, units: number, repeatable: boolean) => Call
  /** The application permissions that a request needs, where they are known. */
  readonly needed: (method: string, path: string) => readonly string[]
  readonly signal: AbortSignal | undefined
  /** Whether nothing more is sent once an item has failed. */
  readonly stopEarly: boolean
}

/** An item that is to be sent again, and after which wait. */
interface Again {
  readonly index: number
  readonly delayMs: number
}

const COST_SMOOTHING = 0.2

/**
 * Sends a list of requests in envelopes of up to 20, as many at a time as the pace allows. What has to be sent again goes
 * back to its place in the list, so that the envelopes are full to the end. An item goes out when all that it depends on has
 * succeeded, or stands before it in the same envelope.
 */
export class BatchRun {
  readonly #requests: readonly BatchRequest[]
  readonly #effects: BatchEffects
  readonly #answers: (BatchResponse | undefined)[]
  readonly #sent: number[]
  // In the order of the list.
  #queue: number[]
  #failed = false
  #cost = 1

  constructor(requests: readonly BatchRequest[], effects: BatchEffects) {
    requireOrder(requests)
    this.#requests = requests
    this.#effects = effects
    this.#answers = requests.map(() => undefined)
    this.#sent = requests.map(() => 0)
    this.#queue = requests.map((_, index) => index)
  }

  /** The answers in the places of the requests; `undefined` of those that were not sent to the end. */
  async run(): Promise<readonly (BatchResponse | undefined)[]> {
    this.#effects.signal?.throwIfAborted()
    const underway = new Set<Promise<void>>()
    let failure: { readonly error: unknown } | undefined
    for (;;) {
      while (failure === undefined && underway.size < this.#effects.caller.pace.concurrency) {
        const chunk = this.#cut()
        if (chunk.length === 0) break
        const task: Promise<void> = this.#send(chunk)
          .catch((error: unknown) => {
            failure ??= { error }
          })
          .finally(() => underway.delete(task))
        underway.add(task)
      }
      if (underway.size === 0) break
      await Promise.race(underway)
    }
    if (failure !== undefined) throw failure.error
    return this.#answers
  }

  /** Takes the next envelope's items out of the queue. */
  #cut(): readonly number[] {
    if (this.#failed && this.#effects.stopEarly) return []
    const chunk: number[] = []
    const left: number[] = []
    let at = 0
    for (; at < this.#queue.length && chunk.length < BATCH_SIZE; at += 1) {
      const index = this.#queue[at] as number
      const standing = this.#standing(index, chunk)
      if (standing === 'ready') chunk.push(index)
      else if (standing === 'waits') left.push(index)
      else this.#answers[index] = FAILED_DEPENDENCY
    }
    this.#queue = [...left, ...this.#queue.slice(at)]
    return chunk
  }

  #standing(index: number, chunk: readonly number[]): 'ready' | 'waits' | 'lost' {
    let standing: 'ready' | 'waits' = 'ready'
    for (const place of this.#requests[index]?.dependsOn ?? []) {
      const answer = this.#answers[place]
      if (answer && !isSuccess(answer.status)) return 'lost'
      if (!answer && !chunk.includes(place)) standing = 'waits'
    }
    return standing
  }

  async #send(chunk: readonly number[]): Promise<void> {
    const { caller, signal, stopEarly } = this.#effects
    const again = await this.#envelope(chunk)
    if (again.length === 0 || (this.#failed && stopEarly)) return
    await caller.pause(Math.max(...again.map(({ delayMs }) => delayMs)), signal)
    this.#queue = [...this.#queue, ...again.map(({ index }) => index)].sort((a, b) => a - b)
  }

  /** Sends one envelope, keeps its answers, and returns what is to be sent again. */
  async #envelope(chunk: readonly number[]): Promise<readonly Again[]> {
    const { caller, envelope } = this.#effects
    const items = chunk.map((index) => {
      const request = this.#request(index)
      return itemOf(
        request,
        index,
        (request.dependsOn ?? []).filter((place) => chunk.includes(place)),
      )
    })
    for (const index of chunk) this.#sent[index] = (this.#sent[index] ?? 0) + 1
    const repeatable = chunk.every((index) => this.#isRepeatable(index))
    const call = envelope({ requests: items }, Math.ceil(chunk.length * this.#cost), repeatable)
    try {
      const answered = await caller.answer(call)
      const responses = readResponses(readJson(call.method, call.target.pathname, answered.incoming))
      return this.#read(chunk, responses, answered)
    } catch (error) {
      if (!(error instanceof TomteError)) throw error
      return this.#lost(chunk, error)
    }
  }

  #read(
    chunk: readonly number[],
    responses: ReadonlyMap<string, BatchResponse>,
    { accessToken, underway }: Answered,
  ): readonly Again[] {
    const again = new Map<number, Again>()
    const throttled: number[] = []
    let cost = 0
    for (const index of chunk) {
      const response = responses.get(String(index))
      if (!response) {
        this.#fail(index, NO_ANSWER, malformedBatch(`no answer to the request with id ${index}`))
        continue
      }
      cost += unitsOf(response.headers['x-ms-resource-unit'] ?? '1')
      if (response.status === 429) throttled.push(this.#waitMs(response))
      const delayMs = this.#delayMs(index, response, again)
      if (delayMs === undefined) this.#settle(index, response, accessToken)
      else again.set(index, { index, delayMs })
    }
    this.#learn(underway, chunk.length, cost, throttled)
    return [...again.values()]
  }

  /** Tells the pace what the items have cost, and how many of them were refused. */
  #learn(underway: Answered['underway'], items: number, cost: number, throttled: readonly number[]): void {
    const { pace } = this.#effects.caller
    pace.cost(underway, cost)
    this.#cost += COST_SMOOTHING * (cost / items - this.#cost)
    if (throttled.length === 0) return
    const waitMs = Math.max(...throttled)
    pace.refused(underway, throttled.length, waitMs > 0 ? waitMs : undefined)
  }

  #waitMs({ headers }: BatchResponse): number {
    const askedMs = retryAfterMs(headers['retry-after'], this.#effects.caller.clock.now()) ?? 0
    return Math.min(askedMs, RETRY_AFTER_MAX_MS)
  }

  #delayMs(
    index: number,
    { status, headers }: BatchResponse,
    again: ReadonlyMap<number, Again>,
  ): number | undefined {
    // What was not done because another item was throttled is sent again together with that one.
    const cause = (this.#request(index).dependsOn ?? []).find((place) => again.has(place))
    if (status === 424 && cause !== undefined) return again.get(cause)?.delayMs
    return this.#effects.caller.delayMs(this.#attempt(index, status, headers['retry-after']))
  }

  #settle(index: number, response: BatchResponse, accessToken: string): void {
    const { status, headers, body } = response
    // Of other refusals the caller knows better what they mean.
    if (status !== 403 && status !== 429 && status < 500) {
      this.#answers[index] = response
      return
    }
    const { method, url: path } = this.#request(index)
    const { caller, needed } = this.#effects
    const refusal = { method, path, status, headers, body, accessToken }
    this.#fail(index, response, refusalError(refusal, caller.identity, needed(method, path)))
  }

  /** The envelope failed as a whole: what may be repeated is, of the rest nobody knows whether it was done. */
  #lost(chunk: readonly number[], error: TomteError): readonly Again[] {
    const again: Again[] = []
    const mixed = !chunk.every((index) => this.#isRepeatable(index))
    const transient = error instanceof UnavailableError || (error instanceof ApiError && error.status >= 502)
    for (const index of chunk) {
      // An envelope of nothing but repeatable items has been repeated as a whole.
      const delayMs =
        mixed && transient ? this.#effects.caller.delayMs(this.#attempt(index, 'lost', undefined)) : undefined
      if (delayMs === undefined) this.#fail(index, NO_ANSWER, error)
      else again.push({ index, delayMs })
    }
    return again
  }

  #attempt(index: number, status: Attempt['status'], retryAfter: string | undefined): Attempt {
    return { number: this.#sent[index] ?? 1, status, retryAfter, repeatable: this.#isRepeatable(index) }
  }

  #fail(index: number, answer: BatchResponse, error: TomteError): void {
    this.#answers[index] = { ...answer, error }
    this.#failed = true
  }

  #isRepeatable(index: number): boolean {
    const { method, repeatable } = this.#request(index)
    return isRepeatable(method, repeatable)
  }

  #request(index: number): BatchRequest {
    const request = this.#requests[index]
    if (!request) throw new RangeError(`Cannot batch request ${index}: there is none`)
    return request
  }
}

const isSuccess = (status: number) => status >= 200 && status < 300

const NO_ANSWER: BatchResponse = { status: 0, headers: {}, body: undefined }
// As Graph answers where the other item is in the same envelope (wire.md §13.5).
const FAILED_DEPENDENCY: BatchResponse = {
  status: 424,
  headers: {},
  body: {
    error: { code: 'FailedDependency', message: 'A request that this one depends on has not succeeded.' },
  },
}
