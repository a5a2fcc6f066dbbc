import { randomUUID } from 'node:crypto'
import type { Insertable, Selectable } from 'kysely'
import { notFound } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import { insertRows } from '../store/insert-rows.ts'
import type { Schema } from '../store/schema.ts'
import type { Activity } from './activities.ts'
import type { ModifiedProperty } from './changes.ts'
import type { Filterable } from './log-filter.ts'
import { type LogPage, nextLogLink, readLogQuery } from './log-page.ts'
import type { LogStore } from './sign-in-list.ts'

/** Who made a change: an application with a token, or the person at the portal or the terminal. */
export type Initiator =
  | {
      readonly kind: 'application'
      readonly appId: string
      readonly servicePrincipalId: string
      readonly displayName: string | null
    }
  | {
      readonly kind: 'administrator'
      /** The user's id; `null` for the platform's own administrator, who is no user. */
      readonly userId: string | null
      readonly displayName: string
      readonly ipAddress: string | null
    }

/** One administrative change. */
export interface DirectoryChange {
  readonly tenantId: string
  readonly atMs: number
  readonly activity: Pick<Activity, 'activity' | 'category' | 'operation' | 'target'>
  readonly correlationId: string
  readonly by: Initiator
  readonly targetId: string | undefined
  readonly targetName: string | undefined
  readonly modified: readonly ModifiedProperty[]
}

/** Writes the audit rows of changes; call it in their transaction, so that there is none without the other. */
export const writeAudits = (db: Database, changes: readonly DirectoryChange[]): Promise<void> =>
  insertRows(db, 'directory_audit', changes.map(rowOf))

function rowOf(change: DirectoryChange): Insertable<Schema['directory_audit']> {
  const { activity, by, targetId, targetName } = change
  const user = activity.target === 'User'
  return {
    id: randomUUID(),
    tenant_id: change.tenantId,
    at_ms: change.atMs,
    activity: activity.activity,
    category: activity.category,
    operation: activity.operation,
    correlation_id: change.correlationId,
    initiated_by: JSON.stringify(initiatedBy(by)),
    target_id: targetId ?? null,
    target: JSON.stringify({
      id: targetId ?? null,
      displayName: user ? null : (targetName ?? null),
      type: activity.target,
      userPrincipalName: user ? (targetName ?? null) : null,
      modifiedProperties: change.modified,
    }),
  }
}

const initiatedBy = (by: Initiator) =>
  by.kind === 'application'
    ? {
        user: null,
        app: {
          appId: by.appId,
          displayName: by.displayName,
          servicePrincipalId: by.servicePrincipalId,
          servicePrincipalName: null,
        },
      }
    : {
        app: null,
        user: {
          id: by.userId,
          displayName: by.displayName,
          userPrincipalName: by.userId === null ? null : by.displayName,
          ipAddress: by.ipAddress,
        },
      }

type Column = 'at_ms' | 'id' | 'activity' | 'category' | 'operation' | 'correlation_id' | 'target_id'

// A map, because an object would also answer to 'toString'.
const FILTERABLE: ReadonlyMap<string, Filterable<Column>> = new Map([
  ['activityDateTime', { column: 'at_ms', type: 'time' }],
  ['id', { column: 'id', type: 'text' }],
  ['activityDisplayName', { column: 'activity', type: 'text' }],
  ['category', { column: 'category', type: 'text' }],
  ['operationType', { column: 'operation', type: 'text' }],
  ['correlationId', { column: 'correlation_id', type: 'text' }],
  ['targetResources/id', { column: 'target_id', type: 'text' }],
])

/**
 * Lists the administrative changes of a tenant, the newest first (Graph, `directoryAudit`). `$filter` takes
 * `activityDateTime` and, with `eq`, the activity's names, the correlation id and `targetResources/id`.
 *
 * @throws GraphError 400.
 */
export async function listDirectoryAudits(
  { db, tenantId }: LogStore,
  rawQuery: unknown,
  url: string,
): Promise<LogPage> {
  const { size, after, comparisons, query } = readLogQuery(rawQuery, FILTERABLE, 'activityDateTime')
  let select = selectAudits(db).where('tenant_id', '=', tenantId)
  for (const { column, operator, value } of comparisons)
    select = select.where(column, operator, value as never)
  if (after)
    select = select
      .where('at_ms', '<=', after.atMs)
      .where((is) => is.or([is('at_ms', '<', after.atMs), is('id', '<', after.id)]))
  const rows = await select.limit(size + 1).execute()
  const page = rows.slice(0, size)
  const last = rows.length > size ? page.at(-1) : undefined
  return {
    value: page.map(auditObject),
    next: last && nextLogLink(url, query, { atMs: last.at_ms, id: last.id }),
  }
}

/** Finds one change of the tenant by its id. @throws GraphError 404. */
export async function getDirectoryAudit({ db, tenantId }: LogStore, id: string): Promise<object> {
  const row = await selectAudits(db)
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id.toLowerCase())
    .executeTakeFirst()
  if (!row) throw notFound(id)
  return auditObject(row)
}

/** Selects changes, the newest first. */
export const selectAudits = (db: Database) =>
  db.selectFrom('directory_audit').selectAll().orderBy('at_ms', 'desc').orderBy('id', 'desc')

const auditObject = (row: Selectable<Schema['directory_audit']>) => ({
  id: row.id,
  activityDateTime: new Date(row.at_ms).toISOString(),
  activityDisplayName: row.activity,
  category: row.category,
  operationType: row.operation,
  correlationId: row.correlation_id,
  loggedByService: 'Core Directory',
  result: 'success',
  resultReason: '',
  initiatedBy: JSON.parse(row.initiated_by) as unknown,
  targetResources: [JSON.parse(row.target) as unknown],
  additionalDetails: [],
})
