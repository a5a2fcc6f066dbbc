import type { Kysely } from 'kysely'

/** What replicas have to remember together: assertions that were used, sessions of the portal, and wrong passwords. */
export async function addSharedMemory({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .alterTable('tenant')
    .addColumn('refuses_repeated_assertions', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()
  await schema
    .createTable('used_assertion')
    .addColumn('digest', 'text', (column) => column.primaryKey())
    .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('used_assertion_end').on('used_assertion').column('expires_at_ms').execute()
  await schema
    .createTable('portal_session')
    .addColumn('digest', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.references('user.id').onDelete('cascade'))
    .addColumn('ends_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('portal_session_owner')
    .on('portal_session')
    .columns(['user_id', 'ends_at_ms'])
    .execute()
  await schema.createIndex('portal_session_end').on('portal_session').column('ends_at_ms').execute()
  await schema
    .createTable('portal_attempt')
    .addColumn('name_digest', 'text', (column) => column.primaryKey())
    .addColumn('failed_at_ms', 'text', (column) => column.notNull())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addColumn('locked_until_ms', 'bigint', (column) => column.notNull())
    .addColumn('last_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('portal_attempt_last').on('portal_attempt').column('last_at_ms').execute()
  await schema.createIndex('directory_audit_time').on('directory_audit').column('at_ms').execute()
}

/** When the tokens of a service principal were ended before their time. */
export async function addEndedTokens({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable('service_principal').addColumn('tokens_ended_at_ms', 'bigint').execute()
}

/** Who holds which role of the directory. */
export async function addDirectoryRoles({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('directory_role_assignment')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('role_id', 'text', (column) => column.notNull())
    .addColumn('template_id', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('directory_role_assignment_once', ['principal_id', 'template_id'])
    .execute()
  await schema
    .createIndex('directory_role_assignment_page')
    .on('directory_role_assignment')
    .columns(['tenant_id', 'id'])
    .execute()
  await schema
    .createIndex('directory_role_assignment_role')
    .on('directory_role_assignment')
    .columns(['role_id', 'principal_id'])
    .execute()
}

/** Keys that sign the tokens for one API alone. */
export async function addOwnSigningKeys({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('token_signing_certificate')
    .addColumn('key_id', 'text', (column) => column.primaryKey())
    .addColumn('service_principal_id', 'text', (column) =>
      column.notNull().references('service_principal.id').onDelete('cascade'),
    )
    .addColumn('display_name', 'text', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('thumbprint_sha1', 'text', (column) => column.notNull())
    .addColumn('certificate', 'text', (column) => column.notNull())
    .addColumn('sealed_private_key', 'text', (column) => column.notNull())
    .addColumn('start_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('end_at_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('token_signing_certificate_kid', ['kid'])
    .execute()
  await schema
    .createIndex('token_signing_certificate_principal')
    .on('token_signing_certificate')
    .column('service_principal_id')
    .execute()
  await schema.alterTable('service_principal').addColumn('preferred_signing_thumbprint', 'text').execute()
}
