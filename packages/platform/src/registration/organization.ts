import type { Database } from '../store/database.ts'

/** What `$select` may name of a tenant. */
export const ORGANIZATION = {
  typeName: 'organization',
  names: ['id', 'displayName', 'createdDateTime', 'verifiedDomains'],
} as const

/** The tenant itself, as Graph's organization object. */
export async function getOrganization(db: Database, tenantId: string): Promise<object> {
  const tenant = await db
    .selectFrom('tenant')
    .selectAll()
    .where('id', '=', tenantId)
    .executeTakeFirstOrThrow()
  const domains = await db
    .selectFrom('domain')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('name')
    .execute()
  return {
    id: tenant.id,
    displayName: tenant.display_name,
    createdDateTime: new Date(tenant.created_at_ms).toISOString(),
    verifiedDomains: domains.map(({ name, is_default }) => ({
      name,
      isDefault: is_default === 1,
      isInitial: is_default === 1,
    })),
  }
}
