import { randomUUID } from 'node:crypto'
import type { Insertable, Updateable } from 'kysely'
import { badRequest, GraphError, notFound } from '../graph/errors.ts'
import { bodyObject, linkedId, readQuery } from '../graph/query.ts'
import { domainsOf } from '../registration/tenants.ts'
import { insertUntaken } from '../store/insert-rows.ts'
import { inTransaction } from '../store/joined.ts'
import type { Schema } from '../store/schema.ts'
import { nextChange } from './changes.ts'
import { entityTag, requireMatch, type Shown } from './entity-tags.ts'
import { expand, readExpansions } from './expansions.ts'
import { fold } from './folding.ts'
import type { WriteCall } from './groups.ts'
import type { DirectoryStore } from './collection.ts'
import { type Columns, columnsOf, objectOf, type Row, selectedNames, typedObject } from './object-type.ts'
import { USER } from './properties.ts'
import { refusingTaken, taken } from './taken.ts'

type Sent = Readonly<Record<string, unknown>>

/**
 * Finds one user by object id or user principal name, with what `$select` and `$expand` ask for.
 *
 * @throws GraphError 404, 400 for options that are not supported.
 */
export async function getUser(store: DirectoryStore, id: string, rawQuery: unknown): Promise<Shown> {
  const query = readQuery(rawQuery, ['$select', '$expand'])
  const names = selectedNames(USER, query['$select'])
  const expansions = readExpansions(USER, query['$expand'])
  const row = await findUser(store, id)
  const [expanded] = await expand(store, [row], expansions)
  return { body: { ...objectOf(USER, row, names), ...expanded }, etag: entityTag(row) }
}

/** Who is to be created. */
export interface NewUser {
  readonly body: unknown
  /** One that was exported. Default: a new one. */
  readonly id?: string | undefined
}

/**
 * Creates users by one statement, each by itself: in the place of each is the user, or the GraphError 400 for anything that is
 * missing, unknown, unfit or taken.
 */
export async function createUsers(
  { db, tenantId }: DirectoryStore,
  people: readonly NewUser[],
  nowMs: number,
): Promise<readonly (object | GraphError)[]> {
  return inTransaction(db, async (transaction) => {
    const domains = await domainsOf(transaction, tenantId)
    const read = people.map((person) => newUser(person, domains))
    const fit = read.filter((columns): columns is Columns => !(columns instanceof GraphError))
    const last = fit.length > 0 ? await nextChange({ db: transaction, tenantId }, fit.length) : 0
    const own = { tenant_id: tenantId, created_at_ms: nowMs }
    const users = new Map(
      fit.map((columns, index) => {
        const user = { ...columns, ...own, change: last - fit.length + 1 + index }
        return [columns, user as Insertable<Schema['user']>]
      }),
    )
    const written = await insertUntaken(transaction, 'user', [...users.values()])
    return read.map((columns) => {
      const user = columns instanceof GraphError ? undefined : users.get(columns)
      if (!user) return columns
      return written.has(user.id) ? objectOf(USER, user, DEFAULT_NAMES) : taken('userPrincipalName')
    })
  })
}

/**
 * Creates a user and returns it; its id is a new one, unless it is one that was exported.
 *
 * @throws GraphError 400 for anything missing, unknown, unfit or taken.
 */
export async function createUser(
  store: DirectoryStore,
  body: unknown,
  nowMs: number,
  id?: string,
): Promise<object> {
  const [created] = await createUsers(store, [{ body, id }], nowMs)
  if (created === undefined || created instanceof GraphError) throw created
  return created
}

const DEFAULT_NAMES = selectedNames(USER, undefined)

/** The columns that a body gives a new user, or why it gives none. */
function newUser({ body, id = randomUUID() }: NewUser, domains: readonly string[]): Columns | GraphError {
  try {
    const { passwordProfile, ...properties } = bodyObject(body)
    const columns = columnsOf(USER, properties, 'creation')
    checkNickname(properties)
    const mustChange = passwordMustChange(passwordProfile) ? 1 : 0
    checkDomain(domains, properties)
    return { business_phones: '[]', ...columns, id, must_change_password: mustChange }
  } catch (error) {
    if (error instanceof GraphError) return error
    throw error
  }
}

/** Changes the properties that were sent. @throws GraphError 400, 404, 412 if `If-Match` names another state. */
export async function updateUser(call: WriteCall, id: string): Promise<void> {
  const { passwordProfile, ...properties } = bodyObject(call.body)
  const columns = columnsOf(USER, properties) as Updateable<Schema['user']>
  await inTransaction(call.db, async (db) => {
    const store = { db, tenantId: call.tenantId }
    const user = await findUser(store, id)
    requireMatch(user, call.ifMatch)
    checkNickname(properties)
    if (properties['userPrincipalName'] !== undefined)
      checkDomain(await domainsOf(db, call.tenantId), properties)
    if (passwordProfile !== undefined)
      columns.must_change_password = passwordMustChange(passwordProfile) ? 1 : 0
    if (Object.keys(columns).length === 0)
      throw badRequest('Write requests must contain at least one property to change.')
    const changed = { ...columns, change: await nextChange(store) }
    await refusingTaken('userPrincipalName', () =>
      db.updateTable('user').set(changed).where('id', '=', String(user['id'])).execute(),
    )
  })
}

/** Returns a user's manager. @throws GraphError 404 if there is no such user or no manager. */
export async function getManager(store: DirectoryStore, id: string, rawQuery: unknown): Promise<object> {
  const query = readQuery(rawQuery, ['$select'])
  const names = selectedNames(USER, query['$select'])
  const { manager_id: managerId } = await findUser(store, id)
  if (typeof managerId !== 'string') throw notFound('manager')
  return typedObject(USER, await findUser(store, managerId), names)
}

/** Sets a user's manager to the user that an `@odata.id` names. @throws GraphError 400, 404. */
export async function setManager(store: DirectoryStore, id: string, body: unknown): Promise<void> {
  const managerName = linkedId(body, ['users', 'directoryObjects'])
  const [user, manager] = [await findUser(store, id), await findUser(store, managerName)]
  if (user['id'] === manager['id']) throw badRequest('A user cannot be their own manager.')
  await store.db
    .updateTable('user')
    .set({ manager_id: String(manager['id']) })
    .where('id', '=', String(user['id']))
    .execute()
}

/** Leaves a user without a manager. @throws GraphError 404. */
export async function removeManager(store: DirectoryStore, id: string): Promise<void> {
  const user = await findUser(store, id)
  await store.db.updateTable('user').set({ manager_id: null }).where('id', '=', String(user['id'])).execute()
}

/** Finds the row of a user by object id or user principal name. @throws GraphError 404. */
export async function findUser({ db, tenantId }: DirectoryStore, id: string): Promise<Row> {
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

function checkDomain(domains: readonly string[], { userPrincipalName }: Sent): void {
  const parts = /^([A-Za-z0-9'._\-!#^~]{1,64})@([^@]+)$/.exec(
    typeof userPrincipalName === 'string' ? userPrincipalName : '',
  )
  if (!parts?.[2])
    throw badRequest("Invalid value specified for property 'userPrincipalName' of resource 'User'.")
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
