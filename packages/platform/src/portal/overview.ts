import type { Permissions } from '../consent/consent.ts'
import { readPermissions } from '../consent/permissions.ts'
import { DIRECTORY_ROLES } from '../registration/directory-roles.ts'
import { GRAPH_APP_ID } from '../registration/graph-application.ts'
import type { Database } from '../store/database.ts'

const TENANTS_MAX = 50
const APPLICATIONS_MAX = 200

/** Every tenant, or the first 50. */
export interface Overview {
  readonly tenants: readonly TenantOverview[]
  /** How many there are in all. */
  readonly tenantCount: number
}

/** A tenant with the applications registered in it or added to it, or the first 200 of them. */
export interface TenantOverview {
  readonly id: string
  readonly domain: string
  readonly displayName: string
  readonly people: number
  readonly applications: readonly ApplicationOverview[]
  readonly more: boolean
}

export interface ApplicationOverview {
  readonly appId: string
  readonly displayName: string
  /** Registered in another tenant and added to this one. */
  readonly fromElsewhere: boolean
  readonly presence: 'enabled' | 'disabled' | 'missing'
  readonly certificates: readonly CredentialOverview[]
  readonly secrets: readonly CredentialOverview[]
  /** The names of its federated credentials, which do not end. */
  readonly trusts: readonly string[]
  readonly isManagedIdentity: boolean
  readonly permissions: Permissions
  /** The names of the directory roles that it holds. */
  readonly directoryRoles: readonly string[]
}

/** A credential that ends. */
export interface CredentialOverview {
  readonly name: string
  readonly endsAtMs: number
}

/** Reads what an administrator sees first: every tenant, or the one that they administer. */
export async function readOverview(db: Database, only?: string): Promise<Overview> {
  const all = db
    .selectFrom('tenant')
    .innerJoin('domain', 'domain.tenant_id', 'tenant.id')
    .select(['tenant.id', 'tenant.display_name', 'domain.name'])
    .where('domain.is_default', '=', 1)
    .orderBy('domain.name')
    .limit(TENANTS_MAX)
  const rows = await (only === undefined ? all : all.where('tenant.id', '=', only)).execute()
  const tenantCount =
    only === undefined
      ? await countOf(db.selectFrom('tenant').select(({ fn }) => fn.countAll().as('count')))
      : rows.length
  const tenants: TenantOverview[] = []
  for (const { id, display_name, name } of rows) {
    tenants.push({ id, domain: name, displayName: display_name, ...(await readTenant(db, id)) })
  }
  return { tenants, tenantCount }
}

interface Countable {
  executeTakeFirstOrThrow(): Promise<{ readonly count: unknown }>
}

/** PostgreSQL counts in text, since its integers can be longer than a number. */
const countOf = async (query: Countable): Promise<number> =>
  Number((await query.executeTakeFirstOrThrow()).count)

async function readTenant(db: Database, tenantId: string) {
  const people = await countOf(
    db
      .selectFrom('user')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('tenant_id', '=', tenantId),
  )
  const found = await selectApplications(db, tenantId).execute()
  const rows = found.slice(0, APPLICATIONS_MAX)
  const ids = rows.map(({ id }) => id)
  const certificates = await readCertificates(db, ids)
  const secrets = await readSecrets(db, ids)
  const trusts = await readTrusts(db, ids)
  const permissions = await readPermissions(db, tenantId, rows)
  const roles = await readDirectoryRoles(db, tenantId, ids)
  const applications = rows.map((row): ApplicationOverview => {
    const { account_enabled: enabled } = row
    return {
      appId: row.app_id,
      displayName: row.display_name,
      fromElsewhere: row.tenant_id !== tenantId,
      presence: enabled === null ? 'missing' : enabled === 1 ? 'enabled' : 'disabled',
      certificates: certificates.get(row.id) ?? [],
      secrets: secrets.get(row.id) ?? [],
      trusts: trusts.get(row.id) ?? [],
      isManagedIdentity: row.identity_kind !== null,
      directoryRoles: roles.get(row.id) ?? [],
      permissions: permissions.get(row.app_id) ?? { requested: [], unrequested: [], delegated: 0 },
    }
  })
  return { people, applications, more: found.length > rows.length }
}

function selectApplications(db: Database, tenantId: string) {
  return db
    .selectFrom('application')
    .leftJoin('service_principal as principal', (join) =>
      join.onRef('principal.app_id', '=', 'application.app_id').on('principal.tenant_id', '=', tenantId),
    )
    .leftJoin('managed_identity', 'managed_identity.principal_id', 'principal.id')
    .select('managed_identity.kind as identity_kind')
    .select([
      'application.id',
      'application.app_id',
      'application.tenant_id',
      'application.display_name',
      'application.required_resource_access',
      'principal.account_enabled',
    ])
    .where((is) => is.or([is('application.tenant_id', '=', tenantId), is('principal.id', 'is not', null)]))
    .where('application.app_id', '!=', GRAPH_APP_ID)
    .orderBy('application.display_name')
    .orderBy('application.id')
    .limit(APPLICATIONS_MAX + 1)
}

type ByApplication<T> = ReadonlyMap<string, readonly T[]>

async function readCertificates(
  db: Database,
  applicationIds: readonly string[],
): Promise<ByApplication<CredentialOverview>> {
  const rows = await db
    .selectFrom('key_credential')
    .select(['application_id', 'display_name', 'thumbprint_sha1', 'end_at_ms'])
    .where('application_id', 'in', ['', ...applicationIds])
    .orderBy('end_at_ms', 'desc')
    .execute()
  return grouped(rows, (row) => ({ name: row.display_name ?? row.thumbprint_sha1, endsAtMs: row.end_at_ms }))
}

async function readSecrets(
  db: Database,
  applicationIds: readonly string[],
): Promise<ByApplication<CredentialOverview>> {
  const rows = await db
    .selectFrom('password_credential')
    .select(['application_id', 'display_name', 'hint', 'end_at_ms'])
    .where('application_id', 'in', ['', ...applicationIds])
    .orderBy('end_at_ms', 'desc')
    .execute()
  return grouped(rows, (row) => ({ name: row.display_name ?? `${row.hint}…`, endsAtMs: row.end_at_ms }))
}

async function readTrusts(db: Database, applicationIds: readonly string[]): Promise<ByApplication<string>> {
  const rows = await db
    .selectFrom('federated_credential')
    .select(['application_id', 'name'])
    .where('application_id', 'in', ['', ...applicationIds])
    .orderBy('name')
    .execute()
  return grouped(rows, ({ name }) => name)
}

async function readDirectoryRoles(
  db: Database,
  tenantId: string,
  applicationIds: readonly string[],
): Promise<ByApplication<string>> {
  const rows = await db
    .selectFrom('directory_role_assignment as given')
    .innerJoin('service_principal as principal', 'principal.id', 'given.principal_id')
    .innerJoin('application', 'application.app_id', 'principal.app_id')
    .select(['application.id as application_id', 'given.template_id'])
    .where('given.tenant_id', '=', tenantId)
    .where('application.id', 'in', ['', ...applicationIds])
    .orderBy('given.template_id')
    .execute()
  return grouped(rows, ({ template_id: id }) => DIRECTORY_ROLES.get(id)?.displayName ?? id)
}

const grouped = <R extends { readonly application_id: string }, T>(
  rows: readonly R[],
  shown: (row: R) => T,
): ByApplication<T> =>
  new Map([...Map.groupBy(rows, (row) => row.application_id)].map(([id, list]) => [id, list.map(shown)]))
