import { GRAPH_APP_ID } from '../registration/graph-application.ts'
import type { Database } from '../store/database.ts'
import {
  comparePermissions,
  type GrantedRole,
  type Permissions,
  type Requested,
  type Resource,
  type ResourceRole,
} from './consent.ts'

/** An application with what it asks for, as the database has it. */
export interface Asking {
  readonly app_id: string
  readonly required_resource_access: string
}

/** Reads what applications ask for and hold in one tenant, by application id. */
export async function readPermissions(
  db: Database,
  tenantId: string,
  applications: readonly Asking[],
): Promise<ReadonlyMap<string, Permissions>> {
  const asked = new Map(applications.map((one) => [one.app_id, parseRequested(one.required_resource_access)]))
  const granted = await readGranted(db, tenantId, [...asked.keys()])
  const named = [...[...asked.values()].flatMap(({ roles }) => roles), ...[...granted.values()].flat()]
  const resources = await readResources(db, tenantId, [...new Set(named.map((role) => role.resourceAppId))])
  return new Map(
    [...asked].map(([appId, requested]) => [
      appId,
      comparePermissions({ requested, granted: granted.get(appId) ?? [], resources }),
    ]),
  )
}

interface RequiredResourceAccess {
  readonly resourceAppId: string
  readonly resourceAccess: readonly { readonly id: string; readonly type: 'Role' | 'Scope' }[]
}

function parseRequested(json: string): Requested {
  const entries = (JSON.parse(json) as RequiredResourceAccess[]).flatMap(
    ({ resourceAppId, resourceAccess }) =>
      resourceAccess.map(({ id, type }) => ({ resourceAppId, roleId: id, type })),
  )
  const roles = entries.filter(({ type }) => type === 'Role')
  return { roles, delegated: entries.length - roles.length }
}

async function readGranted(
  db: Database,
  tenantId: string,
  appIds: readonly string[],
): Promise<ReadonlyMap<string, GrantedRole[]>> {
  if (appIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('app_role_assignment as assignment')
    .innerJoin('service_principal as principal', 'principal.id', 'assignment.principal_id')
    .innerJoin('service_principal as resource', 'resource.id', 'assignment.resource_id')
    .select([
      'principal.app_id',
      'resource.app_id as resourceAppId',
      'assignment.app_role_id as roleId',
      'assignment.created_at_ms as atMs',
    ])
    .where('assignment.tenant_id', '=', tenantId)
    .where('principal.app_id', 'in', appIds)
    .orderBy('assignment.created_at_ms')
    .execute()
  return Map.groupBy(rows, (row) => row.app_id)
}

/** The resources that the tenant can know of: its own applications, those added to it, and Graph. */
async function readResources(
  db: Database,
  tenantId: string,
  appIds: readonly string[],
): Promise<ReadonlyMap<string, Resource>> {
  if (appIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('application')
    .leftJoin('service_principal as principal', (join) =>
      join.onRef('principal.app_id', '=', 'application.app_id').on('principal.tenant_id', '=', tenantId),
    )
    .select(['application.app_id', 'application.display_name', 'application.app_roles', 'principal.id'])
    .where('application.app_id', 'in', appIds)
    .where((is) =>
      is.or([
        is('principal.id', 'is not', null),
        is('application.tenant_id', '=', tenantId),
        is('application.app_id', '=', GRAPH_APP_ID),
      ]),
    )
    .execute()
  return new Map(
    rows.map((row) => [
      row.app_id,
      {
        appId: row.app_id,
        displayName: row.display_name,
        servicePrincipalId: row.id ?? undefined,
        roles: parseRoles(row.app_roles),
      },
    ]),
  )
}

function parseRoles(json: string): ResourceRole[] {
  return (JSON.parse(json) as Readonly<Record<string, unknown>>[]).map((role) => ({
    id: String(role['id']),
    value: String(role['value']),
    description: text(role['displayName']) || text(role['description']),
    isEnabled: role['isEnabled'] === true,
    forApplications:
      Array.isArray(role['allowedMemberTypes']) && role['allowedMemberTypes'].includes('Application'),
  }))
}

/** A registration may hold anything at all here, and a page shows nothing but text. */
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
