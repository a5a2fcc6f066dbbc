import { GRAPH_TENANT_ID } from '../registration/graph-application.ts'
import type { Database } from '../store/database.ts'
import { exportGroups, exportPeople } from './export-directory.ts'
import { exportPolicies } from './export-policies.ts'
import { ownersOf } from './names.ts'

/** A state as a file: everything that a tenant holds of its own, sorted, and nothing that proves anyone. */
export interface ExportedState {
  readonly version: 1
  readonly tenants: readonly object[]
}

const flag = (value: number): boolean => value === 1
const json = (text: string): unknown => JSON.parse(text)
const time = (ms: number): string => new Date(ms).toISOString()

/**
 * Reads tenants, registrations, grants, directory roles, managed identities, people, groups and policies. Owners and members are named: people by their user
 * principal names, service principals by their application ids, groups by their own. Secrets are their `keyId`, hint and dates; no secret, no hash of
 * one and no signing key is in it, and neither is the operator, whose key belongs to its data folder. Passwords of portal accounts are
 * their scrypt hashes.
 */
export async function exportState(db: Database): Promise<ExportedState> {
  const tenants = await db
    .selectFrom('tenant')
    .select(['id', 'display_name', 'refuses_repeated_assertions'])
    .orderBy('id')
    .execute()
  const operator = await operatorOf(db)
  const exported = []
  for (const { id, display_name: displayName, refuses_repeated_assertions: refuses } of tenants) {
    exported.push({
      id,
      displayName,
      domains: await domains(db, id),
      refuseRepeatedAssertions: flag(refuses),
      applications: await applications(db, id, operator),
      managedIdentities: await managedIdentities(db, id, operator),
      servicePrincipals: await principals(db, id, operator),
      assignments: await assignments(db, id, operator),
      directoryRoles: await directoryRoles(db, id, operator),
      people: await exportPeople(db, id),
      groups: await exportGroups(db, id, operator),
      policies: await exportPolicies(db, id, operator),
    })
  }
  return { version: 1, tenants: exported }
}

/** The application id of the operator, or an empty text, which is no application's. */
export async function operatorOf(db: Database): Promise<string> {
  const row = await db.selectFrom('setting').select('value').where('name', '=', 'operator').executeTakeFirst()
  return row?.value ?? ''
}

async function domains(db: Database, tenantId: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('domain')
    .select('name')
    .where('tenant_id', '=', tenantId)
    .orderBy('is_default', 'desc')
    .orderBy('name')
    .execute()
  return rows.map(({ name }) => name)
}

async function applications(db: Database, tenantId: string, operator: string): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('application')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('app_id', '!=', operator)
    .orderBy('app_id')
    .execute()
  return Promise.all(
    rows.map(async (row) => ({
      appId: row.app_id,
      id: row.id,
      displayName: row.display_name,
      signInAudience: row.sign_in_audience,
      identifierUris: json(row.identifier_uris),
      redirectUris: json(row.redirect_uris),
      appRoles: json(row.app_roles),
      requiredResourceAccess: json(row.required_resource_access),
      requestedAccessTokenVersion: row.requested_access_token_version,
      properties: json(row.properties),
      isDisabled: flag(row.is_disabled),
      ...(await credentials(db, row.id, null)),
      federatedCredentials: await trusts(db, row.id),
      owners: await ownersOf(db, row.id, operator),
    })),
  )
}

async function credentials(db: Database, applicationId: string, principalId: string | null) {
  const keys = await db
    .selectFrom('key_credential')
    .selectAll()
    .where('application_id', '=', applicationId)
    .where('service_principal_id', principalId === null ? 'is' : '=', principalId)
    .orderBy('key_id')
    .execute()
  const secrets = await db
    .selectFrom('password_credential')
    .select(['key_id', 'display_name', 'hint', 'start_at_ms', 'end_at_ms'])
    .where('application_id', '=', applicationId)
    .where('service_principal_id', principalId === null ? 'is' : '=', principalId)
    .orderBy('key_id')
    .execute()
  return {
    certificates: keys.map((row) => ({
      keyId: row.key_id,
      displayName: row.display_name,
      certificate: row.certificate,
    })),
    secrets: secrets.map((row) => ({
      keyId: row.key_id,
      displayName: row.display_name,
      hint: row.hint,
      startDateTime: time(row.start_at_ms),
      endDateTime: time(row.end_at_ms),
    })),
  }
}

