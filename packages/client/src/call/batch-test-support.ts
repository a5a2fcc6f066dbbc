// What the tests of batches say to a scripted API, and have it answer.
import type { Answer, Received } from '../test-support.ts'
import type { BatchRequest } from './batch.ts'

/** One request in an envelope. */
interface Item {
  readonly id: string
  readonly method: string
  readonly url: string
  readonly headers?: object
  readonly body?: object
  readonly dependsOn?: readonly string[]
}

export const itemsOf = ({ body }: Received) => (JSON.parse(body) as { requests: Item[] }).requests

/** Answers each item of an envelope, in reverse, as the order of answers means nothing. */
export const eachItem =
  (answer: (item: Item, envelope: number) => object) =>
  (request: Received, number: number): Answer => ({
    body: {
      responses: itemsOf(request)
        .map((item) => ({ id: item.id, ...answer(item, number) }))
        .reverse(),
    },
  })

export const get = (url: string): BatchRequest => ({ method: 'GET', url })
export const post = (url: string): BatchRequest => ({ method: 'POST', url, body: { url } })
export const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => get(`/orders/${index}`))
export const busy = (retryAfter?: string) => ({
  status: 429,
  ...(retryAfter === undefined ? {} : { headers: { 'Retry-After': retryAfter } }),
  body: { error: { code: 'TooManyRequests', message: 'Later.' } },
})
