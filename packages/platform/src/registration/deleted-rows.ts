import type { Selectable } from 'kysely'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'

// In the order in which they can be written again: what is referred to comes first.
const TABLES = [
  'application',
  'service_principal',
  'service_principal_risk',
  'token_signing_certificate',
  'key_credential',
  'password_credential',
  'federated_credential',
  'app_role_assignment',
  'user',
  'directory_group',
  'group_member',
  'directory_role_assignment',
  'owner',
  'policy_assignment',
] as const

type Table = (typeof TABLES)[number]

/** The rows of a deleted object by table. */
export type DeletedRows = { readonly [T in Table]?: readonly Selectable<Schema[T]>[] }

/** Reads the rows of an application with all its service principals, credentials, owners and grants. */
export async function rowsOfApplication(db: Database, id: string): Promise<DeletedRows> {
  const application = await db.selectFrom('application').selectAll().where('id', '=', id).execute()
  const appIds = application.map((row) => row.app_id)
  const principals = await db
    .selectFrom('service_principal')
    .select('id')
    .where('app_id', 'in', appIds)
    .execute()
  const ids = principals.map((row) => row.id)
  const of = await rowsOfPrincipals(db, ids)
  const own = (table: 'key_credential' | 'password_credential' | 'federated_credential') =>
    db.selectFrom(table).selectAll().where('application_id', '=', id)
  return {
    ...of,
    application,
    key_credential: (await own('key_credential').execute()) as Selectable<Schema['key_credential']>[],
    password_credential: (await own('password_credential').execute()) as Selectable<
      Schema['password_credential']
    >[],
    federated_credential: (await own('federated_credential').execute()) as Selectable<
      Schema['federated_credential']
    >[],
    owner: [...(of.owner ?? []), ...(await ownersOf(db, [id]))],
    policy_assignment: [...(of.policy_assignment ?? []), ...(await policiesOf(db, [id]))],
  }
}

/** Reads the rows of service principals, in whichever tenants they are. */
export async function rowsOfPrincipals(db: Database, ids: readonly string[]): Promise<DeletedRows> {
  const named = ['', ...ids]
  return {
    service_principal: await db
      .selectFrom('service_principal')
      .selectAll()
      .where('id', 'in', named)
      .execute(),
    service_principal_risk: await db
      .selectFrom('service_principal_risk')
      .selectAll()
      .where('principal_id', 'in', named)
      .execute(),
    token_signing_certificate: await db
      .selectFrom('token_signing_certificate')
      .selectAll()
      .where('service_principal_id', 'in', named)
      .execute(),
    key_credential: await db
      .selectFrom('key_credential')
      .selectAll()
      .where('service_principal_id', 'in', named)
      .execute(),
    password_credential: await db
      .selectFrom('password_credential')
      .selectAll()
      .where('service_principal_id', 'in', named)
      .execute(),
    app_role_assignment: await db
      .selectFrom('app_role_assignment')
      .selectAll()
      .where((is) => is.or([is('principal_id', 'in', named), is('resource_id', 'in', named)]))
      .execute(),
    directory_role_assignment: await rolesOf(db, ids),
    owner: await ownersOf(db, ids),
    policy_assignment: await policiesOf(db, ids),
  }
}

/** Reads the rows of a user: its own, and what it owns. */
export async function rowsOfUser(db: Database, id: string): Promise<DeletedRows> {
  return {
    user: await db.selectFrom('user').selectAll().where('id', '=', id).execute(),
    group_member: await membershipsOf(db, id),
    directory_role_assignment: await rolesOf(db, [id]),
    owner: await ownersOf(db, [id]),
  }
}

/** Reads the rows of a group: its own, its members and owners, and the groups that it is in. */
export async function rowsOfGroup(db: Database, id: string): Promise<DeletedRows> {
  return {
    directory_group: await db.selectFrom('directory_group').selectAll().where('id', '=', id).execute(),
    group_member: await membershipsOf(db, id),
    owner: await ownersOf(db, [id]),
  }
}

