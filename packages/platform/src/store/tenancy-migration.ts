import type { Kysely } from 'kysely'

/** Accounts of the portal, owners, what was deleted and can be restored, and policies. */
export async function addTenancy({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('portal_account')
    .addColumn('user_id', 'text', (column) => column.primaryKey().references('user.id').onDelete('cascade'))
    .addColumn('password_hash', 'text', (column) => column.notNull())
    .addColumn('is_administrator', 'integer', (column) => column.notNull())
    .execute()
  await schema
    .createTable('owner')
    .addColumn('object_id', 'text', (column) => column.notNull())
    .addColumn('owner_id', 'text', (column) => column.notNull())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addPrimaryKeyConstraint('owner_once', ['object_id', 'owner_id'])
    .execute()
  await schema.createIndex('owner_owner').on('owner').column('owner_id').execute()
  await schema
    .createTable('deleted_object')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('object', 'text', (column) => column.notNull())
    .addColumn('contents', 'text', (column) => column.notNull())
    .addColumn('deleted_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('deleted_object_page')
    .on('deleted_object')
    .columns(['tenant_id', 'kind', 'id'])
    .execute()
}

/** What policies say, and the properties of registrations that nothing here acts upon. */
export async function addPolicies({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('policy')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('modified_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('policy_kind').on('policy').columns(['tenant_id', 'kind', 'id']).execute()
  await schema
    .createTable('policy_assignment')
    .addColumn('policy_id', 'text', (column) => column.notNull().references('policy.id').onDelete('cascade'))
    .addColumn('object_id', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('policy_assignment_once', ['policy_id', 'object_id'])
    .execute()
  await schema.createIndex('policy_assignment_object').on('policy_assignment').column('object_id').execute()
  for (const table of ['application', 'service_principal'])
    await schema
      .alterTable(table)
      .addColumn('properties', 'text', (column) => column.notNull().defaultTo('{}'))
      .execute()
  await schema
    .alterTable('application')
    .addColumn('is_disabled', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()
  await schema
    .createTable('service_principal_risk')
    .addColumn('principal_id', 'text', (column) =>
      column.primaryKey().references('service_principal.id').onDelete('cascade'),
    )
    .addColumn('level', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
    .execute()
}

/** Which Conditional Access policies a sign-in met. */
export async function addAppliedPolicies({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable('sign_in').addColumn('applied_policies', 'text').execute()
}
