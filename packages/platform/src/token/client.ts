import type { Database } from '../store/database.ts'
import { TokenRefusal } from './refusals.ts'

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
export async function findClient(db: Database, clientId: string, tenantId: string): Promise<Client> {
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
    .where('application.app_id', '=', clientId.toLowerCase())
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
