import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Now } from '../clock.ts'
import type { RequestIds } from './refusal.ts'

/** A request, as far as its ids go. */
interface Headed {
  readonly headers: IncomingHttpHeaders
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The ids of one request: the client's own correlation id where it sent a GUID. */
export function requestIds({ headers }: Headed): Pick<RequestIds, 'traceId' | 'correlationId'> {
  return { traceId: randomUUID(), correlationId: correlationIdOf(headers) }
}

function correlationIdOf({ 'client-request-id': sent }: IncomingHttpHeaders): string {
  return typeof sent === 'string' && GUID.test(sent) ? sent : randomUUID()
}

/** All that a refusal says of the request that it answers. */
export function refusalIds(
  { headers }: Headed,
  { now, originFor }: { readonly now: Now; readonly originFor: (host: string | undefined) => string },
): RequestIds {
  const nowMs = now()
  const [traceId, correlationId] = [timeOrderedId(nowMs), correlationIdOf(headers)]
  return { traceId, correlationId, nowMs, origin: originFor(headers.host) }
}

/**
 * A random UUID that begins with its time (RFC 9562 §5.7). The sign-in log has the trace id as its key: with ids in no order
 * every row is written to another page of the index, and costs twice as much.
 */
function timeOrderedId(nowMs: number): string {
  const time = Math.max(0, nowMs).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${randomUUID().slice(15)}`
}

/** The headers of every answer of the token endpoints: nobody may keep it, and it says by which ids it was logged. */
export const answerHeaders = ({ traceId, correlationId }: RequestIds): Readonly<Record<string, string>> => ({
  'cache-control': 'no-store, no-cache',
  pragma: 'no-cache',
  'x-ms-request-id': traceId,
  'client-request-id': correlationId,
})
