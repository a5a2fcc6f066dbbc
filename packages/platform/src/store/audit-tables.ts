import type { Kysely } from 'kysely'

/** The two logs. Their order is time and then id, so that pages need no counter that replicas would have to share. */
export async function createAuditTables({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('sign_in')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('app_id', 'text')
    .addColumn('service_principal_id', 'text')
    .addColumn('resource_app_id', 'text')
    .addColumn('error_code', 'integer', (column) => column.notNull())
    .addColumn('ip_address', 'text', (column) => column.notNull())
    .addColumn('correlation_id', 'text', (column) => column.notNull())
    .addColumn('credential_kind', 'text', (column) => column.notNull())
    .addColumn('credential_key_id', 'text')
    .addColumn('conditional_access', 'text', (column) => column.notNull())
    .execute()
  await schema.createIndex('sign_in_page').on('sign_in').columns(['tenant_id', 'at_ms']).execute()
  await schema.createIndex('sign_in_time').on('sign_in').column('at_ms').execute()
  await schema
    .createTable('directory_audit')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addColumn('activity', 'text', (column) => column.notNull())
    .addColumn('category', 'text', (column) => column.notNull())
    .addColumn('operation', 'text', (column) => column.notNull())
    .addColumn('correlation_id', 'text', (column) => column.notNull())
    .addColumn('initiated_by', 'text', (column) => column.notNull())
    .addColumn('target_id', 'text')
    .addColumn('target', 'text', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('directory_audit_page')
    .on('directory_audit')
    .columns(['tenant_id', 'at_ms'])
    .execute()
}
