import { type Kysely, sql } from 'kysely'
import { fold, foldList } from '../directory/folding.ts'

/** Folded copies of a user's properties, which `$filter`, `$search` and `$orderby` compare. */
const USER_KEYS = [
  'display_name',
  'given_name',
  'surname',
  'mail',
  'mail_nickname',
  'job_title',
  'department',
  'company_name',
  'office_location',
  'mobile_phone',
  'preferred_language',
  'usage_location',
] as const

/** Groups and their members, the order of changes that delta queries follow, and what was removed. */
export async function addDirectory(db: Kysely<unknown>): Promise<void> {
  await createChanges(db)
  await createGroups(db)
  await addUserKeys(db)
}

async function createChanges({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('change_counter')
    .addColumn('tenant_id', 'text', (column) => column.primaryKey().references('tenant.id'))
    .addColumn('value', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('directory_removal')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('change', 'bigint', (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('directory_removal_change')
    .on('directory_removal')
    .columns(['tenant_id', 'kind', 'change'])
    .execute()
}

async function createGroups({ schema }: Kysely<unknown>): Promise<void> {
  let table = schema
    .createTable('directory_group')
    .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('change', 'bigint', (column) => column.notNull())
    .addColumn('is_assignable_to_role', 'integer')
  for (const name of ['display_name', 'mail_nickname', 'group_types'])
    table = table.addColumn(name, 'text', (column) => column.notNull())
  for (const name of ['mail_enabled', 'security_enabled'])
    table = table.addColumn(name, 'integer', (column) => column.notNull())
  for (const name of [
    'display_name',
    'mail_nickname',
    'group_types',
    'description',
    'mail',
    'classification',
  ])
    table = table.addColumn(`${name}_key`, 'text')
  for (const name of ['description', 'mail', 'classification', 'visibility'])
    table = table.addColumn(name, 'text')
  await table.execute()
  for (const columns of [['seq'], ['change'], ['display_name_key', 'seq']])
    await schema
      .createIndex(`group_${columns[0]}`)
      .on('directory_group')
      .columns(['tenant_id', ...columns])
      .execute()
  await schema
    .createIndex('group_mail_once')
    .on('directory_group')
    .columns(['tenant_id', 'mail_key'])
    .unique()
    .execute()
  for (const name of ['group_member', 'group_member_removal'])
    await schema
      .createTable(name)
      .addColumn('group_id', 'text', (column) =>
        column.notNull().references('directory_group.id').onDelete('cascade'),
      )
      .addColumn('member_id', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenant.id'))
      .addColumn('change', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint(`${name}_once`, ['group_id', 'member_id'])
      .execute()
  await schema.createIndex('group_member_page').on('group_member').columns(['group_id', 'change']).execute()
  await schema.createIndex('group_member_of').on('group_member').columns(['member_id', 'group_id']).execute()
  await schema
    .createIndex('group_member_removal_change')
    .on('group_member_removal')
    .columns(['group_id', 'change'])
    .execute()
}

async function addUserKeys(db: Kysely<unknown>): Promise<void> {
  for (const name of [...USER_KEYS, 'business_phones'])
    await db.schema.alterTable('user').addColumn(`${name}_key`, 'text').execute()
  await db.schema
    .alterTable('user')
    .addColumn('change', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute()
  await sql`update "user" set change = seq`.execute(db)
  await sql`insert into change_counter (tenant_id, value) select tenant_id, max(seq) from "user" group by tenant_id`.execute(
    db,
  )
  await fillUserKeys(db)
  for (const columns of [['change'], ['display_name_key', 'seq'], ['mail_key'], ['manager_id']])
    await db.schema
      .createIndex(`user_${columns[0]}`)
      .on('user')
      .columns(['tenant_id', ...columns])
      .execute()
}

const PAGE = 1000

type UserTexts = Readonly<Record<string, string | null>> & { readonly seq: number }

/** Letters are folded as the directory folds them, which no database does alike. */
async function fillUserKeys(db: Kysely<unknown>): Promise<void> {
  const names = sql.join([...USER_KEYS, 'business_phones'].map((name) => sql.ref(name)))
  for (let after = 0; ; ) {
    const { rows } =
      await sql<UserTexts>`select seq, ${names} from "user" where seq > ${after} order by seq limit ${PAGE}`.execute(
        db,
      )
    await inTransaction(db, async (transaction) => {
      for (const row of rows) await fillKeys(transaction, row)
    })
    after = rows.at(-1)?.seq ?? after
    if (rows.length < PAGE) return
  }
}

async function fillKeys(db: Kysely<unknown>, row: UserTexts): Promise<void> {
  const keys = USER_KEYS.map((name) => sql`${sql.ref(`${name}_key`)} = ${keyOf(row[name])}`)
  const phones = sql`business_phones_key = ${foldList(JSON.parse(row['business_phones'] ?? '[]') as string[])}`
  await sql`update "user" set ${sql.join([...keys, phones])} where seq = ${row.seq}`.execute(db)
}

// A page at a time is written to the disk together.
const inTransaction = (db: Kysely<unknown>, work: (db: Kysely<unknown>) => Promise<void>) =>
  db.isTransaction ? work(db) : db.transaction().execute(work)

const keyOf = (value: string | null | undefined) => (typeof value === 'string' ? fold(value) : null)
