import { isRefusal, refusalAnswer, type RefusalBody } from '../answer.ts'
import type { Principal } from '../claims.ts'
import type { Guard } from '../guard.ts'
import type { KeysUnavailableError } from '../keys/errors.ts'
import type { PermissionTable } from '../permission-table.ts'
import type { GuardRefusal } from '../refusal.ts'
import { unlisted } from './passage.ts'

/** The guard of a `fetch` handler, and how its refusals look. */
export interface FetchGuardOptions {
  readonly guard: Pick<Guard, 'judge'>
  /** Who may call which route; what is not in it is refused. */
  readonly permissions: PermissionTable
  /** Makes the body of a refusal. Default: problem+json (RFC 9457). */
  readonly body?: RefusalBody<Request> | undefined
  /** Hears of every refusal, for the log: its `reason` is not for the client. */
  readonly onRefused?: ((error: GuardRefusal | KeysUnavailableError, request: Request) => void) | undefined
}

/** A handler that knows who called; `rest` is what its server passes on, such as an environment. */
export type GuardedHandler<Rest extends readonly unknown[]> = (
  request: Request,
  principal: Principal,
  ...rest: Rest
) => Response | Promise<Response>

/**
 * Makes the `fetch` handler that lets only those requests through that may come. Errors that are no refusals reject.
 *
 * @example
 * ```ts
 * import { createGuard, entra, permissionTable } from '@tomte/guard'
 * import { guarded } from '@tomte/guard/fetch'
 * const guard = createGuard({ audience: ['api://orders'], issuers: entra({ tenants: 'any tenant' }) })
 * const permissions = permissionTable({ 'GET /orders': ['Orders.Read.All'] })
 * const handle = guarded({ guard, permissions }, (_request, { appId }) => Response.json({ appId }))
 * ```
 */
export function guarded<Rest extends readonly unknown[]>(
  options: FetchGuardOptions,
  handler: GuardedHandler<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const entered = await entry(options, request)
    return entered instanceof Response ? entered : handler(request, entered, ...rest)
  }
}

/** What the guard uses of Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  set(name: 'principal', principal: Principal): void
}

/**
 * Makes Hono middleware that guards what comes after it; the handler finds who called by `context.get('principal')`.
 *
 * @example
 * ```ts
 * import { createGuard, entra, permissionTable, type Principal } from '@tomte/guard'
 * import { honoGuard } from '@tomte/guard/fetch'
 * import { Hono } from 'hono'
 * const guard = createGuard({ audience: ['api://orders'], issuers: entra({ tenants: 'any tenant' }) })
 * const permissions = permissionTable({ 'GET /orders': ['Orders.Read.All'] })
 * const app = new Hono<{ Variables: { principal: Principal } }>()
 * app.use(honoGuard({ guard, permissions }))
 * app.get('/orders', (context) => context.json({ appId: context.get('principal').appId }))
 * ```
 */
export function honoGuard(
  options: FetchGuardOptions,
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  return async (context, next) => {
    const entered = await entry(options, context.req.raw)
    if (entered instanceof Response) return entered
    context.set('principal', entered)
    await next()
    return undefined
  }
}

/** Who called, or the answer to who may not. */
async function entry(
  { guard, permissions, body, onRefused }: FetchGuardOptions,
  request: Request,
): Promise<Principal | Response> {
  const authorization = request.headers.get('authorization') ?? undefined
  const { pathname } = new URL(request.url)
  const required = permissions.ofRequest(request.method, pathname)
  try {
    if (required === undefined) return await unlisted(guard, authorization)
    return await guard.judge(authorization, required)
  } catch (error) {
    if (!isRefusal(error)) throw error
    onRefused?.(error, request)
    const answer = refusalAnswer(error, request, body)
    return new Response(answer.body, { status: answer.status, headers: answer.headers })
  }
}
