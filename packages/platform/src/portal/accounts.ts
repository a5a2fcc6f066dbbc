import { randomBytes } from 'node:crypto'
import { badRequest } from '../graph/errors.ts'
import { fold } from '../directory/properties.ts'
import type { Database } from '../store/database.ts'
import { hashPassword, verifyPassword } from './password.ts'

/** A user of a tenant who may sign in to the portal. */
export interface Account {
  readonly userId: string
  readonly userName: string
  readonly tenantId: string
  readonly isAdministrator: boolean
}

const PASSWORD_LENGTH = { min: 12, max: 256 }

/** A password that nobody guesses: 192 random bits. */
export const makePassword = (): string => randomBytes(24).toString('base64url')

/** Refuses a password for the portal that is shorter than 12 characters or longer than 256. @throws GraphError 400. */
export function checkPassword(password: unknown): string {
  if (
    typeof password === 'string' &&
    password.trim() === password &&
    password.length >= PASSWORD_LENGTH.min &&
    password.length <= PASSWORD_LENGTH.max
  )
    return password
  throw badRequest(
    `A password for the portal needs ${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max} characters, and no blank at either end.`,
  )
}

/** Finds the account of a user who may sign in now: neither deleted nor disabled. */
export async function findAccount(db: Database, userId: string): Promise<Account | undefined> {
  const row = await selectAccounts(db).where('user.id', '=', userId).executeTakeFirst()
  return row && accountOf(row)
}

// No password's hash: it is compared when there is no such account, which takes as long as for one that there is.
const NOBODY = '.'

/** Finds the account that this name and password open. */
export async function openAccount(
  db: Database,
  userName: string,
  password: string,
): Promise<Account | undefined> {
  // A name is unique within its tenant, and a domain belongs to one tenant alone.
  const row = await selectAccounts(db)
    .where('user.user_principal_name_key', '=', fold(userName))
    .executeTakeFirst()
  const right = await verifyPassword(password, row?.password_hash ?? NOBODY)
  return right && row ? accountOf(row) : undefined
}

/** Lets a user sign in to the portal. */
export async function addAccount(
  db: Database,
  userId: string,
  { password, isAdministrator }: { readonly password: string; readonly isAdministrator: boolean },
): Promise<void> {
  await db
    .insertInto('portal_account')
    .values({
      user_id: userId,
      password_hash: await hashPassword(password),
      is_administrator: isAdministrator ? 1 : 0,
    })
    .execute()
}

const selectAccounts = (db: Database) =>
  db
    .selectFrom('portal_account')
    .innerJoin('user', 'user.id', 'portal_account.user_id')
    .select(['user.id', 'user.tenant_id', 'user.user_principal_name'])
    .select(['portal_account.password_hash', 'portal_account.is_administrator'])
    .where('user.account_enabled', '=', 1)

interface Row {
  readonly id: string
  readonly tenant_id: string
  readonly user_principal_name: string
  readonly is_administrator: 0 | 1
}

const accountOf = (row: Row): Account => ({
  userId: row.id,
  userName: row.user_principal_name,
  tenantId: row.tenant_id,
  isAdministrator: row.is_administrator === 1,
})