const membershipsOf = (db: Database, id: string) =>
  db
    .selectFrom('group_member')
    .selectAll()
    .where((is) => is.or([is('group_id', '=', id), is('member_id', '=', id)]))
    .execute()

const ownersOf = (db: Database, ids: readonly string[]) =>
  db
    .selectFrom('owner')
    .selectAll()
    .where((is) => is.or([is('object_id', 'in', ['', ...ids]), is('owner_id', 'in', ['', ...ids])]))
    .execute()

const rolesOf = (db: Database, ids: readonly string[]) =>
  db
    .selectFrom('directory_role_assignment')
    .selectAll()
    .where('principal_id', 'in', ['', ...ids])
    .execute()

const policiesOf = (db: Database, ids: readonly string[]) =>
  db
    .selectFrom('policy_assignment')
    .selectAll()
    .where('object_id', 'in', ['', ...ids])
    .execute()

/** Takes the rows out of the directory: nothing that reads it can find the object any more. */
export async function removeRows(db: Database, rows: DeletedRows): Promise<void> {
  const principals = ['', ...(rows.service_principal ?? []).map((row) => row.id)]
  const objects = [
    ...principals,
    ...[...(rows.application ?? []), ...(rows.user ?? []), ...(rows.directory_group ?? [])].map(
      (row) => row.id,
    ),
  ]
  await db
    .deleteFrom('app_role_assignment')
    .where((is) => is.or([is('principal_id', 'in', principals), is('resource_id', 'in', principals)]))
    .execute()
  await db
    .deleteFrom('owner')
    .where((is) => is.or([is('object_id', 'in', objects), is('owner_id', 'in', objects)]))
    .execute()
  await db.deleteFrom('policy_assignment').where('object_id', 'in', objects).execute()
  await db.deleteFrom('directory_role_assignment').where('principal_id', 'in', objects).execute()
  await db.deleteFrom('service_principal').where('id', 'in', objects).execute()
  // Credentials go with what they belong to.
  await db.deleteFrom('application').where('id', 'in', objects).execute()
  await db.deleteFrom('group_member').where('member_id', 'in', objects).execute()
  await db.deleteFrom('user').where('id', 'in', objects).execute()
  await db.deleteFrom('directory_group').where('id', 'in', objects).execute()
}

/** Writes the rows again, but for links to what has been deleted itself in the meantime. */
export async function writeRows(db: Database, rows: DeletedRows): Promise<void> {
  for (const table of TABLES) {
    const kept = await withBothEnds(db, table, rows[table] ?? [])
    if (kept.length > 0)
      await db
        .insertInto(table)
        .values(kept as never)
        .execute()
  }
}

type Row = Readonly<Record<string, unknown>>

/** The columns of links by table: a row is kept if all of them lead somewhere. */
const LINKS: Readonly<Partial<Record<Table, Readonly<Record<string, readonly string[]>>>>> = {
  app_role_assignment: { principal_id: ['service_principal'], resource_id: ['service_principal'] },
  owner: {
    object_id: ['application', 'service_principal', 'directory_group'],
    owner_id: ['service_principal', 'user'],
  },
  group_member: {
    group_id: ['directory_group'],
    member_id: ['user', 'directory_group', 'service_principal'],
  },
  directory_role_assignment: { principal_id: ['service_principal', 'user'] },
  policy_assignment: { policy_id: ['policy'], object_id: ['application', 'service_principal'] },
}

async function withBothEnds(db: Database, table: Table, rows: readonly object[]): Promise<readonly Row[]> {
  const kept: Row[] = []
  for (const row of rows as readonly Row[]) {
    const ends = Object.entries(LINKS[table] ?? {})
    const found = await Promise.all(ends.map(([column, tables]) => exists(db, tables, String(row[column]))))
    if (found.every(Boolean)) kept.push(row)
  }
  return kept
}

async function exists(db: Database, tables: readonly string[], id: string): Promise<boolean> {
  for (const table of tables) {
    const row = await db
      .selectFrom(table as 'application')
      .select('id')
      .where('id', '=', id)
      .executeTakeFirst()
    if (row) return true
  }
  return false
}
