import { sql } from 'kysely'
import type { DeltaToken } from './delta-token.ts'
import type { DirectoryStore } from './collection.ts'
import { type ObjectType, objectOf, type Row, selectedNames } from './object-type.ts'

/** A page of a round, and where the next one begins; without that the round is over. */
export interface DeltaPage {
  readonly value: readonly object[]
  readonly next: Pick<DeltaToken, 'after' | 'memberAfter'> | undefined
}

const OBJECTS_MAX = 100
const MEMBERS_MAX = 1_000

interface Changed {
  readonly change: number
  readonly row: Row | undefined
  readonly removed: object | undefined
}

/** Reads the next page of a round: objects in the order in which they changed, and groups with the members that did. */
export async function deltaPage(
  type: ObjectType,
  store: DirectoryStore,
  token: DeltaToken,
): Promise<DeltaPage> {
  const changed = await changedObjects(type, store, token)
  const page = changed.slice(0, OBJECTS_MAX)
  const names = [...new Set(['id', ...selectedNames(type, token.select)])]
  const value: object[] = []
  let [after, memberAfter, left] = [token.after, token.memberAfter, MEMBERS_MAX]
  for (const { change, row, removed } of page) {
    if (!row) {
      value.push(removed ?? {})
    } else if (type.typeName === 'user') {
      value.push(objectOf(type, row, names))
    } else {
      const from = memberAfter ?? token.since
      const members = await changedMembers(store, String(row['id']), { from, token, limit: left + 1 })
      const shown = members.slice(0, left)
      value.push({ ...objectOf(type, row, names), ...membersOf(shown) })
      left -= shown.length
      // The group comes again on the next page, with the rest of its members.
      if (members.length > shown.length)
        return { value, next: { after, memberAfter: shown.at(-1)?.change ?? from } }
    }
    after = change
    memberAfter = undefined
    if (left === 0) return { value, next: { after, memberAfter: undefined } }
  }
  return { value, next: changed.length > page.length ? { after, memberAfter: undefined } : undefined }
}

async function changedObjects(
  type: ObjectType,
  { db, tenantId }: DirectoryStore,
  { since, after, upTo, ids }: DeltaToken,
): Promise<readonly Changed[]> {
  let live = db
    .selectFrom(type.table as 'user')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('change', '>', after)
    .where('change', '<=', upTo)
  let gone = db
    .selectFrom('directory_removal')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', type.typeName)
    .where('change', '>', after)
    .where('change', '<=', upTo)
  if (ids) [live, gone] = [live.where('id', 'in', ids), gone.where('id', 'in', ids)]
  const limit = OBJECTS_MAX + 1
  const rows = await live.orderBy('change').limit(limit).execute()
  // Who begins has nothing yet that could be removed.
  const removals = since === 0 ? [] : await gone.orderBy('change').limit(limit).execute()
  return [
    ...rows.map((row) => ({ change: row.change, row, removed: undefined })),
    ...removals.map(({ change, id, reason }) => ({
      change,
      row: undefined,
      removed: { id, '@removed': { reason } },
    })),
  ]
    .sort((a, b) => a.change - b.change)
    .slice(0, limit)
}

interface ChangedMember {
  readonly id: string
  readonly kind: string
  readonly change: number
  readonly gone: number
}

async function changedMembers(
  { db }: DirectoryStore,
  groupId: string,
  { from, token, limit }: { readonly from: number; readonly token: DeltaToken; readonly limit: number },
): Promise<readonly ChangedMember[]> {
  const range = sql`group_id = ${groupId} and change > ${from} and change <= ${token.upTo}`
  const members = sql`select member_id as id, kind, change, 0 as gone from group_member where ${range}`
  const left = sql`select member_id as id, kind, change, 1 as gone from group_member_removal where ${range}`
  const all = token.since === 0 ? members : sql`${members} union all ${left}`
  const found =
    await sql<ChangedMember>`select * from (${all}) as changed order by change limit ${limit}`.execute(db)
  return found.rows
}

function membersOf(members: readonly ChangedMember[]): object {
  if (members.length === 0) return {}
  return {
    'members@delta': members.map(({ id, kind, gone }) => ({
      '@odata.type': `#microsoft.graph.${kind}`,
      id,
      ...(gone === 1 ? { '@removed': { reason: 'deleted' } } : {}),
    })),
  }
}
