import type { Database } from '../store/database.ts'
import { TokenRefusal } from './refusals.ts'

/** An application as the token endpoint needs it. */
export interface Client {
  readonly id: string
  readonly appId: string
  readonly displayName: string
  readonly homeTenantId: string
}

/** Finds the client that a request names, in its home tenant or, if it is multi-tenant, in any. @throws TokenRefusal 700016. */
export async function findClient(db: Database, clientId: string, tenantId: string): Promise<Client> {
  const row = await db
    .selectFrom('application')
    .select(['id', 'app_id', 'display_name', 'tenant_id', 'sign_in_audience'])
    .where('app_id', '=', clientId.toLowerCase())
    .executeTakeFirst()
  if (!row || (row.tenant_id !== tenantId && row.sign_in_audience !== 'AzureADMultipleOrgs')) {
    throw new TokenRefusal(700016, { client: clientId, tenant: tenantId })
  }
  return { id: row.id, appId: row.app_id, displayName: row.display_name, homeTenantId: row.tenant_id }
}
