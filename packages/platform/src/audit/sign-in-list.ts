import type { Selectable } from 'kysely'
import { notFound } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import { REFUSALS } from '../token/refusals.ts'
import type { Filterable } from './log-filter.ts'
import { type LogPage, nextLogLink, readLogQuery } from './log-page.ts'

type Column =
  | 'at_ms'
  | 'app_id'
  | 'service_principal_id'
  | 'correlation_id'
  | 'id'
  | 'ip_address'
  | 'error_code'
  | 'event'
  | 'resource_app_id'
  | 'conditional_access'

/** Where the sign-ins of one tenant are read. */
export interface LogStore {
  readonly db: Database
  readonly tenantId: string
}

// A map, because an object would also answer to 'toString'.
const FILTERABLE: ReadonlyMap<string, Filterable<Column>> = new Map([
  ['createdDateTime', { column: 'at_ms', type: 'time' }],
  ['appId', { column: 'app_id', type: 'text' }],
  ['servicePrincipalId', { column: 'service_principal_id', type: 'text' }],
  ['resourceId', { column: 'resource_app_id', type: 'text' }],
  ['correlationId', { column: 'correlation_id', type: 'text' }],
  ['id', { column: 'id', type: 'text' }],
  ['ipAddress', { column: 'ip_address', type: 'text' }],
  ['conditionalAccessStatus', { column: 'conditional_access', type: 'text' }],
  ['status/errorCode', { column: 'error_code', type: 'number' }],
  ['signInEventTypes/any', { column: 'event', type: 'text' }],
])

/**
 * Lists the sign-ins of a tenant's applications and managed identities, the newest first (Graph, `signIn`). `$filter` takes
 * `createdDateTime`, `status/errorCode`, `signInEventTypes/any(…)` and, with `eq`, ids and addresses.
 *
 * @throws GraphError 400.
 */
export async function listSignIns(
  { db, tenantId }: LogStore,
  rawQuery: unknown,
  url: string,
): Promise<LogPage> {
  const { size, after, comparisons, query } = readLogQuery(rawQuery, FILTERABLE, 'createdDateTime')
  let select = selectSignIns(db).where('sign_in.tenant_id', '=', tenantId)
  for (const { column, operator, value } of comparisons)
    select = select.where(`sign_in.${column}`, operator, value as never)
  if (after)
    select = select
      .where('sign_in.at_ms', '<=', after.atMs)
      .where((is) => is.or([is('sign_in.at_ms', '<', after.atMs), is('sign_in.id', '<', after.id)]))
  const rows = await select.limit(size + 1).execute()
  const page = rows.slice(0, size)
  const last = rows.length > size ? page.at(-1) : undefined
  return {
    value: page.map(signInObject),
    next: last && nextLogLink(url, query, { atMs: last.at_ms, id: last.id }),
  }
}

/** Finds one sign-in of the tenant by its trace id. @throws GraphError 404. */
export async function getSignIn({ db, tenantId }: LogStore, id: string): Promise<object> {
  const row = await selectSignIns(db)
    .where('sign_in.tenant_id', '=', tenantId)
    .where('sign_in.id', '=', id.toLowerCase())
    .executeTakeFirst()
  if (!row) throw notFound(id)
  return signInObject(row)
}

/** Selects sign-ins with the names that their ids have now. */
export function selectSignIns(db: Database) {
  return db
    .selectFrom('sign_in')
    .leftJoin('application as client', 'client.app_id', 'sign_in.app_id')
    .leftJoin('application as resource', 'resource.app_id', 'sign_in.resource_app_id')
    .selectAll('sign_in')
    .select([
      'client.display_name as client_name',
      'client.tenant_id as client_tenant_id',
      'resource.display_name as resource_name',
      'resource.tenant_id as resource_tenant_id',
    ])
    .orderBy('sign_in.at_ms', 'desc')
    .orderBy('sign_in.id', 'desc')
}

/** A sign-in with its names. */
export type SignInRow = Selectable<Schema['sign_in']> & {
  readonly client_name: string | null
  readonly client_tenant_id: string | null
  readonly resource_name: string | null
  readonly resource_tenant_id: string | null
}

/** Why a request was refused, in words that hold nothing of what the client sent. */
export function failureReason(errorCode: number): string {
  if (errorCode === 0) return 'Other.'
  const known = (REFUSALS as Readonly<Record<number, { readonly text: string }>>)[errorCode]
  return known
    ? known.text.replaceAll(/'?\{\w+\}'?\.?/g, '…')
    : 'A transient error has occurred. Please try again.'
}

const appliedPolicies = (applied: string | null): readonly object[] =>
  (JSON.parse(applied ?? '[]') as object[]).map((policy) => ({ ...policy, enforcedGrantControls: ['Block'] }))

const signInObject = (row: SignInRow) => ({
  id: row.id,
  createdDateTime: new Date(row.at_ms).toISOString(),
  appId: row.app_id,
  appDisplayName: row.client_name,
  servicePrincipalId: row.service_principal_id,
  servicePrincipalName: row.service_principal_id === null ? null : row.client_name,
  ipAddress: row.ip_address,
  correlationId: row.correlation_id,
  conditionalAccessStatus: row.conditional_access,
  appliedConditionalAccessPolicies: appliedPolicies(row.applied_policies),
  isInteractive: false,
  signInEventTypes: [row.event],
  resourceId: row.resource_app_id,
  resourceDisplayName: row.resource_name,
  resourceTenantId: row.resource_tenant_id,
  homeTenantId: row.client_tenant_id,
  clientCredentialType: row.credential_kind,
  servicePrincipalCredentialKeyId: row.credential_key_id,
  status: {
    errorCode: row.error_code,
    failureReason: failureReason(row.error_code),
    additionalDetails: null,
  },
})
