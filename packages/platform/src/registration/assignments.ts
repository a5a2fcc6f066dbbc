import { randomUUID } from 'node:crypto'
import type { ListCall, Page } from '../directory/collection.ts'
import { badRequest, notFound } from '../graph/errors.ts'
import { bodyObject, textOf } from '../graph/query.ts'
import type { RegistrationStore } from './applications.ts'
import { APP_ROLE_ASSIGNMENT } from './listed-types.ts'
import { listPage } from './pages.ts'
import { findServicePrincipal } from './service-principals.ts'

export interface Grant {
  readonly principalId: string
  readonly resourceId: string
  readonly appRoleId: string
}

/** Lists the roles a service principal holds (`principal_id`), or those it has given to others (`resource_id`). @throws GraphError 400, 404. */
export async function listAssignments(
  call: ListCall,
  id: string,
  side: 'principal_id' | 'resource_id',
): Promise<Page> {
  const { id: principalId } = await findServicePrincipal(call, id)
  return listPage<AssignmentRow>(call, {
    type: APP_ROLE_ASSIGNMENT,
    rows: (condition) => selectAssignments(call).where(side, '=', principalId).where(condition),
    show: (rows) => rows.map(assignmentObject),
  })
}

/**
 * Grants a role: this is what administrator consent comes to (wire.md §§9, 13.3). `id` must be one of the two sides.
 *
 * @throws GraphError 400, 404.
 */
export async function createAssignment(
  store: RegistrationStore,
  id: string,
  body: unknown,
  nowMs: number,
): Promise<object> {
  const { principalId, resourceId, appRoleId } = bodyObject(body)
  const side = await findServicePrincipal(store, id)
  const principal = await findServicePrincipal(store, textOf(principalId))
  const resource = await findServicePrincipal(store, textOf(resourceId))
  if (side.id !== principal.id && side.id !== resource.id)
    throw badRequest('principalId or resourceId must be the object that was addressed.')
  const role = resource.appRoles.find((one) => one.id === textOf(appRoleId).toLowerCase())
  if (!role?.isEnabled || !role.allowedMemberTypes.includes('Application')) {
    throw badRequest(
      'Permission being assigned was not found on application or cannot be assigned to an application.',
    )
  }
  const grantId = await grant(
    store,
    { principalId: principal.id, resourceId: resource.id, appRoleId: role.id },
    nowMs,
  )
  if (grantId === undefined) throw badRequest('Permission being assigned already exists on the object')
  return assignmentObject(
    await selectAssignments(store).where('app_role_assignment.id', '=', grantId).executeTakeFirstOrThrow(),
  )
}

/** Writes one grant and returns its id, or `undefined` if it was there before. */
export async function grant(
  { db, tenantId }: RegistrationStore,
  { principalId, resourceId, appRoleId }: Grant,
  nowMs: number,
): Promise<string | undefined> {
  const row = await db
    .insertInto('app_role_assignment')
    .values({
      id: randomUUID(),
      tenant_id: tenantId,
      principal_id: principalId,
      resource_id: resourceId,
      app_role_id: appRoleId,
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['principal_id', 'resource_id', 'app_role_id']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return row?.id
}

/** Takes a role back; tokens that carry it keep it until they expire (wire.md §13.3). @throws GraphError 404. */
export async function deleteAssignment(
  store: RegistrationStore,
  id: string,
  assignmentId: string,
  side: 'principal_id' | 'resource_id' = 'principal_id',
): Promise<void> {
  const { id: principalId } = await findServicePrincipal(store, id)
  const { numDeletedRows } = await store.db
    .deleteFrom('app_role_assignment')
    .where('id', '=', assignmentId)
    .where(side, '=', principalId)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw notFound(assignmentId)
}

function selectAssignments({ db, tenantId }: RegistrationStore) {
  return db
    .selectFrom('app_role_assignment')
    .innerJoin('service_principal as principal', 'principal.id', 'app_role_assignment.principal_id')
    .innerJoin('application as principal_app', 'principal_app.app_id', 'principal.app_id')
    .innerJoin('service_principal as resource', 'resource.id', 'app_role_assignment.resource_id')
    .innerJoin('application as resource_app', 'resource_app.app_id', 'resource.app_id')
    .select([
      'app_role_assignment.id',
      'app_role_assignment.app_role_id',
      'app_role_assignment.created_at_ms',
      'app_role_assignment.principal_id',
      'app_role_assignment.resource_id',
      'principal_app.display_name as principal_name',
      'resource_app.display_name as resource_name',
    ])
    .where('app_role_assignment.tenant_id', '=', tenantId)
}

type AssignmentRow = Awaited<ReturnType<ReturnType<typeof selectAssignments>['executeTakeFirstOrThrow']>>

function assignmentObject(row: AssignmentRow): object {
  return {
    id: row.id,
    deletedDateTime: null,
    appRoleId: row.app_role_id,
    createdDateTime: new Date(row.created_at_ms).toISOString(),
    principalDisplayName: row.principal_name,
    principalId: row.principal_id,
    principalType: 'ServicePrincipal',
    resourceDisplayName: row.resource_name,
    resourceId: row.resource_id,
  }
}
