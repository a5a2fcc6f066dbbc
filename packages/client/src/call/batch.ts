import { ProtocolError, type TomteError } from '../errors.ts'
import { nextDelayMs } from './retry.ts'

/** One request inside a batch; `url` is relative to the API's base URL. */
export interface BatchRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  readonly url: string
  readonly body?: object | undefined
}

/** The answer to one request of a batch; header names are in lower case. */
export interface BatchResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** What a batch needs of the outside. */
export interface BatchEffects {
  readonly post: (body: object) => Promise<unknown>
  readonly pause: (ms: number) => Promise<void>
  readonly random: () => number
  readonly nowMs: () => number
  readonly refuse: (item: BatchRequest, response: BatchResponse) => TomteError
}

// Graph takes no more than this in one batch (wire.md §13.5).
const BATCH_SIZE = 20

/** Sends the requests in batches and returns the answers in the order of the requests. */
export async function runBatch(
  requests: readonly BatchRequest[],
  effects: BatchEffects,
): Promise<BatchResponse[]> {
  const answers: BatchResponse[] = []
  for (let start = 0; start < requests.length; start += BATCH_SIZE) {
    answers.push(...(await runChunk(requests.slice(start, start + BATCH_SIZE), effects)))
  }
  return answers
}

async function runChunk(chunk: readonly BatchRequest[], effects: BatchEffects): Promise<BatchResponse[]> {
  const answers = new Map<number, BatchResponse>()
  let open = chunk.map((_, index) => index)
  for (let number = 1; open.length > 0; number += 1) {
    const responses = readResponses(
      await effects.post({ requests: open.map((index) => item(chunk[index], index)) }),
    )
    const delays: number[] = []
    for (const index of open) {
      const request = chunk[index]
      const response = responses.get(String(index))
      if (!request || !response) throw malformed(`no answer to the request with id ${index}`)
      answers.set(index, response)
      // A denied item means that the application itself may not: the rest would be denied too.
      if (response.status === 403) throw effects.refuse(request, response)
      const delay = delayOf(request, response, number, effects)
      if (delay !== undefined) {
        answers.delete(index)
        delays.push(delay)
      }
    }
    open = open.filter((index) => !answers.has(index))
    if (open.length > 0) await effects.pause(Math.max(...delays))
  }
  return chunk.map((_, index) => answers.get(index)).filter((answer) => answer !== undefined)
}

function delayOf(
  request: BatchRequest,
  response: BatchResponse,
  number: number,
  effects: BatchEffects,
): number | undefined {
  const repeatable = request.method !== 'POST' && request.method !== 'PATCH'
  const retryAfter = response.headers['retry-after']
  const delay = nextDelayMs(
    { number, status: response.status, retryAfter, repeatable },
    effects.nowMs(),
    effects.random,
  )
  if (delay === undefined && (response.status === 429 || response.status >= 500))
    throw effects.refuse(request, response)
  return delay
}

function item(request: BatchRequest | undefined, index: number): object {
  if (!request) throw new RangeError(`Cannot batch request ${index}: there is none`)
  const { method, url, body } = request
  const content = body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body }
  return { id: String(index), method, url, ...content }
}

function readResponses(body: unknown): Map<string, BatchResponse> {
  if (typeof body !== 'object' || body === null || !('responses' in body) || !Array.isArray(body.responses)) {
    throw malformed('no "responses" list')
  }
  const responses = new Map<string, BatchResponse>()
  for (const response of body.responses) {
    const [id, answer] = readResponse(response)
    if (responses.has(id)) throw malformed(`two answers to the request with id ${id}`)
    responses.set(id, answer)
  }
  return responses
}

function readResponse(response: unknown): [string, BatchResponse] {
  if (typeof response !== 'object' || response === null) throw malformed('an answer that is no object')
  const { id, status, headers, body } = response as Readonly<Record<string, unknown>>
  if (typeof id !== 'string' || typeof status !== 'number')
    throw malformed('an answer without "id" or "status"')
  const pairs = typeof headers === 'object' && headers !== null ? Object.entries(headers) : []
  const lowered = pairs.map(([name, value]) => [name.toLowerCase(), String(value)])
  return [id, { status, headers: Object.fromEntries(lowered), body }]
}

function malformed(found: string): ProtocolError {
  return new ProtocolError(
    `Cannot read the batch's answer, as each request needs one response: found ${found}`,
    {
      code: 'batch_malformed',
    },
  )
}
