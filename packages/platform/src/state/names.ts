import { type RawBuilder, sql } from 'kysely'
import { fold } from '../directory/folding.ts'
import { GRAPH_APP_ID } from '../registration/graph-application.ts'
import type { Database } from '../store/database.ts'

/** What a name in a state file means. */
export interface Named {
  readonly id: string
  readonly kind: 'user' | 'group' | 'servicePrincipal'
}

/**
 * Finds what a name means in a tenant: a person by user principal name, a service principal by its application's id, a group by its
 * own. Graph's service principal is looked for like any other.
 */
export async function findNamed(db: Database, tenantId: string, name: string): Promise<Named | undefined> {
  if (name.includes('@')) {
    const user = await db
      .selectFrom('user')
      .select('id')
      .where('tenant_id', '=', tenantId)
      .where('user_principal_name_key', '=', fold(name))
      .executeTakeFirst()
    return user && { id: user.id, kind: 'user' }
  }
  const id = await findPrincipalId(db, tenantId, name)
  if (id !== undefined) return { id, kind: 'servicePrincipal' }
  const group = await db
    .selectFrom('directory_group')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', name.toLowerCase())
    .executeTakeFirst()
  return group && { id: group.id, kind: 'group' }
}

/** The id of an application's service principal in a tenant. */
export async function findPrincipalId(
  db: Database,
  tenantId: string,
  appId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('service_principal')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('app_id', '=', appId.toLowerCase())
    .executeTakeFirst()
  return row?.id
}

/** Whether a name is that of Graph, whose service principal is made where it is named. */
export const isGraph = (name: string): boolean => name.toLowerCase() === GRAPH_APP_ID

type Ids = RawBuilder<string>

/** The names of those whom `ids` selects, without the operator, whom every data folder has of its own; sorted. */
async function namesOf(db: Database, ids: Ids, operator: string): Promise<readonly string[]> {
  const users = await db.selectFrom('user').select('user_principal_name').where('id', 'in', ids).execute()
  const principals = await db
    .selectFrom('service_principal')
    .select('app_id')
    .where('id', 'in', ids)
    .execute()
  const groups = await db.selectFrom('directory_group').select('id').where('id', 'in', ids).execute()
  return [
    ...users.map((row) => row.user_principal_name),
    ...principals.map((row) => row.app_id).filter((appId) => appId !== operator),
    ...groups.map(({ id }) => id),
  ].sort()
}

/** The names of an object's owners, sorted. */
export const ownersOf = (db: Database, objectId: string, operator: string) =>
  namesOf(db, sql`(select owner_id from owner where object_id = ${objectId})`, operator)

/** The names of a group's members, sorted. */
export const membersOf = (db: Database, groupId: string, operator: string) =>
  namesOf(db, sql`(select member_id from group_member where group_id = ${groupId})`, operator)
