import type { Principal } from '@tomte/guard'
import type { ListCall, Page } from '../directory/collection.ts'
import { recordRemoval, recordReturn } from '../directory/changes.ts'
import { requireMatch } from '../directory/entity-tags.ts'
import { GROUP } from '../directory/group-properties.ts'
import { findGroup } from '../directory/groups.ts'
import { recordMembersLeft, refuseTakenMail } from '../directory/removed-members.ts'
import { objectOf, selectedNames } from '../directory/object-type.ts'
import { findUser } from '../directory/users.ts'
import { selectedProperties, USER, userObject } from '../directory/properties.ts'
import { badRequest, GraphError, notFound } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import { applicationObject, findApplication } from './applications.ts'
import {
  type DeletedRows,
  removeRows,
  rowsOfApplication,
  rowsOfGroup,
  rowsOfPrincipals,
  rowsOfUser,
  writeRows,
} from './deleted-rows.ts'
import { GRAPH_TENANT_ID } from './graph-application.ts'
import { refuseTakenUris } from './identifier-uris.ts'
import { APPLICATION, SERVICE_PRINCIPAL } from './listed-types.ts'
import { readOperatorApplication } from './operator-application.ts'
import { requireOwned } from './owned.ts'
import { type ListedType, listPage } from './pages.ts'
import { findServicePrincipal } from './service-principals.ts'

/** What is deleted softly: it can be restored for 30 days (wire.md §13.2). */
export type DeletedKind = 'application' | 'servicePrincipal' | 'user' | 'group'

/** A call that deletes or restores. */
export interface DeletionCall {
  readonly db: Database
  readonly tenantId: string
  readonly principal: Principal
  readonly nowMs: number
  /** The `If-Match` header of who deletes a user or a group. */
  readonly ifMatch?: string | undefined
}

const KEPT_MS = 30 * 24 * 60 * 60 * 1000

interface Contents {
  readonly rows: DeletedRows
  /** Whose manager the deleted user was. */
  readonly reports?: readonly string[]
}

/**
 * Deletes an application and its service principals in every tenant: from now on it gets no tokens anywhere.
 *
 * @throws GraphError 404, 403, 400 for the operator application.
 */
export async function deleteApplication(call: DeletionCall, id: string): Promise<void> {
  await call.db.transaction().execute(async (db) => {
    const row = await findApplication({ ...call, db }, id)
    await requireOwned({ ...call, db }, { objectId: row.id, appId: row.app_id })
    await refuseOperator(db, row.app_id)
    const object = await applicationObject(db, row)
    await keep({ ...call, db }, 'application', row.id, object, { rows: await rowsOfApplication(db, row.id) })
  })
}

/**
 * Deletes a service principal: its application gets no tokens in this tenant from now on.
 *
 * @throws GraphError 404, 403, 400 for the operator's, Graph's, and managed identities.
 */
export async function deleteServicePrincipal(call: DeletionCall, id: string): Promise<void> {
  await call.db.transaction().execute(async (db) => {
    const principal = await findServicePrincipal({ ...call, db }, id)
    await requireOwned({ ...call, db }, { objectId: principal.id, appId: principal.appId })
    await refuseOperator(db, principal.appId)
    if (principal.homeTenantId === GRAPH_TENANT_ID)
      throw badRequest(
        `The service principal '${principal.displayName}' belongs to the platform and cannot be deleted.`,
      )
    const contents = { rows: await rowsOfPrincipals(db, [principal.id]) }
    await keep({ ...call, db }, 'servicePrincipal', principal.id, principal.object, contents)
  })
}

/** Deletes a user, whose account of the portal ends at once and is not restored. @throws GraphError 404. */
export async function deleteUser(call: DeletionCall, id: string): Promise<void> {
  await call.db.transaction().execute(async (db) => {
    const row = await findUser({ ...call, db }, id)
    requireMatch(row, call.ifMatch)
    const userId = String(row['id'])
    const reports = await db
      .updateTable('user')
      .set({ manager_id: null })
      .where('tenant_id', '=', call.tenantId)
      .where('manager_id', '=', userId)
      .returning('id')
      .execute()
    const contents = { rows: await rowsOfUser(db, userId), reports: reports.map((one) => one.id) }
    await recordMembersLeft({ ...call, db }, userId)
    await keep({ ...call, db }, 'user', userId, userObject(row, selectedProperties(undefined)), contents)
    await recordRemoval({ ...call, db }, { kind: 'user', id: userId, reason: 'changed', nowMs: call.nowMs })
  })
}

