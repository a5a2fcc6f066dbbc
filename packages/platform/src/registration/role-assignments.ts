import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { ListCall, Page } from '../directory/collection.ts'
import { listLinked } from '../directory/linked-objects.ts'
import { findLinkable } from '../directory/members.ts'
import { badRequest, notFound } from '../graph/errors.ts'
import { bodyObject, linkedId, textOf } from '../graph/query.ts'
import type { RegistrationStore } from './applications.ts'
import { DIRECTORY_ROLES, roleObjectId } from './directory-roles.ts'
import { DIRECTORY_ROLE, ROLE_ASSIGNMENT, ROLE_DEFINITION } from './listed-types.ts'
import { type ListedType, listPage } from './pages.ts'
import { withoutAnnotations } from './stored-properties.ts'

/** A call that gives a role. */
export interface RoleCall extends RegistrationStore {
  readonly nowMs: number
}

interface RoleRow {
  readonly id: string
  readonly template_id: string
  readonly display_name: string
  readonly description: string
}

/** A page of the built-in roles, by whichever ids. */
const listRoles = (
  call: ListCall,
  type: ListedType,
  idOf: (templateId: string) => string,
  show: (row: RoleRow) => object,
): Promise<Page> =>
  listPage<RoleRow>(call, {
    type,
    rows: (condition) => {
      const roles = [...DIRECTORY_ROLES].map(
        ([templateId, { displayName, description }]) =>
          sql`select cast(${idOf(templateId)} as text) as id, cast(${templateId} as text) as template_id,
            cast(${displayName} as text) as display_name, cast(${description} as text) as description`,
      )
      return sql`(select * from (${sql.join(roles, sql` union all `)}) as role where ${condition})`
    },
    show: (rows) => rows.map(show),
  })

/** Lists the roles as the objects of a tenant: every built-in role is active from the start. @throws GraphError 400. */
export const listDirectoryRoles = (call: ListCall): Promise<Page> =>
  listRoles(call, DIRECTORY_ROLE, (templateId) => roleObjectId(call.tenantId, templateId), directoryRole)

const directoryRole = ({ id, template_id, display_name, description }: RoleRow) => ({
  id,
  deletedDateTime: null,
  description,
  displayName: display_name,
  roleTemplateId: template_id,
})

/** Lists the roles as they can be assigned: those of all tenants are the same. @throws GraphError 400. */
export const listRoleDefinitions = (call: ListCall): Promise<Page> =>
  listRoles(call, ROLE_DEFINITION, (templateId) => templateId, roleDefinition)

const roleDefinition = ({ template_id, display_name, description }: RoleRow) => ({
  id: template_id,
  description,
  displayName: display_name,
  isBuiltIn: true,
  isEnabled: true,
  resourceScopes: ['/'],
  templateId: template_id,
  version: '1',
})

const rowOf = (id: string, templateId: string): RoleRow => {
  const role = DIRECTORY_ROLES.get(templateId)
  if (!role) throw notFound(id)
  return { id, template_id: templateId, display_name: role.displayName, description: role.description }
}

/** Shows a role of a tenant, by its own id or that of its template. @throws GraphError 404. */
export function getDirectoryRole({ tenantId }: RegistrationStore, id: string): object {
  const templateId = templateOf(tenantId, id)
  return directoryRole(rowOf(roleObjectId(tenantId, templateId), templateId))
}

/** Shows a role as it can be assigned. @throws GraphError 404. */
export const getRoleDefinition = (id: string): object => roleDefinition(rowOf(id, id.toLowerCase()))

/** How Graph addresses a role by its template, `(roleTemplateId='…')`, after the URL has been rewritten. */
export const BY_TEMPLATE_ID = 'roleTemplateId='

/** The template of a role that is named by its own id in the tenant, by its template, or by `roleTemplateId=…`. @throws GraphError 404. */
function templateOf(tenantId: string, id: string): string {
  const wanted = (id.startsWith(BY_TEMPLATE_ID) ? id.slice(BY_TEMPLATE_ID.length) : id).toLowerCase()
  for (const templateId of DIRECTORY_ROLES.keys())
    if (templateId === wanted || roleObjectId(tenantId, templateId) === wanted) return templateId
  throw notFound(id)
}

/** Lists who holds a role: people and service principals. @throws GraphError 400, 404. */
export const listRoleMembers = async (call: ListCall, id: string): Promise<Page> =>
  listLinked(call, 'roleMembers', roleObjectId(call.tenantId, templateOf(call.tenantId, id)))