async function trusts(db: Database, applicationId: string): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('federated_credential')
    .selectAll()
    .where('application_id', '=', applicationId)
    .orderBy('name')
    .execute()
  return rows.map(({ application_id: _, ...row }) => row)
}

async function managedIdentities(
  db: Database,
  tenantId: string,
  operator: string,
): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('managed_identity as identity')
    .innerJoin('service_principal as principal', 'principal.id', 'identity.principal_id')
    .innerJoin('application', 'application.app_id', 'principal.app_id')
    .select([
      'principal.app_id',
      'principal.id',
      'application.display_name',
      'identity.kind',
      'identity.resource_id',
    ])
    .where('principal.tenant_id', '=', tenantId)
    .orderBy('principal.app_id')
    .execute()
  return Promise.all(
    rows.map(async (row) => ({
      appId: row.app_id,
      id: row.id,
      name: row.display_name,
      kind: row.kind,
      resourceId: row.resource_id,
      owners: await ownersOf(db, row.id, operator),
    })),
  )
}

/** Those of Graph and the token exchange are made by the platform itself, those of managed identities with them. */
async function principals(db: Database, tenantId: string, operator: string): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('service_principal as principal')
    .innerJoin('application', 'application.app_id', 'principal.app_id')
    .leftJoin('service_principal_risk as risk', 'risk.principal_id', 'principal.id')
    .selectAll('principal')
    .select(['application.id as application_id', 'risk.state as risk'])
    .where('principal.tenant_id', '=', tenantId)
    .where('application.tenant_id', '!=', GRAPH_TENANT_ID)
    .where('principal.app_id', '!=', operator)
    .orderBy('principal.app_id')
    .execute()
  return Promise.all(
    rows.map(async (row) => ({
      appId: row.app_id,
      id: row.id,
      accountEnabled: flag(row.account_enabled),
      appRoleAssignmentRequired: flag(row.app_role_assignment_required),
      properties: json(row.properties),
      risk: row.risk,
      ...(await credentials(db, row.application_id, row.id)),
      owners: await ownersOf(db, row.id, operator),
    })),
  )
}

async function assignments(db: Database, tenantId: string, operator: string): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('app_role_assignment as assignment')
    .innerJoin('service_principal as principal', 'principal.id', 'assignment.principal_id')
    .innerJoin('service_principal as resource', 'resource.id', 'assignment.resource_id')
    .select([
      'principal.app_id as principal',
      'resource.app_id as resource',
      'assignment.app_role_id as role',
    ])
    .where('assignment.tenant_id', '=', tenantId)
    .where('principal.app_id', '!=', operator)
    .orderBy('principal.app_id')
    .orderBy('resource.app_id')
    .orderBy('assignment.app_role_id')
    .execute()
  return rows.map((row) => ({ ...row }))
}

/** Who holds which role of the directory: people and service principals by name. */
async function directoryRoles(db: Database, tenantId: string, operator: string): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('directory_role_assignment as given')
    .leftJoin('service_principal as principal', 'principal.id', 'given.principal_id')
    .leftJoin('user', 'user.id', 'given.principal_id')
    .select(['principal.app_id', 'user.user_principal_name', 'given.template_id as role'])
    .where('given.tenant_id', '=', tenantId)
    .orderBy('given.template_id')
    .orderBy('principal.app_id')
    .orderBy('user.user_principal_name')
    .execute()
  return rows.flatMap(({ app_id, user_principal_name, role }) => {
    const principal = app_id ?? user_principal_name
    return principal === null || principal === operator ? [] : { principal, role }
  })
}
