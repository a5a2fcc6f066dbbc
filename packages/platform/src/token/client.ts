import type { Database } from '../store/database.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { TokenRefusal } from './refusals.ts'
import { isEmptyGuid } from './tenant.ts'

/** An application as the token endpoint needs it. */
export interface Client {
  readonly id: string
  readonly appId: string
  readonly displayName: string
  readonly homeTenantId: string
  /** Its service principal in the tenant that was asked, which may have credentials of its own. */
  readonly servicePrincipalId: string | undefined
}

/** Finds the client that a request names, in its home tenant or, if it is multi-tenant, in any. @throws TokenRefusal 700016. */
export async function findClient(cache: ReadCache, clientId: string, tenantId: string): Promise<Client> {
  const appId = clientId.toLowerCase()
  return cache.read(`client ${tenantId} ${appId}`, (db) => readClient(db, { appId, tenantId, clientId }))
}

interface Named {
  readonly appId: string
  readonly tenantId: string
  /** As the request spelt it, for the refusal. */
  readonly clientId: string
}

async function readClient(db: Database, { appId, tenantId, clientId }: Named): Promise<Client> {
  const row = await db
    .selectFrom('application')
    .leftJoin('service_principal', (join) =>
      join
        .onRef('service_principal.app_id', '=', 'application.app_id')
        .on('service_principal.tenant_id', '=', tenantId),
    )
    .select([
      'application.id',
      'application.app_id',
      'application.display_name',
      'application.tenant_id',
      'application.sign_in_audience',
      'service_principal.id as principal_id',
    ])
    .where('application.app_id', '=', appId)
    .executeTakeFirst()
  if (!row || (row.tenant_id !== tenantId && row.sign_in_audience !== 'AzureADMultipleOrgs')) {
    throw new TokenRefusal(700016, { client: clientId, tenant: tenantId })
  }
  return {
    id: row.id,
    appId: row.app_id,
    displayName: row.display_name,
    homeTenantId: row.tenant_id,
    servicePrincipalId: row.principal_id ?? undefined,
  }
}

/** Refuses what can be no application's id. @throws TokenRefusal 700038. */
export function checkClientId(clientId: string): string {
  if (isEmptyGuid(clientId)) throw new TokenRefusal(700038, { client: clientId })
  return clientId
}

/** Why a client gets no token where the URL names no tenant: 50194 for a single-tenant application, else 50059. */
export async function tenantMissing(cache: ReadCache, clientId: string): Promise<TokenRefusal> {
  const row = await cache.db
    .selectFrom('application')
    .select(['app_id', 'display_name', 'sign_in_audience'])
    .where('app_id', '=', clientId.toLowerCase())
    .executeTakeFirst()
  return row?.sign_in_audience === 'AzureADMyOrg'
    ? new TokenRefusal(50194, { client: row.app_id, name: row.display_name })
    : new TokenRefusal(50059)
}
