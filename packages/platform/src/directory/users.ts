import { randomUUID } from 'node:crypto'
import type { Insertable, Updateable } from 'kysely'
import { domainsOf } from '../registration/tenants.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import { badRequest, notFound, unsupportedQuery } from '../graph/errors.ts'
import { parseFilter } from '../graph/filter.ts'
import { columnsOf, fold, selectedProperties, USER_PROPERTIES, userObject } from './properties.ts'
import { bodyObject, nextLink, pageSize, pageStart, readQuery, textOf } from '../graph/query.ts'

type Row = Readonly<Record<string, unknown>>
type Sent = Readonly<Record<string, unknown>>

/** Every function here takes the tenant of the caller's token: nothing of another tenant can be named. */
export interface UserStore {
  readonly db: Database
  readonly tenantId: string
}

export interface Page {
  readonly value: readonly object[]
  readonly next: string | undefined
}

/** Lists a page of users in the order of their creation. `url` is this collection's own. */
export async function listUsers({ db, tenantId }: UserStore, rawQuery: unknown, url: string): Promise<Page> {
  const query = readQuery(rawQuery, ['$select', '$filter', '$top', '$skiptoken'])
  const names = selectedProperties(query['$select'])
  const size = pageSize(query['$top'])
  let select = db
    .selectFrom('user')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('seq', '>', pageStart(query['$skiptoken']))
  for (const { property, anyOf } of query['$filter'] === undefined ? [] : parseFilter(query['$filter'])) {
    const column = Object.hasOwn(USER_PROPERTIES, property)
      ? USER_PROPERTIES[property]?.filterColumn
      : undefined
    if (!column)
      throw unsupportedQuery(
        `Unsupported or invalid query filter clause specified for property '${property}' of resource 'User'.`,
      )
    const keys = anyOf.map((value) => fold(String(value)))
    select = select.where(column as 'id' | 'employee_id_key' | 'user_principal_name_key', 'in', keys)
  }
  const rows = await select
    .orderBy('seq')
    .limit(size + 1)
    .execute()
  const page = rows.slice(0, size)
  const last = page.at(-1)
  return {
    value: page.map((row) => userObject(row, names)),
    next: rows.length > size && last ? nextLink(url, query, last.seq) : undefined,
  }
}

/** Finds one user by object id or user principal name. @throws GraphError 404. */
export async function getUser(store: UserStore, id: string, rawQuery: unknown): Promise<object> {
  const query = readQuery(rawQuery, ['$select'])
  return userObject(await findUser(store, id), selectedProperties(query['$select']))
}

/** Creates a user and returns it. @throws GraphError 400 for anything missing, unknown, unfit or taken. */
export async function createUser({ db, tenantId }: UserStore, body: unknown, nowMs: number): Promise<object> {
  const { passwordProfile, ...properties } = bodyObject(body)
  const columns = columnsOf(properties)
  for (const [name, { required }] of Object.entries(USER_PROPERTIES)) {
    if (required && properties[name] === undefined)
      throw badRequest(`A value is required for property '${name}' of resource 'User'.`)
  }
  checkNickname(properties)
  await checkDomain(db, tenantId, properties)
  const user = {
    business_phones: '[]',
    ...columns,
    id: randomUUID(),
    tenant_id: tenantId,
    must_change_password: passwordMustChange(passwordProfile) ? 1 : 0,
    created_at_ms: nowMs,
  } as Insertable<Schema['user']>
  const row = await refusingTaken(() =>
    db.insertInto('user').values(user).returningAll().executeTakeFirstOrThrow(),
  )
  return userObject(row, selectedProperties(undefined))
}

/** Changes the properties that were sent. @throws GraphError 400, 404. */
export async function updateUser(store: UserStore, id: string, body: unknown): Promise<void> {
  const { passwordProfile, ...properties } = bodyObject(body)
  const columns = columnsOf(properties) as Updateable<Schema['user']>
  const user = await findUser(store, id)
  checkNickname(properties)
  if (properties['userPrincipalName'] !== undefined) await checkDomain(store.db, store.tenantId, properties)
  if (passwordProfile !== undefined)
    columns.must_change_password = passwordMustChange(passwordProfile) ? 1 : 0
  if (Object.keys(columns).length === 0)
    throw badRequest('Write requests must contain at least one property to change.')
  await refusingTaken(() =>
    store.db.updateTable('user').set(columns).where('id', '=', String(user['id'])).execute(),
  )
}

