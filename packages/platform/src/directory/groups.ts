import { randomUUID } from 'node:crypto'
import type { Insertable, Updateable } from 'kysely'
import { badRequest, notFound } from '../graph/errors.ts'
import { bodyObject, readQuery } from '../graph/query.ts'
import { domainsOf } from '../registration/tenants.ts'
import { inTransaction } from '../store/joined.ts'
import type { Schema } from '../store/schema.ts'
import { nextChange } from './changes.ts'
import { entityTag, requireMatch, type Shown } from './entity-tags.ts'
import { expand, readExpansions } from './expansions.ts'
import { fold } from './folding.ts'
import { GROUP } from './group-properties.ts'
import type { DirectoryStore } from './collection.ts'
import { addGroupOwners, addMembers, boundObjects, type MemberGroup } from './members.ts'
import { columnsOf, objectOf, type Row, selectedNames } from './object-type.ts'
import { refusingTaken } from './taken.ts'

/** A call that creates or changes an object. */
export interface WriteCall extends DirectoryStore {
  readonly body: unknown
  readonly nowMs: number
  /** The `If-Match` header: the change is refused if the object has changed since. */
  readonly ifMatch: string | undefined
}

const BIND = { members: 'members@odata.bind', owners: 'owners@odata.bind' } as const

/**
 * Creates a group and returns it, with the members and owners that the body binds; its id is a new one, unless it is one that
 * was exported.
 *
 * @throws GraphError 400 for anything missing, unknown, unfit or taken, 404 for links to nothing.
 */
export async function createGroup(call: WriteCall, id: string = randomUUID()): Promise<object> {
  const { [BIND.members]: members, [BIND.owners]: owners, ...properties } = bodyObject(call.body)
  const columns = columnsOf(GROUP, properties, 'creation')
  const isUnified = checkKind(columns)
  checkNickname(columns)
  return inTransaction(call.db, async (db) => {
    const store = { db, tenantId: call.tenantId }
    const [newMembers, newOwners] = [
      await boundObjects(store, BIND.members, members),
      await boundObjects(store, BIND.owners, owners),
    ]
    const group = {
      group_types: '[]',
      ...columns,
      ...(isUnified ? await mailColumns(store, String(columns['mail_nickname'])) : {}),
      id,
      tenant_id: call.tenantId,
      created_at_ms: call.nowMs,
      change: await nextChange(store),
    } as Insertable<Schema['directory_group']>
    const row = await refusingTaken('mailNickname', () =>
      db.insertInto('directory_group').values(group).returningAll().executeTakeFirstOrThrow(),
    )
    await addMembers(store, { id: row.id, isUnified }, newMembers)
    await addGroupOwners(store, row.id, newOwners)
    return objectOf(GROUP, row, selectedNames(GROUP, undefined))
  })
}

/**
 * Finds one group by object id, with what `$select` and `$expand` ask for.
 *
 * @throws GraphError 404, 400 for options that are not supported.
 */
export async function getGroup(store: DirectoryStore, id: string, rawQuery: unknown): Promise<Shown> {
  const query = readQuery(rawQuery, ['$select', '$expand'])
  const names = selectedNames(GROUP, query['$select'])
  const expansions = readExpansions(GROUP, query['$expand'])
  const row = await findGroup(store, id)
  const [expanded] = await expand(store, [row], expansions)
  return { body: { ...objectOf(GROUP, row, names), ...expanded }, etag: entityTag(row) }
}

/** Changes the properties that were sent, and adds the members that the body binds. @throws GraphError 400, 404, 412. */
export async function updateGroup(call: WriteCall, id: string): Promise<void> {
  const { [BIND.members]: members, ...properties } = bodyObject(call.body)
  const columns = columnsOf(GROUP, properties) as Updateable<Schema['directory_group']>
  if (Object.keys(columns).length === 0 && members === undefined)
    throw badRequest('Write requests must contain at least one property to change.')
  await inTransaction(call.db, async (db) => {
    const store = { db, tenantId: call.tenantId }
    const row = await findGroup(store, id)
    requireMatch(row, call.ifMatch)
    const isUnified = checkKind({ ...row, ...columns })
    checkNickname(columns)
    if (Object.keys(columns).length > 0) {
      const changed = {
        ...columns,
        ...(isUnified && columns.mail_nickname ? await mailColumns(store, columns.mail_nickname) : {}),
        change: await nextChange(store),
      }
      await refusingTaken('mailNickname', () =>
        db.updateTable('directory_group').set(changed).where('id', '=', String(row['id'])).execute(),
      )
    }
    const bound = await boundObjects(store, BIND.members, members)
    await addMembers(store, { id: String(row['id']), isUnified }, bound)
  })
}

/** Finds the row of a group by object id. @throws GraphError 404. */
export async function findGroup({ db, tenantId }: DirectoryStore, id: string): Promise<Row> {
  const row = await db
    .selectFrom('directory_group')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id.toLowerCase())
    .executeTakeFirst()
  if (!row) throw notFound(id)
  return row
}

/** Finds a group as far as its members need it. @throws GraphError 404. */
export async function findMemberGroup(store: DirectoryStore, id: string): Promise<MemberGroup> {
  const row = await findGroup(store, id)
  return { id: String(row['id']), isUnified: isUnifiedGroup(row) }
}

const typesOf = (row: Row) => JSON.parse((row['group_types'] ?? '[]') as string) as readonly string[]
const isUnifiedGroup = (row: Row) => typesOf(row).includes('Unified')

/**
 * Whether a group is a Microsoft 365 group, which has mail; the other kind is a security group. Distribution groups cannot be
 * made through Graph, and members by rule are not kept here.
 */
function checkKind(row: Row): boolean {
  if (typesOf(row).includes('DynamicMembership'))
    throw badRequest('Groups with dynamic membership are not supported here: members are added one by one.')
  const [hasMail, isSecurity] = [row['mail_enabled'] === 1, row['security_enabled'] === 1]
  const isUnified = isUnifiedGroup(row)
  if (isUnified !== hasMail || (!isUnified && !isSecurity))
    throw badRequest(
      "A group is a Microsoft 365 group (groupTypes 'Unified', mailEnabled true) or a security group (mailEnabled false, securityEnabled true).",
    )
  if (row['visibility'] === 'HiddenMembership' && !isUnified)
    throw badRequest("The visibility 'HiddenMembership' is for Microsoft 365 groups alone.")
  return isUnified
}

function checkNickname({ mail_nickname: nickname }: Row): void {
  if (typeof nickname === 'string' && /[@()\\[\]";:<>, ]/.test(nickname))
    throw badRequest("Invalid value specified for property 'mailNickname' of resource 'Group'.")
}

/** A Microsoft 365 group has an address in the tenant's default domain. */
async function mailColumns({ db, tenantId }: DirectoryStore, nickname: string) {
  const [domain = ''] = await domainsOf(db, tenantId)
  const mail = `${nickname}@${domain}`
  return { mail, mail_key: fold(mail) }
}
