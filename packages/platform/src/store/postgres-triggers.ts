import { sql } from 'kysely'
import type { Database } from './database.ts'
import { CONCERNS_TOKENS } from './token-tables.ts'

/** Where every transaction tells of itself that may concern token requests. */
export const CHANNEL = 'tomte_change'

/** The advisory locks of the platform: a family of its own, and what each is for. */
export const LOCKS = { family: 0x746f6d74, start: 1, transaction: 2, userOrder: 3 } as const

/**
 * Writes the triggers that make PostgreSQL tell every replica of a change, in the transaction that makes it: whoever makes
 * it, be it by hand. Written at every start, for a release may have tables that the one before had not.
 */
export async function tellOfChanges(db: Database): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`create or replace function tomte_tell_of_change() returns trigger language plpgsql as
      ${sql.lit(`begin perform pg_notify('${CHANNEL}', tg_table_name); return null; end`)}`.execute(
      transaction,
    )
    for (const [table, concerns] of Object.entries(CONCERNS_TOKENS)) {
      await trigger(transaction, {
        table,
        name: CHANNEL,
        call: 'tomte_tell_of_change',
        when: concerns ? 'after insert or update or delete or truncate' : undefined,
      })
    }
    await orderUsers(transaction)
  })
}

/**
 * People are listed in the order of their creation, page after page. Two who are created at once must not become visible in
 * another order than that of their positions, or a page that has been read would get somebody later: so one waits.
 */
async function orderUsers(db: Database): Promise<void> {
  await sql`create or replace function tomte_order_users() returns trigger language plpgsql as
    ${sql.lit(`begin perform pg_advisory_xact_lock(${LOCKS.family}, ${LOCKS.userOrder}); return null; end`)}`.execute(
    db,
  )
  await trigger(db, { table: 'user', name: 'tomte_order', call: 'tomte_order_users', when: 'before insert' })
}

interface Trigger {
  readonly table: string
  readonly name: string
  readonly call: string
  /** `undefined` if there is to be none. */
  readonly when: string | undefined
}

async function trigger(db: Database, { table, name, call, when }: Trigger): Promise<void> {
  const known = await sql<{ found: boolean }>`select exists (
    select from pg_trigger where tgname = ${name} and tgrelid = to_regclass(quote_ident(${table}))) as found`.execute(
    db,
  )
  const found = known.rows[0]?.found === true
  // A trigger that is there is left alone: making it again would lock the table against replicas that work.
  if (found === (when !== undefined)) return
  await (when === undefined
    ? sql`drop trigger ${sql.id(name)} on ${sql.id(table)}`
    : sql`create trigger ${sql.id(name)} ${sql.raw(when)} on ${sql.id(table)}
        for each statement execute function ${sql.id(call)}()`
  ).execute(db)
}
