import { randomUUID } from 'node:crypto'
import { createUser } from '../directory/users.ts'
import { badRequest, notFound } from '../graph/errors.ts'
import { bodyObject, textOf } from '../graph/query.ts'
import { addAccount, checkPassword, makePassword } from '../portal/accounts.ts'
import type { Database } from '../store/database.ts'
import { joined } from '../store/joined.ts'
import { admitOperator, readOperatorApplication } from './operator-application.ts'
import { canNameTenant, findTenant, isGuid } from './tenants.ts'

/** A tenant to make. */
export interface TenantSeed {
  /** Its first verified domain, such as `fabrikam.example`, which names it as its GUID does. */
  readonly domain: string
  readonly displayName: string
  /** Its GUID. Default: a new one. */
  readonly id?: string | undefined
  /** More domains that belong to it. */
  readonly domains?: readonly string[] | undefined
  /** Whether a client assertion is accepted once alone; MSAL Node and retries use one again. Default false. */
  readonly refuseRepeatedAssertions?: boolean | undefined
  /** Who may sign in to the portal. */
  readonly accounts?: readonly AccountSeed[] | undefined
}

/** A user who may sign in to the portal. */
export interface AccountSeed {
  /** The user principal name, in a domain of the tenant. */
  readonly userName: string
  /** Default: the name before the `@`. */
  readonly displayName?: string | undefined
  /** Whether the user may consent for the tenant. Default false: they are told to ask one who may. */
  readonly administrator?: boolean | undefined
  /** At least 12 characters; kept as its scrypt hash. Default: one of 192 random bits, told once. */
  readonly password?: string | undefined
}

/** An account that was made, with the password that was made for it, this once. */
export interface NewAccount {
  readonly id: string
  readonly userPrincipalName: string
  readonly isAdministrator: boolean
  readonly password?: string
}

const DOMAINS_MAX = 100
const ACCOUNTS_MAX = 100
const NAME_LENGTH_MAX = 256

/** Writes a tenant and its first domain, within the caller's transaction. */
export async function insertTenant(
  db: Database,
  { id, domain, displayName }: { readonly id: string; readonly domain: string; readonly displayName: string },
  nowMs: number,
): Promise<void> {
  await db.insertInto('tenant').values({ id, display_name: displayName, created_at_ms: nowMs }).execute()
  await db.insertInto('domain').values({ name: domain, tenant_id: id, is_default: 1 }).execute()
}

/**
 * Makes a tenant: its domains, the service principals of Graph and of the operator, and the accounts of the portal.
 *
 * @throws GraphError 400 for a name that cannot be one or is taken, or an account that cannot be made.
 */
export async function createTenant(
  db: Database,
  seed: TenantSeed,
  nowMs: number,
): Promise<{ readonly id: string; readonly accounts: readonly NewAccount[] }> {
  const { displayName, accounts = [] } = seed
  const id = (seed.id ?? randomUUID()).toLowerCase()
  if (!isGuid(id)) throw badRequest("Property 'id' must be a GUID.")
  if (displayName.trim() === '' || displayName.length > NAME_LENGTH_MAX)
    throw badRequest(
      `A value of at most ${NAME_LENGTH_MAX} characters is required for property 'displayName'.`,
    )
  return db.transaction().execute(async (begun) => {
    const transaction = joined(begun)
    if (await findTenant(transaction, id)) throw badRequest(`The tenant '${id}' already exists.`)
    const [domain = '', ...others] = [seed.domain, ...(seed.domains ?? [])].map((name) => name.toLowerCase())
    await requireFreeDomain(transaction, domain)
    await insertTenant(transaction, { id, domain, displayName }, nowMs)
    if (seed.refuseRepeatedAssertions) await refuseRepeats(transaction, id, true)
    for (const name of others) await addDomain(transaction, id, name)
    const { appId } = await readOperatorApplication(transaction)
    // Where it is invited to, it is a guest: an application of one tenant alone gets no tokens in another.
    await transaction
      .updateTable('application')
      .set({ sign_in_audience: 'AzureADMultipleOrgs' })
      .where('app_id', '=', appId)
      .execute()
    await admitOperator(transaction, { appId, tenantId: id }, nowMs)
    const made: NewAccount[] = []
    for (const account of accounts) made.push(await createAccount(transaction, id, account, nowMs))
    return { id, accounts: made }
  })
}

