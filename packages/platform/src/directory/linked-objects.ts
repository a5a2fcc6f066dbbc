import { type RawBuilder, sql } from 'kysely'
import { badRequest } from '../graph/errors.ts'
import { nextLink, pageSize, pageStart, readQuery } from '../graph/query.ts'
import { type DirectoryStore, isAdvanced, type ListCall, type Page } from './collection.ts'
import { GROUP } from './group-properties.ts'
import { selectedOfAny } from './mixed-types.ts'
import { type ObjectType, typedObject } from './object-type.ts'
import { USER } from './properties.ts'

/** What may be linked to: a user, a group, a service principal; an owner is a user or a service principal. */
export type LinkKind = 'user' | 'group' | 'servicePrincipal' | 'owner'

type Links = RawBuilder<{ readonly id: string; readonly kind: LinkKind }>

/** The links of each relationship from an object, as SQL with the columns `id` and `kind`, each object once. */
const LINKS = {
  members: (id: string): Links => sql`select member_id as id, kind from group_member where group_id = ${id}`,
  // A cycle of groups ends, as each member is visited once.
  transitiveMembers: (id: string): Links => sql`
    with recursive inner_member(id, kind) as (
      select member_id, kind from group_member where group_id = ${id}
      union
      select m.member_id, m.kind from group_member m join inner_member i on m.group_id = i.id and i.kind = 'group'
    ) select id, kind from inner_member`,
  memberOf: (id: string): Links =>
    sql`select group_id as id, 'group' as kind from group_member where member_id = ${id}`,
  transitiveMemberOf: (id: string): Links => sql`
    with recursive outer_group(id) as (
      select group_id from group_member where member_id = ${id}
      union
      select m.group_id from group_member m join outer_group o on m.member_id = o.id
    ) select id, 'group' as kind from outer_group`,
  owners: (id: string): Links =>
    sql`select owner_id as id, 'owner' as kind from owner where object_id = ${id}`,
  ownedObjects: (id: string): Links =>
    sql`select g.id as id, 'group' as kind from owner o join directory_group g on g.id = o.object_id where o.owner_id = ${id}`,
  roleMembers: (id: string): Links =>
    sql`select principal_id as id, kind from directory_role_assignment where role_id = ${id}`,
  directReports: (id: string): Links => sql`select id, 'user' as kind from "user" where manager_id = ${id}`,
} as const

/** How objects of the directory hang together. */
export type Relationship = keyof typeof LINKS

/** The ids that a relationship leads to, for a condition over one type's table. */
export const linkedIds = (relationship: Relationship, id: string) =>
  sql<boolean>`id in (select linked.id from (${LINKS[relationship](id)}) as linked)`

/**
 * Lists a page of what an object is linked with, of whatever types, in the order of ids. `id` must be of the store's tenant.
 *
 * @throws GraphError 400 for options that Graph does not support on a collection of several types.
 */
export async function listLinked(call: ListCall, relationship: Relationship, id: string): Promise<Page> {
  const query = readQuery(call.query, ['$select', '$count', '$top', '$skiptoken'])
  const named = selectedOfAny(query['$select'])
  const counted = isAdvanced(query, call.eventual)
  const size = pageSize(query['$top'])
  const { $skiptoken: token } = query
  const after = token === undefined ? '' : pageStart(token).key
  if (typeof after !== 'string') throw badRequest('Skip token is invalid.')
  const links = await linksAfter(call, relationship, id, { after, limit: size + 1 })
  const page = links.slice(0, size)
  const last = page.at(-1)
  return {
    value: await objectsOf(call, page, named),
    next: links.length > size && last ? nextLink(call.url, query, { seq: 0, key: last.id }) : undefined,
    count: counted && token === undefined ? await countLinks(call, relationship, id) : undefined,
  }
}

/** Counts what an object is linked with. @throws GraphError 400 without the header `ConsistencyLevel: eventual`. */
export async function countLinked(call: ListCall, relationship: Relationship, id: string): Promise<number> {
  readQuery(call.query, [])
  if (!call.eventual) throw badRequest('$count is not currently supported.')
  return countLinks(call, relationship, id)
}

/** The first objects of a relationship. */
export async function linkedObjects(
  store: DirectoryStore,
  relationship: Relationship,
  id: string,
  limit: number,
  named: (type: ObjectType) => readonly string[],
): Promise<readonly object[]> {
  return objectsOf(store, await linksAfter(store, relationship, id, { after: '', limit }), named)
}

async function linksAfter(
  { db }: DirectoryStore,
  relationship: Relationship,
  id: string,
  { after, limit }: { readonly after: string; readonly limit: number },
) {
  const links = sql<{ readonly id: string; readonly kind: LinkKind }>`
    select id, kind from (${LINKS[relationship](id)}) as linked where id > ${after} order by id limit ${limit}`
  return (await links.execute(db)).rows
}

async function countLinks({ db }: DirectoryStore, relationship: Relationship, id: string): Promise<number> {
  const counted = sql<{ readonly count: number | string }>`
    select count(*) as count from (${LINKS[relationship](id)}) as linked`
  return Number((await counted.execute(db)).rows[0]?.count ?? 0)
}

/** The objects of links, in the same order; a link to what is there no more is left out. */
async function objectsOf(
  { db, tenantId }: DirectoryStore,
  links: readonly { readonly id: string; readonly kind: LinkKind }[],
  named: (type: ObjectType) => readonly string[],
): Promise<readonly object[]> {
  const shown = new Map<string, object>()
  const idsOf = (...kinds: readonly LinkKind[]) =>
    links.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id)
  for (const [type, ids] of [
    [USER, idsOf('user', 'owner')],
    [GROUP, idsOf('group')],
  ] as const) {
    if (ids.length === 0) continue
    const rows = await db
      .selectFrom(type.table as 'user')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', ids)
      .execute()
    for (const row of rows) shown.set(row.id, typedObject(type, row, named(type)))
  }
  const principals = idsOf('servicePrincipal', 'owner')
  if (principals.length > 0)
    for (const row of await servicePrincipals({ db, tenantId }, principals))
      shown.set(row.id, { '@odata.type': '#microsoft.graph.servicePrincipal', ...row })
  return links.flatMap(({ id }) => shown.get(id) ?? [])
}

/** Service principals as the members of a mixed collection: who they are, and no more. */
const servicePrincipals = ({ db, tenantId }: DirectoryStore, ids: readonly string[]) =>
  db
    .selectFrom('service_principal')
    .innerJoin('application', 'application.app_id', 'service_principal.app_id')
    .select([
      'service_principal.id as id',
      'application.display_name as displayName',
      'service_principal.app_id as appId',
    ])
    .where('service_principal.tenant_id', '=', tenantId)
    .where('service_principal.id', 'in', ids)
    .execute()
