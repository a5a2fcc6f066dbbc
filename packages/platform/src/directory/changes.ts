import type { Database } from '../store/database.ts'
import type { DirectoryStore } from './collection.ts'

/** What delta queries follow. */
export type TrackedKind = 'user' | 'group'

/** How long a removal is remembered: longer than a delta token is good for (wire.md §13.5). */
const REMEMBERED_MS = 31 * 24 * 60 * 60 * 1000

/**
 * Takes the next numbers in the order of changes of a tenant, and returns the last of them. The writer's transaction holds the
 * counter until it ends, so that nobody sees a later number before an earlier one.
 */
export async function nextChange({ db, tenantId }: DirectoryStore, count = 1): Promise<number> {
  const { value } = await db
    .insertInto('change_counter')
    .values({ tenant_id: tenantId, value: count })
    .onConflict((conflict) =>
      conflict
        .column('tenant_id')
        .doUpdateSet((is) => ({ value: is('change_counter.value', '+', is.ref('excluded.value')) })),
    )
    .returning('value')
    .executeTakeFirstOrThrow()
  return value
}

/** The last number in the order of changes. */
export async function lastChange({ db, tenantId }: DirectoryStore): Promise<number> {
  const row = await db
    .selectFrom('change_counter')
    .select('value')
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return row?.value ?? 0
}

/** Remembers that an object is gone: `changed` for one that can be restored, `deleted` for one that cannot. */
export async function recordRemoval(
  { db, tenantId }: DirectoryStore,
  removal: {
    readonly kind: TrackedKind
    readonly id: string
    readonly reason: 'changed' | 'deleted'
    readonly nowMs: number
  },
): Promise<void> {
  const { kind, id, reason, nowMs } = removal
  const change = await nextChange({ db, tenantId })
  await db
    .deleteFrom('directory_removal')
    .where('tenant_id', '=', tenantId)
    .where('at_ms', '<=', nowMs - REMEMBERED_MS)
    .execute()
  await db
    .insertInto('directory_removal')
    .values({ id, tenant_id: tenantId, kind, reason, change, at_ms: nowMs })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ reason, change, at_ms: nowMs }))
    .execute()
}

/** Makes a restored object a change of its own, with its members and memberships, and its removal forgotten. */
export async function recordReturn(store: DirectoryStore, kind: TrackedKind, id: string): Promise<void> {
  const { db } = store
  await db.deleteFrom('directory_removal').where('id', '=', id).execute()
  const links = await db
    .selectFrom('group_member')
    .select(['group_id', 'member_id'])
    .where((is) => is.or([is('group_id', '=', id), is('member_id', '=', id)]))
    .execute()
  for (const { group_id, member_id } of links) {
    const last = await nextChange(store, 2)
    await db
      .updateTable('group_member')
      .set({ change: last - 1 })
      .where('group_id', '=', group_id)
      .where('member_id', '=', member_id)
      .execute()
    await db
      .deleteFrom('group_member_removal')
      .where('group_id', '=', group_id)
      .where('member_id', '=', member_id)
      .execute()
    await touch(db, 'group', group_id, last)
  }
  await touch(db, kind, id, await nextChange(store))
}

/** Gives an object a new place in the order of changes. */
export async function touch(db: Database, kind: TrackedKind, id: string, change: number): Promise<void> {
  const table = kind === 'user' ? 'user' : 'directory_group'
  await db
    .updateTable(table as 'user')
    .set({ change })
    .where('id', '=', id)
    .execute()
}