/** Deletes a group; its members and owners come back with it if it is restored. @throws GraphError 404, 412. */
export async function deleteGroup(call: DeletionCall, id: string): Promise<void> {
  await call.db.transaction().execute(async (db) => {
    const row = await findGroup({ ...call, db }, id)
    requireMatch(row, call.ifMatch)
    const groupId = String(row['id'])
    const contents = { rows: await rowsOfGroup(db, groupId) }
    await recordMembersLeft({ ...call, db }, groupId)
    await keep(
      { ...call, db },
      'group',
      groupId,
      objectOf(GROUP, row, selectedNames(GROUP, undefined)),
      contents,
    )
    await recordRemoval({ ...call, db }, { kind: 'group', id: groupId, reason: 'changed', nowMs: call.nowMs })
  })
}

async function refuseOperator(db: Database, appId: string): Promise<void> {
  const operator = await readOperatorApplication(db)
  if (operator.appId === appId)
    throw badRequest('The operator application cannot be deleted: nothing else can administer this platform.')
}

/** Moves an object out of the directory, within the caller's transaction, and forgets what was deleted long ago. */
async function keep(
  { db, tenantId, nowMs }: DeletionCall,
  kind: DeletedKind,
  id: string,
  object: object,
  contents: Contents,
): Promise<void> {
  await removeRows(db, contents.rows)
  await db
    .deleteFrom('deleted_object')
    .where('deleted_at_ms', '<=', nowMs - KEPT_MS)
    .execute()
  await db
    .insertInto('deleted_object')
    .values({
      id,
      tenant_id: tenantId,
      kind,
      object: JSON.stringify(object),
      contents: JSON.stringify({ ...contents, rows: withTokensEnded(contents.rows, nowMs) }),
      deleted_at_ms: nowMs,
    })
    .execute()
}

/** What is restored later gets back its place, but not the tokens of before. */
const withTokensEnded = (rows: DeletedRows, nowMs: number): DeletedRows => ({
  ...rows,
  service_principal: (rows.service_principal ?? []).map((row) => ({ ...row, tokens_ended_at_ms: nowMs })),
})

const selectDeleted = ({ db, tenantId, nowMs }: DeletionCall) =>
  db
    .selectFrom('deleted_object')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('deleted_at_ms', '>', nowMs - KEPT_MS)

interface Deleted {
  readonly kind: DeletedKind
  readonly object: string
  readonly deleted_at_ms: number
}

const deletedObject = ({ object, deleted_at_ms }: Deleted) => ({
  ...(JSON.parse(object) as object),
  deletedDateTime: new Date(deleted_at_ms).toISOString(),
})

/** What lists of deleted objects can be asked: no conditions, as they are kept as they were shown. */
const LISTED: Readonly<Record<DeletedKind, ListedType>> = {
  application: { ...APPLICATION, properties: {} },
  servicePrincipal: { ...SERVICE_PRINCIPAL, properties: {} },
  user: { name: USER.name, typeName: USER.typeName, properties: {}, names: Object.keys(USER.properties) },
  group: { name: GROUP.name, typeName: GROUP.typeName, properties: {}, names: Object.keys(GROUP.properties) },
}

/** Lists a page of what can be restored of one kind. @throws GraphError 400. */
export function listDeleted(call: DeletionCall & ListCall, kind: DeletedKind): Promise<Page> {
  const type = LISTED[kind]
  return listPage<Deleted & { readonly id: string }>(call, {
    type: { ...type, names: [...type.names, 'deletedDateTime'] },
    rows: (condition) => selectDeleted(call).where('kind', '=', kind).where(condition),
    show: (rows) => rows.map(deletedObject),
  })
}

/** Who may read, and who may restore or delete for good, what was deleted of each kind. */
const ROLES: Readonly<
  Record<DeletedKind, { readonly read: readonly string[]; readonly write: readonly string[] }>