/** Returns a user's manager. @throws GraphError 404 if there is no such user or no manager. */
export async function getManager(store: UserStore, id: string, rawQuery: unknown): Promise<object> {
  const query = readQuery(rawQuery, ['$select'])
  const names = selectedProperties(query['$select'])
  const { manager_id: managerId } = await findUser(store, id)
  if (typeof managerId !== 'string') throw notFound('manager')
  return { '@odata.type': '#microsoft.graph.user', ...userObject(await findUser(store, managerId), names) }
}

/** Sets a user's manager to the user that an `@odata.id` names. @throws GraphError 400, 404. */
export async function setManager(store: UserStore, id: string, body: unknown): Promise<void> {
  const managerName = linkedName(bodyObject(body)['@odata.id'])
  const [user, manager] = [await findUser(store, id), await findUser(store, managerName)]
  if (user['id'] === manager['id']) throw badRequest('A user cannot be their own manager.')
  await store.db
    .updateTable('user')
    .set({ manager_id: String(manager['id']) })
    .where('id', '=', String(user['id']))
    .execute()
}

/** The user that a link ends with. */
function linkedName(link: unknown): string {
  const name = /\/(?:users|directoryObjects)\/([^/?#]+)$/.exec(textOf(link))?.[1]
  try {
    if (name !== undefined) return decodeURIComponent(name)
  } catch {
    // Falls through: a link with broken percent signs is as unfit as any other.
  }
  throw badRequest("Invalid URL format specified in '@odata.id'.")
}

/** Leaves a user without a manager. @throws GraphError 404. */
export async function removeManager(store: UserStore, id: string): Promise<void> {
  const user = await findUser(store, id)
  await store.db.updateTable('user').set({ manager_id: null }).where('id', '=', String(user['id'])).execute()
}

async function findUser({ db, tenantId }: UserStore, id: string): Promise<Row> {
  const column = id.includes('@') ? 'user_principal_name_key' : 'id'
  const query = db
    .selectFrom('user')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where(column, '=', fold(id))
  const row = await query.executeTakeFirst()
  if (!row) throw notFound(id)
  return row
}

function checkNickname({ mailNickname }: Sent): void {
  if (typeof mailNickname === 'string' && /[@()\\[\]";:<>, ]/.test(mailNickname))
    throw badRequest("Invalid value specified for property 'mailNickname' of resource 'User'.")
}

async function checkDomain(db: Database, tenantId: string, { userPrincipalName }: Sent): Promise<void> {
  const parts = /^([A-Za-z0-9'._\-!#^~]{1,64})@([^@]+)$/.exec(
    typeof userPrincipalName === 'string' ? userPrincipalName : '',
  )
  if (!parts?.[2])
    throw badRequest("Invalid value specified for property 'userPrincipalName' of resource 'User'.")
  const domains = await domainsOf(db, tenantId)
  if (domains.includes(parts[2].toLowerCase())) return
  throw badRequest(
    'The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.',
  )
}

const PASSWORD_LENGTH = { min: 8, max: 256 }
const CHARACTER_CLASSES = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/]

/**
 * Checks an initial password and returns whether it must be changed. The password itself is not kept: people do not sign
 * in here (docs/decisions/0004-people-do-not-sign-in.md).
 */
function passwordMustChange(profile: unknown): boolean {
  if (profile === undefined)
    throw badRequest("A value is required for property 'passwordProfile' of resource 'User'.")
  const { password, forceChangePasswordNextSignIn = true } = bodyObject(profile)
  if (typeof forceChangePasswordNextSignIn !== 'boolean') {
    throw badRequest(
      "Invalid value specified for property 'forceChangePasswordNextSignIn' of resource 'User'.",
    )
  }
  const strong =
    typeof password === 'string' && CHARACTER_CLASSES.filter((one) => one.test(password)).length >= 3
  if (strong && password.length >= PASSWORD_LENGTH.min && password.length <= PASSWORD_LENGTH.max) {
    return forceChangePasswordNextSignIn
  }
  throw badRequest('The specified password does not comply with password complexity requirements.')
}

async function refusingTaken<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!(error instanceof Error && /unique/i.test(error.message))) throw error
    throw badRequest('Another object with the same value for property userPrincipalName already exists.')
  }
}
