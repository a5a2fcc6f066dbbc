import type { Selectable } from 'kysely'
import { badRequest } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import { nextChange, touch } from './changes.ts'
import type { DirectoryStore } from './collection.ts'

/** Lets the groups of an object that is being deleted show, in delta queries, that this member has left. */
export async function recordMembersLeft({ db, tenantId }: DirectoryStore, memberId: string): Promise<void> {
  const memberships = await db
    .selectFrom('group_member')
    .selectAll()
    .where('member_id', '=', memberId)
    .execute()
  for (const { group_id, member_id, kind } of memberships) {
    const last = await nextChange({ db, tenantId }, 2)
    await db
      .insertInto('group_member_removal')
      .values({ group_id, member_id, kind, tenant_id: tenantId, change: last - 1 })
      .onConflict((conflict) => conflict.columns(['group_id', 'member_id']).doUpdateSet({ change: last - 1 }))
      .execute()
    await touch(db, 'group', group_id, last)
  }
}

/** 400 if another group has taken the address of one that is being restored. */
export async function refuseTakenMail(
  db: Database,
  group: Selectable<Schema['directory_group']>,
): Promise<void> {
  if (group.mail_key === null) return
  const taken = await db
    .selectFrom('directory_group')
    .select('id')
    .where('tenant_id', '=', group.tenant_id)
    .where('mail_key', '=', group.mail_key)
    .executeTakeFirst()
  if (taken) throw badRequest('Another object with the same value for property mailNickname already exists.')
}
