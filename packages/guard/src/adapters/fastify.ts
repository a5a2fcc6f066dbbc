import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { isRefusal, problemBody, type RefusalBody, refusalHeaders, refusedBy } from '../answer.ts'
import type { Principal } from '../claims.ts'
import type { Guard } from '../guard.ts'
import { namesSomebody, type RequiredRoles } from '../permission.ts'
import type { PermissionTable } from '../permission-table.ts'
import { pass } from './passage.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call: the application roles of which a caller needs at least one, 'any application', or rules. */
    roles?: RequiredRoles
  }
  interface FastifyRequest {
    /** Who called, on every guarded route. */
    principal: Principal
  }
}

/** The guard of a Fastify scope, and how its refusals look. */
export interface FastifyGuardOptions {
  readonly guard: Pick<Guard, 'judge'>
  /** Who may call which route, for those that say nothing in `config.roles`. */
  readonly permissions?: PermissionTable | undefined
  /** Makes the body of a refusal. Default: problem+json (RFC 9457). */
  readonly body?: RefusalBody<FastifyRequest> | undefined
}

/**
 * Guards every route of this Fastify scope. A route that nobody may call is refused at registration, so none is forgotten.
 *
 * @throws TypeError at registration for a route without `config.roles` that is not in `permissions` either.
 */
export function guarded(app: FastifyInstance, { guard, permissions, body }: FastifyGuardOptions): void {
  app.decorateRequest('principal', undefined as unknown as Principal)
  app.addHook('onRoute', (route) => requireRoles(route, permissions))
  app.addHook('onRequest', (request, reply, done) => {
    // Strangers are not told which paths there are; an application may learn that one is not.
    const { config } = request.routeOptions
    const required = config.url === undefined ? 'any application' : (config.roles ?? [])
    pass({
      guard,
      authorization: request.headers.authorization,
      required,
      enter: (principal) => {
        request.principal = principal
        done()
      },
      refuse: (error) => {
        if (isRefusal(error)) void answer(error, request, reply, body)
        else done(error as Error)
      },
    })
  })
}

// Registered as a plugin, it would otherwise get a scope of its own, and leave every route outside of that unguarded.
Object.defineProperty(guarded, Symbol.for('skip-override'), { value: true })

function requireRoles(route: RouteOptions, permissions: PermissionTable | undefined): void {
  const { config, method, url } = route
  if (namesSomebody(config?.roles)) return
  const listed = methodsOf(method).map(
    (each) =>
      permissions?.ofRoute(`${each} ${url}`) ??
      (each === 'HEAD' ? permissions?.ofRoute(`GET ${url}`) : undefined),
  )
  const [roles, ...others] = listed
  // A route of many methods has one rule for all; where the table has several, it must be several routes.
  if (config?.roles === undefined && roles !== undefined && others.every((each) => each === roles)) {
    route.config = { ...config, roles }
    return
  }
  throw new TypeError(
    `Cannot register ${String(method)} ${url}, as a guarded route needs config.roles${permissions ? ' or one line in the permission table' : ''}: found none`,
  )
}

const methodsOf = (method: RouteOptions['method']): readonly string[] =>
  typeof method === 'string' ? [method] : (method as readonly string[])

function answer(
  error: Parameters<typeof refusedBy>[0],
  request: FastifyRequest,
  reply: FastifyReply,
  body: RefusalBody<FastifyRequest> | undefined,
): FastifyReply {
  const refused = refusedBy(error)
  if (refused.status === 503) request.log.error({ code: error.code, err: error }, 'no keys to judge by')
  else request.log.info({ code: error.code, reason: 'reason' in error ? error.reason : '' }, 'refused')
  if (!body) void reply.type('application/problem+json')
  return reply
    .code(refused.status)
    .headers(refusalHeaders(error))
    .send(body ? body(refused, request) : problemBody(refused))
}

/** For a test: the routes of a scope as `assertEveryRouteListed` takes them; call it before the routes are registered. */
export function registeredRoutes(app: FastifyInstance): readonly string[] {
  const routes: string[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of methodsOf(method))
      if (!routes.includes(`${each} ${url}`)) routes.push(`${each} ${url}`)
  })
  return routes
}