> = {
  application: {
    read: [
      'Application.Read.All',
      'Application.ReadWrite.All',
      'Directory.Read.All',
      'Directory.ReadWrite.All',
    ],
    write: ['Application.ReadWrite.All'],
  },
  servicePrincipal: {
    read: [
      'Application.Read.All',
      'Application.ReadWrite.All',
      'Directory.Read.All',
      'Directory.ReadWrite.All',
    ],
    write: ['Application.ReadWrite.All'],
  },
  group: {
    read: ['Group.Read.All', 'Group.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
    write: ['Group.ReadWrite.All'],
  },
  user: {
    read: ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
    write: ['User.ReadWrite.All'],
  },
}

async function findDeleted(call: DeletionCall, id: string, access: 'read' | 'write') {
  const row = await selectDeleted(call).where('id', '=', id.toLowerCase()).executeTakeFirst()
  if (!row) throw notFound(id)
  if (ROLES[row.kind][access].some((role) => call.principal.roles.includes(role))) return row
  throw new GraphError(
    403,
    'Authorization_RequestDenied',
    'Insufficient privileges to complete the operation.',
  )
}

const typed = (kind: DeletedKind, object: object) => ({
  '@odata.type': `#microsoft.graph.${kind}`,
  ...object,
})

/** Finds one deleted object. @throws GraphError 404, 403. */
export async function getDeleted(call: DeletionCall, id: string): Promise<object> {
  const row = await findDeleted(call, id, 'read')
  return typed(row.kind, deletedObject(row))
}

/**
 * Puts a deleted object back with everything that belonged to it, under its old ids. An application comes back with its service
 * principals and their grants.
 *
 * @throws GraphError 404, 403, 400 if its place is taken or its application is gone.
 */
export async function restoreDeleted(call: DeletionCall, id: string): Promise<object> {
  return call.db.transaction().execute(async (db) => {
    const row = await findDeleted({ ...call, db }, id, 'write')
    const { rows, reports = [] } = JSON.parse(row.contents) as Contents
    await refuseTakenPlace(db, rows)
    await writeRows(db, rows)
    if (row.kind === 'application') await refuseTakenUris(db, row.id)
    if (reports.length > 0)
      await db
        .updateTable('user')
        .set({ manager_id: row.id })
        .where('id', 'in', reports)
        .where('manager_id', 'is', null)
        .execute()
    await db.deleteFrom('deleted_object').where('id', '=', row.id).execute()
    if (row.kind === 'user' || row.kind === 'group') await recordReturn({ ...call, db }, row.kind, row.id)
    return typed(row.kind, JSON.parse(row.object) as object)
  })
}

/** A name that somebody else has taken meanwhile, or an application that is no more. */
async function refuseTakenPlace(db: Database, rows: DeletedRows): Promise<void> {
  for (const user of rows.user ?? []) {
    const taken = await db
      .selectFrom('user')
      .select('id')
      .where('tenant_id', '=', user.tenant_id)
      .where('user_principal_name_key', '=', user.user_principal_name_key)
      .executeTakeFirst()
    if (taken)
      throw badRequest('Another object with the same value for property userPrincipalName already exists.')
  }
  for (const group of rows.directory_group ?? []) await refuseTakenMail(db, group)
  if ((rows.application ?? []).length > 0) return
  for (const principal of rows.service_principal ?? []) {
    const application = await db
      .selectFrom('application')
      .leftJoin('service_principal', (join) =>
        join
          .onRef('service_principal.app_id', '=', 'application.app_id')
          .on('service_principal.tenant_id', '=', principal.tenant_id),
      )
      .select('service_principal.id as taken')
      .where('application.app_id', '=', principal.app_id)
      .executeTakeFirst()
    if (!application)
      throw badRequest('The application of this service principal does not exist: restore it first.')
    if (application.taken !== null)
      throw badRequest('The service principal of this application already exists.')
  }
}

/** Deletes for good. @throws GraphError 404, 403. */
export async function purgeDeleted(call: DeletionCall, id: string): Promise<void> {
  await call.db.transaction().execute(async (db) => {
    const { id: deletedId, kind } = await findDeleted({ ...call, db }, id, 'write')
    await db.deleteFrom('deleted_object').where('id', '=', deletedId).execute()
    if (kind === 'user' || kind === 'group')
      await recordRemoval({ ...call, db }, { kind, id: deletedId, reason: 'deleted', nowMs: call.nowMs })
  })
}
