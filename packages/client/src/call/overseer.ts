import type { BatchRequest, BatchResponse } from './batch.ts'
import { requireOrder } from './batch.ts'

/** A request that would change something. */
export interface Write {
  readonly method: string
  /** As the caller gave it: below the API's base URL, or a whole URL. */
  readonly path: string
  /** JSON; `undefined` of an upload, and of a request without a body. */
  readonly body: object | undefined
}

/** Who watches the calls of an API: for a rehearsal, which changes nothing, or for a limit on what may change. */
export interface Overseer {
  /**
   * Asked before a request is sent that would change something. What it resolves with is given to the caller as the answer, and
   * nothing is sent; `undefined` lets the request go; what it throws ends the call.
   */
  write(write: Write): Promise<BatchResponse | undefined>
  /** Shown what a request has read. */
  read?(path: string, body: unknown): void
}

/** Whether a request changes nothing (RFC 9110 §9.2.1), or is one of the actions that read by POST. */
export function isRead(method: string, path: string, actions?: ReadonlySet<string>): boolean {
  const name = method.toUpperCase()
  if (name === 'GET' || name === 'HEAD' || name === 'OPTIONS') return true
  if (name !== 'POST' || actions === undefined) return false
  const [whole = ''] = path.split(/[?#]/)
  return actions.has((whole.split('/').at(-1) ?? '').replace(/^microsoft\.graph\./, '').replace(/\(\)$/, ''))
}

interface BatchSending {
  readonly overseer: Overseer
  readonly actions: ReadonlySet<string> | undefined
  readonly send: (requests: readonly BatchRequest[]) => Promise<readonly (BatchResponse | undefined)[]>
}

/** Shows a batch to the overseer, item by item, and sends what is left: what was answered for them counts as done. */
export async function batchOverseen(
  requests: readonly BatchRequest[],
  { overseer, actions, send }: BatchSending,
): Promise<readonly (BatchResponse | undefined)[]> {
  requireOrder(requests)
  const answers: (BatchResponse | undefined)[] = requests.map(() => undefined)
  const placesLeft: number[] = []
  for (const [place, { method, url, body }] of requests.entries()) {
    const reads = isRead(method, url, actions)
    answers[place] = reads ? undefined : await overseer.write({ method, path: url, body })
    if (answers[place] === undefined) placesLeft.push(place)
  }
  const newPlace = new Map(placesLeft.map((place, index) => [place, index]))
  const left = placesLeft.flatMap((place) => {
    const request = requests[place]
    if (request === undefined) return []
    const dependsOn = request.dependsOn?.flatMap((earlier) => newPlace.get(earlier) ?? [])
    return [{ ...request, dependsOn }]
  })
  const sent = left.length === 0 ? [] : await send(left)
  for (const [index, place] of placesLeft.entries()) {
    const [answer, request] = [sent[index], requests[place]]
    answers[place] = answer
    if (answer?.status === 200 && request !== undefined && isRead(request.method, request.url, actions))
      overseer.read?.(request.url, answer.body)
  }
  return answers
}
