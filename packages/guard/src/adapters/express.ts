import type { IncomingMessage, ServerResponse } from 'node:http'
import { isRefusal, type RefusalBody } from '../answer.ts'
import type { Principal } from '../claims.ts'
import { type NodeGuardOptions, sendRefusal } from './node.ts'
import type { RequiredRoles } from '../permission.ts'
import type { PermissionTable } from '../permission-table.ts'
import { pass } from './passage.ts'

/** What the guard reads of an Express request, and what it adds. */
export interface GuardedRequest extends IncomingMessage {
  /** The path as it came, whatever router the request is in. */
  readonly originalUrl?: string
  /** Who called, behind the guard. */
  principal?: Principal
}

/** A guard in front of Express routes. */
export interface ExpressGuardOptions extends Pick<NodeGuardOptions<GuardedRequest>, 'guard' | 'onRefused'> {
  /** Who may call what comes this way, or the table that says so for every route. */
  readonly permissions: PermissionTable | RequiredRoles
  /** Makes the body of a refusal. Default: problem+json (RFC 9457). */
  readonly body?: RefusalBody<GuardedRequest> | undefined
}

/** Express middleware, also for any server that calls `(request, response, next)`. */
export type Middleware = (
  request: GuardedRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Makes the middleware that guards what comes after it, and sets `request.principal`. Errors that are no refusals go to `next`.
 *
 * @example
 * ```ts
 * import { createGuard, entra } from '@tomte/guard'
 * import { guarded, type Middleware } from '@tomte/guard/express'
 * declare const app: { use(middleware: Middleware): void }
 * const guard = createGuard({ audience: ['api://orders'], issuers: entra({ tenants: 'any tenant' }) })
 * app.use(guarded({ guard, permissions: ['Orders.Read.All'] }))
 * ```
 */
export function guarded({ guard, permissions, body, onRefused }: ExpressGuardOptions): Middleware {
  const requiredOf = requirement(permissions)
  return (request, response, next) => {
    pass({
      guard,
      authorization: request.headers.authorization,
      required: requiredOf(request),
      enter: (principal) => {
        request.principal = principal
        next()
      },
      refuse: (error) => {
        if (!isRefusal(error)) return next(error)
        onRefused?.(error, request)
        sendRefusal(error, request, response, body)
      },
    })
  }
}

function requirement(
  permissions: PermissionTable | RequiredRoles,
): (request: GuardedRequest) => RequiredRoles | undefined {
  if (typeof permissions === 'object' && 'ofRequest' in permissions)
    return ({ method = '', originalUrl, url = '' }) => permissions.ofRequest(method, originalUrl ?? url)
  return () => permissions
}
