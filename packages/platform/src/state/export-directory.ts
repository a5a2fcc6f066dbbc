import { GROUP } from '../directory/group-properties.ts'
import { objectOf, type ObjectType, type Row } from '../directory/object-type.ts'
import { USER } from '../directory/properties.ts'
import type { Database } from '../store/database.ts'
import { membersOf, ownersOf } from './names.ts'

/** The properties of an object that can be set, without those that nobody has set. */
function setProperties(type: ObjectType, row: Row): Readonly<Record<string, unknown>> {
  const names = Object.keys(type.properties).filter((name) => !type.properties[name]?.readOnly)
  const isSet = (value: unknown) => value !== null && !(Array.isArray(value) && value.length === 0)
  return Object.fromEntries(Object.entries(objectOf(type, row, names)).filter(([, value]) => isSet(value)))
}

/** People with their managers, and with the scrypt hash of their password where they may sign in to the portal. */
export async function exportPeople(db: Database, tenantId: string): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('user')
    .leftJoin('portal_account', 'portal_account.user_id', 'user.id')
    .leftJoin('user as manager', 'manager.id', 'user.manager_id')
    .selectAll('user')
    .select(['portal_account.is_administrator', 'portal_account.password_hash'])
    .select('manager.user_principal_name as manager')
    .where('user.tenant_id', '=', tenantId)
    .orderBy('user.user_principal_name')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    ...setProperties(USER, row),
    ...(row.manager === null ? {} : { manager: row.manager }),
    ...(row.password_hash === null
      ? {}
      : { administrator: row.is_administrator === 1, passwordHash: row.password_hash }),
  }))
}

/** Groups with their members and owners, by name. */
export async function exportGroups(
  db: Database,
  tenantId: string,
  operator: string,
): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('directory_group')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('id')
    .execute()
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      ...setProperties(GROUP, row),
      members: await membersOf(db, row.id, operator),
      owners: await ownersOf(db, row.id, operator),
    })),
  )
}