/** Gives a role to whom an `@odata.id` names. @throws GraphError 400, 404. */
export async function addRoleMember(call: RoleCall, id: string, body: unknown): Promise<void> {
  const templateId = templateOf(call.tenantId, id)
  const principalId = linkedId(body, ['users', 'servicePrincipals', 'directoryObjects'])
  if (await giveRole(call, { principalId, templateId })) return
  throw badRequest(
    "One or more added object references already exist for the following modified properties: 'members'.",
  )
}

/** Takes a role from a member. @throws GraphError 404. */
export async function removeRoleMember(call: RegistrationStore, id: string, memberId: string): Promise<void> {
  const { numDeletedRows } = await call.db
    .deleteFrom('directory_role_assignment')
    .where('tenant_id', '=', call.tenantId)
    .where('template_id', '=', templateOf(call.tenantId, id))
    .where('principal_id', '=', memberId.toLowerCase())
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw notFound(memberId)
}

interface Given {
  readonly principalId: string
  readonly templateId: string
}

/** Writes that somebody of the tenant holds a role; returns the id of that, or nothing if it was so before. @throws GraphError 400, 404. */
export async function giveRole(
  call: RoleCall,
  { principalId, templateId }: Given,
): Promise<string | undefined> {
  const { id, kind } = await findLinkable(call, principalId)
  if (kind === 'group')
    throw badRequest('A role is given to a user or a service principal: a group cannot hold one.')
  const row = await call.db
    .insertInto('directory_role_assignment')
    .values({
      id: randomUUID(),
      tenant_id: call.tenantId,
      principal_id: id,
      kind,
      role_id: roleObjectId(call.tenantId, templateId),
      template_id: templateId,
      created_at_ms: call.nowMs,
    })
    .onConflict((conflict) => conflict.columns(['principal_id', 'template_id']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return row?.id
}

/** Lists which role is held by whom. @throws GraphError 400. */
export const listRoleAssignments = (call: ListCall): Promise<Page> =>
  listPage<AssignmentRow>(call, {
    type: ROLE_ASSIGNMENT,
    rows: (condition) => selectAssignments(call).where(condition),
    show: (rows) => rows.map(assignmentObject),
  })

/** Shows one of them. @throws GraphError 404. */
export async function getRoleAssignment(store: RegistrationStore, id: string): Promise<object> {
  const row = await selectAssignments(store).where('id', '=', id.toLowerCase()).executeTakeFirst()
  if (!row) throw notFound(id)
  return assignmentObject(row)
}

/** Gives a role in the whole tenant. @throws GraphError 400 for another scope, an unknown role, or one that is held already; 404. */
export async function createRoleAssignment(call: RoleCall, body: unknown): Promise<object> {
  const { principalId, roleDefinitionId, directoryScopeId, ...others } = withoutAnnotations(bodyObject(body))
  const [other] = Object.keys(others)
  if (other !== undefined)
    throw badRequest(`Property '${other.slice(0, 100)}' of a role assignment is not supported.`)
  if (directoryScopeId !== '/')
    throw badRequest("Property 'directoryScopeId' must be '/': a role is given in the whole tenant.")
  const templateId = textOf(roleDefinitionId).toLowerCase()
  if (!DIRECTORY_ROLES.has(templateId))
    throw badRequest(`No role definition has the id '${textOf(roleDefinitionId).slice(0, 100)}'.`)
  const id = await giveRole(call, { principalId: textOf(principalId), templateId })
  if (id === undefined)
    throw badRequest(
      'A conflicting object with one or more of the specified property values is present in the directory.',
    )
  return getRoleAssignment(call, id)
}

/** Takes a role away; tokens that carry it keep it until they expire. @throws GraphError 404. */
export async function deleteRoleAssignment(store: RegistrationStore, id: string): Promise<void> {
  const { numDeletedRows } = await store.db
    .deleteFrom('directory_role_assignment')
    .where('tenant_id', '=', store.tenantId)
    .where('id', '=', id.toLowerCase())
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw notFound(id)
}

const selectAssignments = ({ db, tenantId }: RegistrationStore) =>
  db
    .selectFrom('directory_role_assignment')
    .select(['id', 'principal_id', 'template_id'])
    .where('tenant_id', '=', tenantId)

interface AssignmentRow {
  readonly id: string
  readonly principal_id: string
  readonly template_id: string
}

const assignmentObject = ({ id, principal_id, template_id }: AssignmentRow) => ({
  id,
  principalId: principal_id,
  directoryScopeId: '/',
  roleDefinitionId: template_id,
})
