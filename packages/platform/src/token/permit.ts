import { foldUri } from '../registration/identifier-uris.ts'
import type { Database } from '../store/database.ts'
import type { Client } from './client.ts'
import { TokenRefusal } from './refusals.ts'

/** The API that a token is for, in one tenant. */
export interface Resource {
  readonly servicePrincipalId: string
  readonly appId: string
  /** What the client asked for, spelt as it is registered: the audience of a v1.0 token. */
  readonly requested: string
  readonly tokenVersion: 1 | 2
}

/** What the client may do there. */
export interface Permit {
  readonly servicePrincipalId: string
  /** Whether the client's application is for its home tenant alone. */
  readonly singleTenant: boolean
  readonly resource: Resource
  readonly roles: readonly string[]
}

interface Asked {
  readonly client: Pick<Client, 'appId' | 'displayName'>
  readonly tenantId: string
  readonly resource: string
}

/**
 * Decides whether the client may have a token for the resource, and with which roles: those assigned to its service
 * principal for this resource, and no others (wire.md §§1, 6).
 *
 * @throws TokenRefusal 7000229, 7000112, 500011, 500014, 501051.
 */
export async function permit(
  db: Database,
  { client, tenantId, resource: requested }: Asked,
): Promise<Permit> {
  const principal = await db
    .selectFrom('service_principal')
    .innerJoin('application', 'application.app_id', 'service_principal.app_id')
    .select(['service_principal.id', 'service_principal.account_enabled', 'application.sign_in_audience'])
    .where('service_principal.tenant_id', '=', tenantId)
    .where('service_principal.app_id', '=', client.appId)
    .executeTakeFirst()
  if (!principal) throw new TokenRefusal(7000229, { client: client.appId, tenant: tenantId })
  if (!principal.account_enabled)
    throw new TokenRefusal(7000112, { client: client.appId, name: client.displayName })
  const resource = await findResource(db, tenantId, requested)
  const roles = await rolesOf(db, principal.id, resource)
  if (roles.length === 0 && resource.assignmentRequired) {
    throw new TokenRefusal(501051, { client: client.appId, name: client.displayName, resource: requested })
  }
  const singleTenant = principal.sign_in_audience === 'AzureADMyOrg'
  return { servicePrincipalId: principal.id, singleTenant, resource, roles }
}

interface FoundResource extends Resource {
  readonly assignmentRequired: boolean
  readonly appRoles: readonly { readonly id: string; readonly value: string }[]
}

async function findResource(db: Database, tenantId: string, requested: string): Promise<FoundResource> {
  const rows = await db
    .selectFrom('service_principal')
    .innerJoin('application', 'application.app_id', 'service_principal.app_id')
    .select([
      'service_principal.id',
      'service_principal.app_id',
      'service_principal.account_enabled',
      'service_principal.app_role_assignment_required',
      'application.identifier_uris',
      'application.app_roles',
      'application.requested_access_token_version',
    ])
    .where('service_principal.tenant_id', '=', tenantId)
    .execute()
  const found = rows.find((row) =>
    names(row.app_id, row.identifier_uris).some((name) => foldUri(name) === foldUri(requested)),
  )
  if (!found) throw new TokenRefusal(500011, { resource: requested, tenant: tenantId })
  const registered = names(found.app_id, found.identifier_uris).find(
    (name) => foldUri(name) === foldUri(requested),
  )
  if (!found.account_enabled) throw new TokenRefusal(500014, { resource: requested })
  return {
    servicePrincipalId: found.id,
    appId: found.app_id,
    requested: withSlashOf(requested, registered ?? found.app_id),
    tokenVersion: found.requested_access_token_version === 2 ? 2 : 1,
    assignmentRequired: found.app_role_assignment_required === 1,
    appRoles: JSON.parse(found.app_roles) as FoundResource['appRoles'],
  }
}

const names = (appId: string, identifierUris: string) => [appId, ...(JSON.parse(identifierUris) as string[])]

/** The name as it is registered, but with the slash at its end, or without, as it was asked for. */
const withSlashOf = (requested: string, registered: string) =>
  registered.replace(/\/$/, '') + (requested.endsWith('/') ? '/' : '')

async function rolesOf(db: Database, principalId: string, resource: FoundResource): Promise<string[]> {
  const rows = await db
    .selectFrom('app_role_assignment')
    .select('app_role_id')
    .where('principal_id', '=', principalId)
    .where('resource_id', '=', resource.servicePrincipalId)
    .execute()
  const assigned = new Set(rows.map((row) => row.app_role_id))
  return resource.appRoles.filter((role) => assigned.has(role.id)).map((role) => role.value)
}
