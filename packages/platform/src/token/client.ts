import { sql } from 'kysely'
import type { RiskLevel } from '../policy/conditional-access-policy.ts'
import { keptQuery } from '../store/kept-query.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { TokenRefusal } from './refusal.ts'
import { isEmptyGuid } from './tenant.ts'

/** An application as the token endpoint needs it. */
export interface Client {
  readonly id: string
  readonly appId: string
  readonly displayName: string
  readonly homeTenantId: string
  /** Its service principal in the tenant that was asked, which may have credentials of its own. */
  readonly servicePrincipalId: string | undefined
  /** Whether neither of the two is disabled. */
  readonly isEnabled: boolean
  /** Whether the application is for its home tenant alone. */
  readonly singleTenant: boolean
  /** Whether it may be used in every tenant that has let it in. */
  readonly multiTenant: boolean
  /** Whether it is this tenant's alone, which is what Conditional Access is for. */
  readonly isGoverned: boolean
  readonly risk: RiskLevel
  /** The roles that its service principal holds, of whatever API. */
  readonly assignments: readonly { readonly resourceId: string; readonly roleId: string }[]
  /** The roles of the directory that it holds, and the one that stands for none: the claim `wids` (wire.md §6). */
  readonly directoryRoles: readonly string[]
  /** Of the application, and of its service principal: read with the rest, as nearly every client that comes has one. */
  readonly secrets: readonly ClientSecret[]
}

/** What is kept of a secret. */
export interface ClientSecret {
  readonly key_id: string
  readonly secret_hash: string
  readonly start_at_ms: number
  readonly end_at_ms: number
}

/** Finds the client that a request names, in its home tenant or, if it is multi-tenant, in any. @throws TokenRefusal 700016. */
export async function findClient(cache: ReadCache, clientId: string, tenantId: string): Promise<Client> {
  const client = await clientIn(cache, clientId, tenantId)
  if (client.homeTenantId !== tenantId && !client.multiTenant)
    throw new TokenRefusal(700016, { client: clientId, tenant: tenantId })
  return client
}

/** Finds an application and what it is in a tenant, whether or not it may be used there. @throws TokenRefusal 700016 if there is none. */
export function clientIn(cache: ReadCache, clientId: string, tenantId: string): Promise<Client> {
  const appId = clientId.toLowerCase()
  return cache.read(`client ${tenantId} ${appId}`, async (db) => {
    const [row] = await selectClient(db, { appId, tenantId })
    if (!row) throw new TokenRefusal(700016, { client: clientId, tenant: tenantId })
    const principalId = row.principal_id
    const roles = principalId === null ? [] : await selectRoles(db, { principalId })
    const secrets = await selectSecrets(db, { applicationId: row.id, servicePrincipalId: principalId })
    return { ...clientOf(row, tenantId, roles), secrets }
  })
}

type Row = Awaited<ReturnType<typeof selectClient>>[number]

function clientOf(row: Row, tenantId: string, roles: readonly RoleRow[]): Omit<Client, 'secrets'> {
  const singleTenant = row.sign_in_audience === 'AzureADMyOrg'
  return {
    id: row.id,
    appId: row.app_id,
    displayName: row.display_name,
    homeTenantId: row.tenant_id,
    servicePrincipalId: row.principal_id ?? undefined,
    isEnabled: row.account_enabled === 1 && row.is_disabled !== 1,
    singleTenant,
    multiTenant: row.sign_in_audience === 'AzureADMultipleOrgs',
    isGoverned: singleTenant && row.tenant_id === tenantId && row.kind === null,
    risk: row.level ?? 'none',
    assignments: roles.flatMap(({ resourceId, roleId }) =>
      resourceId === null ? [] : { resourceId, roleId },
    ),
    directoryRoles: [
      ...roles.flatMap(({ resourceId, roleId }) => (resourceId === null ? roleId : [])).sort(),
      NO_DIRECTORY_ROLE,
    ],
  }
}

// Graph's tokens always carry this one; it stands for no directory role (wire.md §6).
const NO_DIRECTORY_ROLE = '0997a1d0-0d1d-4acb-b408-d5ca73121e90'

const selectClient = keptQuery(['appId', 'tenantId'], (db, { appId, tenantId }) =>
  db
    .selectFrom('application')
    .leftJoin('service_principal', (join) =>
      join
        .onRef('service_principal.app_id', '=', 'application.app_id')
        .on('service_principal.tenant_id', '=', tenantId),
    )
    .leftJoin('managed_identity', 'managed_identity.principal_id', 'service_principal.id')
    .leftJoin('service_principal_risk', 'service_principal_risk.principal_id', 'service_principal.id')
    .select(['application.id', 'application.app_id', 'application.display_name', 'application.tenant_id'])
    .select(['application.sign_in_audience', 'application.is_disabled', 'managed_identity.kind'])
    .select(['service_principal.id as principal_id', 'service_principal.account_enabled'])
    .select('service_principal_risk.level')
    .where('application.app_id', '=', appId),
)

/** A role of an API, or of the directory if there is none. */
interface RoleRow {
  readonly resourceId: string | null
  readonly roleId: string
}

const selectRoles = keptQuery(['principalId'], (db, { principalId }) =>
  db
    .selectFrom('app_role_assignment')
    .select((column) => [column.ref('resource_id').$castTo<string | null>().as('resourceId')])
    .select('app_role_id as roleId')
    .where('principal_id', '=', principalId)
    .unionAll(
      db
        .selectFrom('directory_role_assignment')
        .select([sql<string | null>`null`.as('resourceId'), 'template_id as roleId'])
        .where('principal_id', '=', principalId),
    ),
)

const selectSecrets = keptQuery(['applicationId', 'servicePrincipalId'], (db, given) =>
  db
    .selectFrom('password_credential')
    .select(['key_id', 'secret_hash', 'start_at_ms', 'end_at_ms'])
    .where('application_id', '=', given.applicationId)
    .where((where) =>
      where.or([
        where('service_principal_id', 'is', null),
        where('service_principal_id', '=', given.servicePrincipalId),
      ]),
    ),
)

/** Refuses what can be no application's id. @throws TokenRefusal 700038. */
export function checkClientId(clientId: string): string {
  if (isEmptyGuid(clientId)) throw new TokenRefusal(700038, { client: clientId })
  return clientId
}

/** Why a client gets no token where the URL names no tenant: 50194 for a single-tenant application, else 50059. */
export async function tenantMissing(cache: ReadCache, clientId: string): Promise<TokenRefusal> {
  const row = await cache.db
    .selectFrom('application')
    .select(['app_id', 'display_name', 'sign_in_audience'])
    .where('app_id', '=', clientId.toLowerCase())
    .executeTakeFirst()
  return row?.sign_in_audience === 'AzureADMyOrg'
    ? new TokenRefusal(50194, { client: row.app_id, name: row.display_name })
    : new TokenRefusal(50059)
}
