import { badRequest, notFound } from '../graph/errors.ts'
import { bodyObject, linkedId } from '../graph/query.ts'
import { nextChange, touch } from './changes.ts'
import type { LinkKind } from './linked-objects.ts'
import type { DirectoryStore } from './collection.ts'

/** Something that can be linked to. */
export interface Linkable {
  readonly id: string
  readonly kind: Exclude<LinkKind, 'owner'>
}

const COLLECTIONS = ['users', 'groups', 'servicePrincipals', 'directoryObjects']
// Graph's own limits: references in one request, and owners of a group.
const BOUND_MAX = 20
const OWNERS_MAX = 100

/** Finds what an id means: a user, a group or a service principal of this tenant. @throws GraphError 404. */
export async function findLinkable({ db, tenantId }: DirectoryStore, id: string): Promise<Linkable> {
  const folded = id.toLowerCase()
  for (const [table, kind] of [
    ['user', 'user'],
    ['directory_group', 'group'],
    ['service_principal', 'servicePrincipal'],
  ] as const) {
    const row = await db
      .selectFrom(table as 'user')
      .select('id')
      .where('tenant_id', '=', tenantId)
      .where('id', '=', folded)
      .executeTakeFirst()
    if (row) return { id: row.id, kind }
  }
  throw notFound(id)
}

/** The objects that a `members@odata.bind` or `owners@odata.bind` names. @throws GraphError 400, 404. */
export async function boundObjects(
  store: DirectoryStore,
  name: string,
  links: unknown,
): Promise<readonly Linkable[]> {
  if (links === undefined) return []
  if (!Array.isArray(links) || links.length === 0 || links.length > BOUND_MAX)
    throw badRequest(`'${name}' must be a list of 1 to ${BOUND_MAX} links.`)
  const bound = new Map<string, Linkable>()
  for (const link of links as readonly unknown[]) {
    const object = await findLinkable(store, linkedId({ '@odata.id': link }, COLLECTIONS))
    bound.set(object.id, object)
  }
  return [...bound.values()]
}

/** The group as far as its members need it. */
export interface MemberGroup {
  readonly id: string
  readonly isUnified: boolean
}

/** Adds the object that a link names to a group's members. @throws GraphError 400, 404. */
export async function addMember(store: DirectoryStore, group: MemberGroup, body: unknown): Promise<void> {
  await addMembers(store, group, [await findLinkable(store, linkedId(onlyLink(body), COLLECTIONS))])
}

/** Adds members to a group. @throws GraphError 400 for a member already, for the group itself, and for what may be none. */
export async function addMembers(
  store: DirectoryStore,
  group: MemberGroup,
  members: readonly Linkable[],
): Promise<void> {
  if (members.length === 0) return
  for (const { id, kind } of members) {
    if (id === group.id) throw badRequest('A group cannot be a member of itself.')
    if (group.isUnified && kind !== 'user')
      throw badRequest(
        'The members of a Microsoft 365 group are users: a group or service principal cannot be added.',
      )
  }
  const last = await nextChange(store, members.length + 1)
  const rows = members.map(({ id, kind }, index) => ({
    group_id: group.id,
    member_id: id,
    kind,
    tenant_id: store.tenantId,
    change: last - index - 1,
  }))
  const added = await store.db
    .insertInto('group_member')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['group_id', 'member_id']).doNothing())
    .returning('member_id')
    .execute()
  if (added.length < members.length) throw alreadyLinked('members')
  const ids = members.map(({ id }) => id)
  await store.db
    .deleteFrom('group_member_removal')
    .where('group_id', '=', group.id)
    .where('member_id', 'in', ids)
    .execute()
  await touch(store.db, 'group', group.id, last)
}

const alreadyLinked = (name: string) =>
  badRequest(
    `One or more added object references already exist for the following modified properties: '${name}'.`,
  )

/** Takes a member out of a group. @throws GraphError 404. */
export async function removeMember(store: DirectoryStore, groupId: string, memberId: string): Promise<void> {
  const removed = await store.db
    .deleteFrom('group_member')
    .where('group_id', '=', groupId)
    .where('member_id', '=', memberId.toLowerCase())
    .returning(['member_id', 'kind'])
    .executeTakeFirst()
  if (!removed) throw notFound(memberId)
  const last = await nextChange(store, 2)
  const row = { ...removed, group_id: groupId, tenant_id: store.tenantId, change: last - 1 }
  await store.db
    .insertInto('group_member_removal')
    .values(row)
    .onConflict((conflict) => conflict.columns(['group_id', 'member_id']).doUpdateSet({ change: row.change }))
    .execute()
  await touch(store.db, 'group', groupId, last)
}

/** Adds the user or service principal that a link names to a group's owners. @throws GraphError 400, 404. */
export async function addGroupOwner(store: DirectoryStore, groupId: string, body: unknown): Promise<void> {
  await addGroupOwners(store, groupId, [await findLinkable(store, linkedId(onlyLink(body), COLLECTIONS))])
}

/** Adds owners to a group. @throws GraphError 400 for an owner already, for a group, and for the hundred and first. */
export async function addGroupOwners(
  { db, tenantId }: DirectoryStore,
  groupId: string,
  owners: readonly Linkable[],
): Promise<void> {
  if (owners.length === 0) return
  if (owners.some(({ kind }) => kind === 'group'))
    throw badRequest('The owners of a group are users and service principals: a group cannot be one.')
  const added = await db
    .insertInto('owner')
    .values(owners.map(({ id }) => ({ object_id: groupId, owner_id: id, tenant_id: tenantId })))
    .onConflict((conflict) => conflict.columns(['object_id', 'owner_id']).doNothing())
    .returning('owner_id')
    .execute()
  if (added.length < owners.length) throw alreadyLinked('owners')
  const { count } = await db
    .selectFrom('owner')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('object_id', '=', groupId)
    .executeTakeFirstOrThrow()
  if (Number(count) > OWNERS_MAX) throw badRequest(`An object may have at most ${OWNERS_MAX} owners.`)
}

/** Takes an owner away. @throws GraphError 404. */
export async function removeGroupOwner(
  { db }: DirectoryStore,
  groupId: string,
  ownerId: string,
): Promise<void> {
  const removed = await db
    .deleteFrom('owner')
    .where('object_id', '=', groupId)
    .where('owner_id', '=', ownerId.toLowerCase())
    .returning('owner_id')
    .executeTakeFirst()
  if (!removed) throw notFound(ownerId)
}

/** A `$ref` body has a link and nothing else. */
function onlyLink(body: unknown): unknown {
  const [other] = Object.keys(bodyObject(body)).filter((name) => name !== '@odata.id')
  if (other === undefined) return body
  throw badRequest(`Property '${other.slice(0, 100)}' is not expected: a reference has '@odata.id' alone.`)
}
