import type { FastifyInstance } from 'fastify'
import type { Now } from '../clock.ts'
import type { Database } from '../store/database.ts'
import { requestIds, requireTenant, sendRefusal } from '../token/endpoint.ts'
import { TokenRefusal } from '../token/refusals.ts'
import { issuerV2, metadataV2 } from './metadata.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface Discovery {
  readonly db: Database
  readonly keys: SigningKeys
  readonly origin: () => string
  readonly now: Now
}

/** Registers the discovery document and the keys document of each tenant (wire.md §7). */
export function discoveryRoutes(app: FastifyInstance, { db, keys, origin, now }: Discovery): void {
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof TokenRefusal)) throw error
    return sendRefusal(reply, error, { ...requestIds(request), nowMs: now() })
  })
  app.get<{ Params: { tenant: string } }>(
    '/:tenant/v2.0/.well-known/openid-configuration',
    async ({ params }) => {
      const tenant = await requireTenant(db, params.tenant)
      return metadataV2(origin(), tenant.id)
    },
  )
  app.get<{ Params: { tenant: string } }>('/:tenant/discovery/v2.0/keys', async ({ params }) => {
    const tenant = await requireTenant(db, params.tenant)
    return keys.jwks(issuerV2(origin(), tenant.id))
  })
}
