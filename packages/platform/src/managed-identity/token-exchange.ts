import { randomUUID } from 'node:crypto'
import { GRAPH_TENANT_ID } from '../registration/graph-application.ts'
import type { RegistrationStore } from '../registration/applications.ts'

/** The application id of Entra's token exchange, the same in every tenant. */
export const TOKEN_EXCHANGE_APP_ID = 'fb60f99c-7a34-4190-8149-302f77469936'

/** The resource whose tokens prove a managed identity to a federated credential (wire.md §5). */
export const TOKEN_EXCHANGE_URI = 'api://AzureADTokenExchange'

/** Makes the token exchange a resource of the tenant; it is there once. */
export async function ensureTokenExchange({ db, tenantId }: RegistrationStore, nowMs: number): Promise<void> {
  await db
    .insertInto('application')
    .values({
      id: randomUUID(),
      app_id: TOKEN_EXCHANGE_APP_ID,
      tenant_id: GRAPH_TENANT_ID,
      display_name: 'AAD Token Exchange',
      sign_in_audience: 'AzureADMultipleOrgs',
      identifier_uris: JSON.stringify([TOKEN_EXCHANGE_URI]),
      app_roles: '[]',
      required_resource_access: '[]',
      requested_access_token_version: 2,
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.column('app_id').doNothing())
    .execute()
  await db
    .insertInto('service_principal')
    .values({
      id: randomUUID(),
      app_id: TOKEN_EXCHANGE_APP_ID,
      tenant_id: tenantId,
      account_enabled: 1,
      app_role_assignment_required: 0,
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'app_id']).doNothing())
    .execute()
}
