import { challenge } from './challenge.ts'
import { KeysUnavailableError } from './keys/errors.ts'
import { GuardRefusal } from './refusal.ts'

/** What a client may learn of why it was not let in. */
export interface Refused {
  readonly status: 401 | 403 | 503
  readonly code: string
  readonly description: string
}

/** Makes the body of a refusal for a request; an object, sent as JSON. */
export type RefusalBody<Request> = (refused: Refused, request: Request) => object

/** An answer to who is not let in, for any server. */
export interface RefusalAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What the guard throws when it lets nobody in; all other errors are the program's own. */
export const isRefusal = (error: unknown): error is GuardRefusal | KeysUnavailableError =>
  error instanceof GuardRefusal || error instanceof KeysUnavailableError

/** The status, code and words of a refusal, without what is for the log alone. */
export const refusedBy = (error: GuardRefusal | KeysUnavailableError): Refused =>
  error instanceof GuardRefusal
    ? { status: error.status, code: error.code, description: error.description }
    : {
        status: error.status,
        code: 'keys_unavailable',
        description: 'The token cannot be judged now; try again later.',
      }

/** The headers of a refusal: the challenge (RFC 6750 §3), or when to come again. */
export function refusalHeaders(error: GuardRefusal | KeysUnavailableError): Readonly<Record<string, string>> {
  return error instanceof GuardRefusal
    ? { 'www-authenticate': challenge(error) }
    : { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }
}

/** The body of problem+json (RFC 9457 §3). */
export const problemBody = ({ status, code, description }: Refused): object => ({
  status,
  title: code,
  detail: description,
})

/** Which request it was, for a body as Microsoft Graph has it. */
export interface RequestFacts {
  readonly requestId: string
  /** As the client sent it. Default: the request's own id. */
  readonly clientRequestId?: string | undefined
  readonly nowMs: number
}

const GRAPH_CODES = {
  401: 'InvalidAuthenticationToken',
  403: 'Authorization_RequestDenied',
  503: 'ServiceNotAvailable',
} as const

/** The body of a refusal as Microsoft Graph has it (wire.md §13.1). */
export function graphBody({ status, description }: Refused, facts: RequestFacts): object {
  const { requestId, clientRequestId = requestId, nowMs } = facts
  const date = new Date(nowMs).toISOString().slice(0, 19)
  return {
    error: {
      code: GRAPH_CODES[status],
      message: description,
      innerError: { date, 'request-id': requestId, 'client-request-id': clientRequestId },
    },
  }
}

/** The whole answer to a refusal, as problem+json (RFC 9457) or with the body that the API makes. */
export function refusalAnswer<Request>(
  error: GuardRefusal | KeysUnavailableError,
  request: Request,
  body: RefusalBody<Request> | undefined,
): RefusalAnswer {
  const refused = refusedBy(error)
  return {
    status: refused.status,
    headers: {
      ...refusalHeaders(error),
      'content-type': body ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
    },
    body: JSON.stringify(body ? body(refused, request) : problemBody(refused)),
  }
}
