import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { createAuditTables } from './audit-tables.ts'
import {
  addDirectoryRoles,
  addEndedTokens,
  addOwnSigningKeys,
  addSharedMemory,
} from './authorization-migration.ts'
import { addDirectory } from './directory-tables.ts'
import { addAppliedPolicies, addPolicies, addTenancy } from './tenancy-migration.ts'

// A released migration is never edited: the next change is the next entry.
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first': { up: createFirstTables },
  '0002-redirect-uris': { up: addRedirectUris },
  '0003-credentials': { up: addCredentials },
  '0004-managed-identities': { up: addManagedIdentities },
  '0005-signing-schedule': { up: addSigningSchedule },
  '0010-tenancy': { up: addTenancy },
  '0011-policies': { up: addPolicies },
  '0020-audit': { up: createAuditTables },
  '0030-applied-policies': { up: addAppliedPolicies },
  '0031-directory': { up: addDirectory },
  '0040-shared-memory': { up: addSharedMemory },
  '0041-own-signing-keys': { up: addOwnSigningKeys },
  '0050-ended-tokens': { up: addEndedTokens },
  '0051-directory-roles': { up: addDirectoryRoles },
}

async function addRedirectUris({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .alterTable('application')
    .addColumn('redirect_uris', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute()
}

/** Secrets, federated credentials, and certificates that belong to one service principal alone. */
async function addCredentials({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .alterTable('key_credential')
    .addColumn('service_principal_id', 'text', (column) =>
      column.references('service_principal.id').onDelete('cascade'),
    )
    .execute()
  await schema
    .createTable('password_credential')
    .addColumn('key_id', 'text', (column) => column.primaryKey())
    .addColumn('application_id', 'text', (column) =>
      column.notNull().references('application.id').onDelete('cascade'),
    )
    .addColumn('service_principal_id', 'text', (column) =>
      column.references('service_principal.id').onDelete('cascade'),
    )
    .addColumn('display_name', 'text')
    .addColumn('hint', 'text', (column) => column.notNull())
    .addColumn('secret_hash', 'text', (column) => column.notNull())
    .addColumn('start_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('end_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('password_credential_application')
    .on('password_credential')
    .column('application_id')
    .execute()
  await schema
    .createTable('federated_credential')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('application_id', 'text', (column) =>
      column.notNull().references('application.id').onDelete('cascade'),
    )
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('issuer', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addUniqueConstraint('federated_credential_name_once', ['application_id', 'name'])
    .addUniqueConstraint('federated_credential_subject_once', ['application_id', 'issuer', 'subject'])
    .execute()
}

async function addManagedIdentities({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('managed_identity')
    .addColumn('principal_id', 'text', (column) =>
      column.primaryKey().references('service_principal.id').onDelete('cascade'),
    )
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('resource_id', 'text', (column) => column.notNull().unique())
    .execute()
}

/** A key signed from the moment it was made, as there was only ever one. */
async function addSigningSchedule(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('signing_key')
    .addColumn('signs_from_ms', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute()
  await sql`update signing_key set signs_from_ms = created_at_ms`.execute(db)
}

async function createFirstTables(db: Kysely<unknown>): Promise<void> {
  await createTenants(db)
  await createRegistrations(db)
  await createUsers(db)
}

async function createTenants({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('setting')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute()
  await schema
    .createTable('tenant')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('display_name', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('domain')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('is_default', 'integer', (column) => column.notNull())
    .execute()
  await schema
    .createTable('signing_key')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    .addColumn('certificate', 'text', (column) => column.notNull())
    .addColumn('sealed_private_key', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute()
}

async function createRegistrations({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('application')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('app_id', 'text', (column) => column.notNull().unique())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('display_name', 'text', (column) => column.notNull())
    .addColumn('sign_in_audience', 'text', (column) => column.notNull())
    .addColumn('identifier_uris', 'text', (column) => column.notNull())
    .addColumn('app_roles', 'text', (column) => column.notNull())
    .addColumn('required_resource_access', 'text', (column) => column.notNull())
    .addColumn('requested_access_token_version', 'integer')
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('application_tenant').on('application').columns(['tenant_id', 'id']).execute()
  await schema
    .createTable('key_credential')
    .addColumn('key_id', 'text', (column) => column.primaryKey())
    .addColumn('application_id', 'text', (column) =>
      column.notNull().references('application.id').onDelete('cascade'),
    )
    .addColumn('display_name', 'text')
    .addColumn('thumbprint_sha1', 'text', (column) => column.notNull())
    .addColumn('thumbprint_sha256', 'text', (column) => column.notNull())
    .addColumn('certificate', 'text', (column) => column.notNull())
    .addColumn('start_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('end_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('key_credential_application')
    .on('key_credential')
    .column('application_id')
    .execute()
  await schema
    .createTable('service_principal')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('app_id', 'text', (column) => column.notNull().references('application.app_id'))
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('account_enabled', 'integer', (column) => column.notNull())
    .addColumn('app_role_assignment_required', 'integer', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('service_principal_once', ['tenant_id', 'app_id'])
    .execute()
  await schema
    .createTable('app_role_assignment')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('principal_id', 'text', (column) => column.notNull().references('service_principal.id'))
    .addColumn('resource_id', 'text', (column) => column.notNull().references('service_principal.id'))
    .addColumn('app_role_id', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('app_role_assignment_once', ['principal_id', 'resource_id', 'app_role_id'])
    .execute()
  await schema
    .createIndex('app_role_assignment_resource')
    .on('app_role_assignment')
    .column('resource_id')
    .execute()
}

const OPTIONAL_TEXTS = [
  'given_name',
  'surname',
  'mail',
  'job_title',
  'department',
  'company_name',
  'office_location',
  'employee_id',
  'mobile_phone',
  'preferred_language',
  'usage_location',
  'manager_id',
  'employee_id_key',
]

async function createUsers({ schema }: Kysely<unknown>): Promise<void> {
  let table = schema
    .createTable('user')
    .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('account_enabled', 'integer', (column) => column.notNull())
    .addColumn('display_name', 'text', (column) => column.notNull())
    .addColumn('user_principal_name', 'text', (column) => column.notNull())
    .addColumn('user_principal_name_key', 'text', (column) => column.notNull())
    .addColumn('mail_nickname', 'text', (column) => column.notNull())
    .addColumn('business_phones', 'text', (column) => column.notNull())
    .addColumn('must_change_password', 'integer', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
  for (const name of OPTIONAL_TEXTS) table = table.addColumn(name, 'text')
  await table
    .addUniqueConstraint('user_principal_name_once', ['tenant_id', 'user_principal_name_key'])
    .execute()
  await schema.createIndex('user_employee_id').on('user').columns(['tenant_id', 'employee_id_key']).execute()
  await schema.createIndex('user_page').on('user').columns(['tenant_id', 'seq']).execute()
}