/** Sets whether the tenant accepts a client assertion once alone. */
export async function refuseRepeats(db: Database, tenantId: string, refuses: boolean): Promise<void> {
  await db
    .updateTable('tenant')
    .set({ refuses_repeated_assertions: refuses ? 1 : 0 })
    .where('id', '=', tenantId)
    .execute()
}

/** Adds a domain to a tenant. There is nobody to ask whose it is, so it counts as verified. @throws GraphError 400. */
export async function addDomain(db: Database, tenantId: string, name: string): Promise<void> {
  await requireFreeDomain(db, name.toLowerCase())
  await db
    .insertInto('domain')
    .values({ name: name.toLowerCase(), tenant_id: tenantId, is_default: 0 })
    .execute()
}

async function requireFreeDomain(db: Database, name: string): Promise<void> {
  if (!canNameTenant(name) || isGuid(name))
    throw badRequest(
      `'${name.slice(0, 300)}' cannot be a domain: a DNS name of two parts or more is expected.`,
    )
  const taken = await db.selectFrom('domain').select('name').where('name', '=', name).executeTakeFirst()
  if (taken) throw badRequest(`The domain '${name}' belongs to a tenant already.`)
}

/** Makes a user who may sign in to the portal, within the caller's transaction. @throws GraphError 400. */
export async function createAccount(
  db: Database,
  tenantId: string,
  { userName, displayName, administrator = false, password }: AccountSeed,
  nowMs: number,
): Promise<NewAccount> {
  const [nickname = ''] = userName.split('@')
  const chosen = password === undefined ? makePassword() : checkPassword(password)
  const body = {
    accountEnabled: true,
    displayName: displayName ?? nickname,
    mailNickname: nickname,
    userPrincipalName: userName,
    // The directory keeps no password, and rules here are stricter than its own.
    passwordProfile: { password: `Aa1-${makePassword()}`, forceChangePasswordNextSignIn: false },
  }
  const user = await createUser({ db, tenantId }, body, nowMs)
  const { id } = user as { readonly id: string }
  await addAccount(db, id, { password: chosen, isAdministrator: administrator })
  const made = { id, userPrincipalName: userName, isAdministrator: administrator }
  return password === undefined ? { ...made, password: chosen } : made
}

type Sent = Readonly<Record<string, unknown>>

function refuseOthers(others: Sent, type: string): void {
  const [other] = Object.keys(others)
  if (other !== undefined) throw badRequest(`Property '${other.slice(0, 100)}' cannot be set on a ${type}.`)
}

/** Reads a tenant to make from a request. @throws GraphError 400. */
export function readTenantSeed(body: unknown): TenantSeed {
  const { domain, displayName, id, domains = [], accounts = [], ...sent } = bodyObject(body)
  const { refuseRepeatedAssertions = false, ...others } = sent
  refuseOthers(others, 'tenant')
  if (!Array.isArray(domains) || domains.length > DOMAINS_MAX)
    throw badRequest(`Property 'domains' must be a list of at most ${DOMAINS_MAX}.`)
  if (!Array.isArray(accounts) || accounts.length > ACCOUNTS_MAX)
    throw badRequest(`Property 'accounts' must be a list of at most ${ACCOUNTS_MAX}.`)
  return {
    domain: textOf(domain),
    displayName: textOf(displayName),
    ...(id === undefined ? {} : { id: textOf(id) }),
    domains: domains.map(textOf),
    accounts: accounts.map(readAccountSeed),
    refuseRepeatedAssertions: requireFlag(refuseRepeatedAssertions, 'refuseRepeatedAssertions'),
  }
}

/** Reads a property that is true or false. @throws GraphError 400. */
export function requireFlag(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value
  throw badRequest(`Property '${name}' must be true or false.`)
}

/** Reads an account to make from a request. @throws GraphError 400. */
export function readAccountSeed(sent: unknown): AccountSeed {
  const { userName, displayName, administrator = false, password, ...others } = bodyObject(sent)
  refuseOthers(others, 'portal account')
  return {
    userName: textOf(userName),
    ...(displayName === undefined ? {} : { displayName: textOf(displayName) }),
    administrator: requireFlag(administrator, 'administrator'),
    ...(password === undefined ? {} : { password: checkPassword(password) }),
  }
}

/** Finds a tenant for the operator, who may name any. @throws GraphError 404. */
export async function requireKnownTenant(db: Database, name: string): Promise<string> {
  const tenant = canNameTenant(name) ? await findTenant(db, name) : undefined
  if (!tenant) throw notFound(name)
  return tenant.id
}
