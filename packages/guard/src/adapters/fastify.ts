import type { FastifyInstance, FastifyRequest } from 'fastify'
import { challenge } from '../challenge.ts'
import type { Principal } from '../claims.ts'
import type { Guard } from '../guard.ts'
import type { RequiredRoles } from '../permission.ts'
import { GuardRefusal } from '../refusal.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The application roles of which a caller needs at least one, or 'any application'. */
    roles?: RequiredRoles
  }
  interface FastifyRequest {
    /** Who called, on every guarded route. */
    principal: Principal
  }
}

/** The guard of a Fastify scope, and how its refusals look. */
export interface FastifyGuardOptions {
  readonly guard: Guard
  /** Makes the body of a refusal. Default: problem+json (RFC 9457). */
  readonly body?: ((refusal: GuardRefusal, request: FastifyRequest) => object) | undefined
}

/**
 * Guards every route of this Fastify scope. A route without `config.roles` is refused at registration, so none is forgotten.
 *
 * @throws TypeError at registration for a route without `config.roles`.
 */
export function guarded(app: FastifyInstance, { guard, body = problem }: FastifyGuardOptions): void {
  app.decorateRequest('principal', undefined as unknown as Principal)
  app.addHook('onRoute', ({ config, method, url }) => {
    if (config?.roles?.length) return
    throw new TypeError(
      `Cannot register ${String(method)} ${url}, as a guarded route needs config.roles: found none`,
    )
  })
  app.addHook('onRequest', async (request, reply) => {
    // Strangers are not told which paths there are; an application may learn that one is not.
    const required = request.is404 ? 'any application' : (request.routeOptions.config.roles ?? [])
    try {
      request.principal = await guard.admit(request.headers.authorization, required)
    } catch (refusal) {
      if (!(refusal instanceof GuardRefusal)) throw refusal
      request.log.info({ code: refusal.code, reason: refusal.reason }, 'refused')
      if (body === problem) void reply.type('application/problem+json')
      return reply
        .code(refusal.status)
        .header('www-authenticate', challenge(refusal))
        .send(body(refusal, request))
    }
  })
}

// Registered as a plugin, it would otherwise get a scope of its own, and leave every route outside of that unguarded.
Object.defineProperty(guarded, Symbol.for('skip-override'), { value: true })

const problem = (refusal: GuardRefusal) => ({
  status: refusal.status,
  title: refusal.code,
  detail: refusal.description,
})
