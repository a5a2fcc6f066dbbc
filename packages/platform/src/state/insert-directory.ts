import { createGroup } from '../directory/groups.ts'
import { createUser } from '../directory/users.ts'
import { checkPassword, makePassword } from '../portal/accounts.ts'
import { hashPassword } from '../portal/password.ts'
import { idOf, refusing, type SeedContext, textIn } from './seed-context.ts'
import type { Entry } from './shape.ts'

/** Writes a person, and the account for the portal where the file states a password or its hash. */
export async function insertPerson(context: SeedContext, entry: Entry, path: string): Promise<string> {
  const { id: _id, manager: _manager, administrator, passwordHash, passwordEnv, ...properties } = entry
  const [nickname = ''] = textIn(entry, 'userPrincipalName').split('@')
  const body = {
    accountEnabled: true,
    mailNickname: nickname,
    ...properties,
    passwordProfile: { password: `Aa1-${makePassword()}`, forceChangePasswordNextSignIn: false },
  }
  const id = idOf(entry)
  const user = await refusing(context, path, () => createUser(context, body, context.nowMs, id))
  if (!user) return ''
  const hash = await passwordHashOf(context, { passwordHash, passwordEnv }, path)
  if (hash !== undefined)
    await context.db
      .insertInto('portal_account')
      .values({ user_id: id, password_hash: hash, is_administrator: administrator === true ? 1 : 0 })
      .execute()
  return id
}

// A salt of 16 bytes and a hash of 32, as they are kept.
const HASH = /^[\w-]{22}\.[\w-]{43}$/

async function passwordHashOf(
  context: SeedContext,
  { passwordHash, passwordEnv }: Entry,
  path: string,
): Promise<string | undefined> {
  const { environment, faults } = context
  if (typeof passwordEnv === 'string') {
    const password = environment[passwordEnv]
    if (!password) faults.push(`${path}.passwordEnv: the environment has no such variable`)
    else return refusing(context, `${path}.passwordEnv`, async () => hashPassword(checkPassword(password)))
  }
  if (typeof passwordHash !== 'string' || passwordEnv !== undefined) return undefined
  if (HASH.test(passwordHash)) return passwordHash
  faults.push(
    `${path}.passwordHash: a hash as an export has it is needed; give passwordEnv for a new password`,
  )
  return undefined
}

/** Writes a group, which is a security group unless the file says otherwise; who is in it comes when everybody is there. */
export async function insertGroup(context: SeedContext, entry: Entry, path: string): Promise<string> {
  const { id: _id, members: _members, owners: _owners, ...properties } = entry
  const body = { mailEnabled: false, securityEnabled: true, ...properties }
  const id = idOf(entry)
  const call = { db: context.db, tenantId: context.tenantId, nowMs: context.nowMs, body, ifMatch: undefined }
  const group = await refusing(context, path, () => createGroup(call, id))
  return group ? id : ''
}
