import type { IncomingMessage, ServerResponse } from 'node:http'
import { isRefusal, refusalAnswer, type RefusalBody } from '../answer.ts'
import type { Principal } from '../claims.ts'
import type { Guard } from '../guard.ts'
import type { KeysUnavailableError } from '../keys/errors.ts'
import type { PermissionTable } from '../permission-table.ts'
import type { GuardRefusal } from '../refusal.ts'
import { pass } from './passage.ts'

/** The guard of a `node:http` server, and how its refusals look. */
export interface NodeGuardOptions<Request = IncomingMessage> {
  readonly guard: Pick<Guard, 'judge'>
  /** Who may call which route; what is not in it is refused. */
  readonly permissions: PermissionTable
  /** Makes the body of a refusal. Default: problem+json (RFC 9457). */
  readonly body?: RefusalBody<Request> | undefined
  /** Hears of every refusal, for the log: its `reason` is not for the client. */
  readonly onRefused?: ((error: GuardRefusal | KeysUnavailableError, request: Request) => void) | undefined
}

/** A request listener that knows who called. */
export type GuardedListener = (
  request: IncomingMessage,
  response: ServerResponse,
  principal: Principal,
) => void

/**
 * Makes the listener of a `node:http` server that lets only those requests through that may come.
 *
 * Errors that are no refusals, such as of a key source of your own, are answered with 500 and passed to `onError`.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createGuard, entra, permissionTable } from '@tomte/guard'
 * import { guarded } from '@tomte/guard/node'
 * const guard = createGuard({ audience: ['api://orders'], issuers: entra({ tenants: 'any tenant' }) })
 * const permissions = permissionTable({ 'GET /orders': ['Orders.Read.All'] })
 * createServer(
 *   guarded({ guard, permissions, onError: console.error }, (_request, response, principal) => {
 *     response.end(`Good day, ${principal.appId}.`)
 *   }),
 * )
 * ```
 */
export function guarded(
  options: NodeGuardOptions & { readonly onError: (error: unknown, request: IncomingMessage) => void },
  listener: GuardedListener,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { guard, permissions, body, onRefused, onError } = options
  return (request, response) => {
    const { method = '', url = '', headers } = request
    pass({
      guard,
      authorization: headers.authorization,
      required: permissions.ofRequest(method, url),
      enter: (principal) => listener(request, response, principal),
      refuse: (error) => {
        if (isRefusal(error)) {
          onRefused?.(error, request)
          return sendRefusal(error, request, response, body)
        }
        onError(error, request)
        response.writeHead(500).end()
      },
    })
  }
}

/** Sends a refusal. */
export function sendRefusal<Request extends IncomingMessage>(
  error: GuardRefusal | KeysUnavailableError,
  request: Request,
  response: ServerResponse,
  body: RefusalBody<Request> | undefined,
): void {
  const answer = refusalAnswer(error, request, body)
  response.writeHead(answer.status, answer.headers).end(answer.body)
}
