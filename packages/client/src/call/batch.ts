import { ConfigurationError, ProtocolError, type TomteError } from '../errors.ts'

/** One request inside a batch; `url` is relative to the API's base URL. */
export interface BatchRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  readonly url: string
  readonly body?: object | undefined
  /** Beside `Content-Type: application/json`, which a body has anyway. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The places, in the list and from 0, of earlier requests that must have succeeded before this one is done. */
  readonly dependsOn?: readonly number[] | undefined
  /** Whether doing it twice does no harm; default as for a call. */
  readonly repeatable?: boolean | undefined
}

/** The answer to one request of a batch; header names are in lower case. */
export interface BatchResponse {
  /** 0 if there was no answer; 424 if a request that this one depends on has failed. */
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /**
   * Set when the item was denied, gave up, or may have been done without an answer; the class is the remedy. Other refusals,
   * such as 400 and 404, are the business of the caller and have none.
   */
  readonly error?: TomteError | undefined
}

/** Graph takes no more than this in one batch (wire.md §13.5). */
export const BATCH_SIZE = 20

const answered = new WeakMap<TomteError, readonly (BatchResponse | undefined)[]>()

/**
 * What was answered before `batch` failed with this error, in the places of the requests; `undefined` of those that were not sent
 * or given up. An error that is none of a batch has none.
 */
export function answersOf(error: unknown): readonly (BatchResponse | undefined)[] {
  return answered.get(error as TomteError) ?? []
}

/** Keeps the answers beside the error, where no log prints them. */
export function failedAnswers(
  error: TomteError,
  answers: readonly (BatchResponse | undefined)[],
): TomteError {
  answered.set(error, answers)
  return error
}

/** @throws ConfigurationError if an item depends on one that does not come before it. */
export function requireOrder(requests: readonly BatchRequest[]): void {
  for (const [index, { dependsOn = [] }] of requests.entries()) {
    const wrong = dependsOn.find((place) => !Number.isInteger(place) || place < 0 || place >= index)
    if (wrong === undefined) continue
    throw new ConfigurationError(
      `Cannot batch request ${index}, as what it depends on must come before it: found ${wrong}`,
      { code: 'batch_order_invalid', hint: 'Name places in the list of requests, counted from 0' },
    )
  }
}

/** One request as it stands in the envelope; the id is its place in the whole list. */
export function itemOf(request: BatchRequest, index: number, dependsOn: readonly number[]): object {
  const { method, url, body, headers = {} } = request
  const typed = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  const all = body === undefined || typed ? headers : { 'Content-Type': 'application/json', ...headers }
  return {
    id: String(index),
    method,
    url,
    ...(Object.keys(all).length > 0 && { headers: all }),
    ...(body !== undefined && { body }),
    ...(dependsOn.length > 0 && { dependsOn: dependsOn.map(String) }),
  }
}

/** Reads the answers by their ids. @throws ProtocolError if they cannot be told apart. */
export function readResponses(body: unknown): Map<string, BatchResponse> {
  if (typeof body !== 'object' || body === null || !('responses' in body) || !Array.isArray(body.responses)) {
    throw malformedBatch('no "responses" list')
  }
  const responses = new Map<string, BatchResponse>()
  for (const response of body.responses) {
    const [id, answer] = readResponse(response)
    if (responses.has(id)) throw malformedBatch(`two answers to the request with id ${id}`)
    responses.set(id, answer)
  }
  return responses
}

function readResponse(response: unknown): [string, BatchResponse] {
  if (typeof response !== 'object' || response === null) throw malformedBatch('an answer that is no object')
  const { id, status, headers, body } = response as Readonly<Record<string, unknown>>
  if (typeof id !== 'string' || typeof status !== 'number')
    throw malformedBatch('an answer without "id" or "status"')
  const pairs = typeof headers === 'object' && headers !== null ? Object.entries(headers) : []
  const lowered = pairs.map(([name, value]) => [name.toLowerCase(), String(value)])
  return [id, { status, headers: Object.fromEntries(lowered), body }]
}

/** An envelope that is none. */
export function malformedBatch(found: string): ProtocolError {
  return new ProtocolError(
    `Cannot read the batch's answer, as each request needs one response: found ${found}`,
    { code: 'batch_malformed' },
  )
}
