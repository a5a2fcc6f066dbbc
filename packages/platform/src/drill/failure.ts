import type { FastifyRequest } from 'fastify'
import { errorBody } from '../graph/errors.ts'
import { requestIds } from '../token/request-ids.ts'
import type { Target } from './fault.ts'

/** What a target answers when it fails by itself. */
export interface Failure {
  readonly headers: Readonly<Record<string, string>>
  /** JSON, or plain text. */
  readonly body: object | string
}

const THROTTLED = 429

/** The token service names throttling and everything else that passes by two numbers (wire.md §8). */
function authorityFailure(status: number, request: FastifyRequest, nowMs: number): Failure {
  const { traceId, correlationId } = requestIds(request)
  const timestamp = `${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')}Z`
  const [number, text] =
    status === THROTTLED
      ? [90055, 'There are too many incoming requests.']
      : [90033, 'A transient error has occurred. Please try again.']
  return {
    headers: {
      'cache-control': 'no-store, no-cache',
      pragma: 'no-cache',
      'x-ms-request-id': traceId,
      'client-request-id': correlationId,
    },
    body: {
      error: 'temporarily_unavailable',
      error_description: `AADSTS${number}: ${text} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [number],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
    },
  }
}

/** An overloaded token endpoint answers before anything that knows of numbers, and in plain text (wire.md §8). */
function tokenFailure(status: number, request: FastifyRequest, nowMs: number): Failure {
  const failure = authorityFailure(status, request, nowMs)
  if (status !== THROTTLED) return failure
  const headers = {
    ...failure.headers,
    'content-type': 'text/plain; charset=utf-8',
    'retry-after': '60',
  }
  return { headers, body: 'Too Many Requests' }
}

const GRAPH_CODES: ReadonlyMap<number, readonly [code: string, message: string]> = new Map([
  [THROTTLED, ['TooManyRequests', 'Please retry again later.']],
  [500, ['InternalServerError', 'The service failed: this is a drill.']],
  [502, ['BadGateway', 'The service failed: this is a drill.']],
  [503, ['ServiceNotAvailable', 'The service is not available: this is a drill.']],
  [504, ['GatewayTimeout', 'The service did not answer in time: this is a drill.']],
])

function directoryFailure(status: number, request: FastifyRequest, nowMs: number): Failure {
  const [code, message] = GRAPH_CODES.get(status) ?? ['UnknownError', '']
  return { headers: { 'request-id': request.id }, body: errorBody(code, message, request, nowMs) }
}

const IDENTITY_CODES: ReadonlyMap<number, readonly [code: string, message: string]> = new Map([
  [404, ['not_found', 'The endpoint is being updated']],
  [410, ['gone', 'The endpoint is being updated and will be back within 70 seconds']],
  [THROTTLED, ['too_many_requests', 'Too many requests: wait before the next one']],
])

function identityFailure(status: number): Failure {
  const [error, description] = IDENTITY_CODES.get(status) ?? [
    'unknown',
    'Failed to retrieve token from the Active directory. For details see logs of the platform',
  ]
  return { headers: { 'cache-control': 'no-store' }, body: { error, error_description: description } }
}

const FAILURES: Readonly<
  Record<Target, (status: number, request: FastifyRequest, nowMs: number) => Failure>
> = {
  token: tokenFailure,
  discovery: authorityFailure,
  directory: directoryFailure,
  'batch-item': directoryFailure,
  'managed-identity': identityFailure,
}

/** The answer with which a target fails, in the shape that its clients know. */
export const failureOf = (target: Target, status: number, request: FastifyRequest, nowMs: number): Failure =>
  FAILURES[target](status, request, nowMs)
