import type { Database } from '../store/database.ts'

export interface Tenant {
  readonly id: string
  readonly displayName: string
  readonly defaultDomain: string
  /** Whether a client assertion is accepted once alone. */
  readonly refusesRepeatedAssertions: boolean
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const DNS_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

export const isGuid = (text: string): boolean => GUID.test(text.toLowerCase())

/** Whether the text can name a tenant at all; `false` is AADSTS900023. */
export const canNameTenant = (name: string): boolean =>
  GUID.test(name.toLowerCase()) || DNS_NAME.test(name.toLowerCase())

/** Finds a tenant by its GUID or one of its domains, without regard to case. */
export async function findTenant(db: Database, name: string): Promise<Tenant | undefined> {
  const key = name.toLowerCase()
  const domains = db
    .selectFrom('domain as any_domain')
    .select('any_domain.tenant_id')
    .where('any_domain.name', '=', key)
  const row = await db
    .selectFrom('tenant')
    .innerJoin('domain', 'domain.tenant_id', 'tenant.id')
    .select(['tenant.id', 'tenant.display_name', 'tenant.refuses_repeated_assertions', 'domain.name'])
    .where('domain.is_default', '=', 1)
    .where((is) => (GUID.test(key) ? is('tenant.id', '=', key) : is('tenant.id', 'in', domains)))
    .executeTakeFirst()
  return (
    row && {
      id: row.id,
      displayName: row.display_name,
      defaultDomain: row.name,
      refusesRepeatedAssertions: row.refuses_repeated_assertions === 1,
    }
  )
}

/** The tenant that the data folder began with: the operator's. */
export async function findFirstTenant(db: Database): Promise<Tenant | undefined> {
  const row = await db
    .selectFrom('setting')
    .innerJoin('application', 'application.app_id', 'setting.value')
    .select('application.tenant_id')
    .where('setting.name', '=', 'operator')
    .executeTakeFirst()
  return row && findTenant(db, row.tenant_id)
}

/** The names that belong to a tenant: user principal names must end with one of them. */
export async function domainsOf(db: Database, tenantId: string): Promise<readonly string[]> {
  const rows = await db.selectFrom('domain').select('name').where('tenant_id', '=', tenantId).execute()
  return rows.map(({ name }) => name)
}
