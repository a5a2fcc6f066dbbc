import { keyCredentialRow } from '../registration/key-credentials.ts'
import { keepSecret, matchesSecret, matchesShortSecret } from '../registration/client-secret.ts'
import { GRAPH_APP_ID, GRAPH_TENANT_ID } from '../registration/graph-application.ts'
import { admitOperator } from '../registration/operator-application.ts'
import { insertTenant } from '../registration/tenant-creation.ts'
import { createUser } from '../directory/users.ts'
import { GraphError } from '../graph/errors.ts'
import { hashPassword } from '../portal/password.ts'
import { makePassword } from '../portal/accounts.ts'
import type { Database } from '../store/database.ts'
import { idOf, type Parent, type SeedContext } from './seed-context.ts'
import type { Entry } from './shape.ts'

const text = (entry: Entry, name: string, otherwise = ''): string =>
  typeof entry[name] === 'string' ? entry[name] : otherwise
const json = (value: unknown, otherwise: unknown): string => JSON.stringify(value ?? otherwise)
const flag = (value: unknown, otherwise: boolean): 0 | 1 => ((value ?? otherwise) === true ? 1 : 0)
const YEARS_2_MS = 2 * 365 * 24 * 60 * 60 * 1000

/** Writes a tenant with its domains, the first of them its name; the operator is let in. */
export async function insertTenantOf(
  { db, nowMs, tenantId, faults }: SeedContext,
  tenant: Entry,
  path: string,
  operator: string,
): Promise<void> {
  const [domain = '', ...others] = (tenant['domains'] as readonly string[]).map((name) => name.toLowerCase())
  const taken = await db
    .selectFrom('domain')
    .select('name')
    .where('name', 'in', [domain, ...others])
    .execute()
  if (taken.length > 0) return void faults.push(`${path}.domains: one of them belongs to another tenant`)
  await insertTenant(db, { id: tenantId, domain, displayName: text(tenant, 'displayName') }, nowMs)
  await insertDomains({ db, tenantId, faults }, others, path)
  if (operator !== '') await admitOperator(db, { appId: operator, tenantId }, nowMs)
}

/** Adds domains to a tenant, as far as they are nobody's. */
export async function insertDomains(
  { db, tenantId, faults }: Pick<SeedContext, 'db' | 'tenantId' | 'faults'>,
  names: readonly string[],
  path: string,
): Promise<void> {
  for (const name of names) {
    const { numInsertedOrUpdatedRows: added } = await db
      .insertInto('domain')
      .values({ name, tenant_id: tenantId, is_default: 0 })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .executeTakeFirstOrThrow()
    if (added === 0n) faults.push(`${path}.domains: '${name}' belongs to another tenant`)
  }
}

/** Writes a registration; its credentials are parts of their own. */
export async function insertApplication(
  { db, nowMs, tenantId, faults }: SeedContext,
  entry: Entry,
  path: string,
): Promise<string> {
  const id = idOf(entry)
  const appId = text(entry, 'appId')
  const taken = await db.selectFrom('application').select('id').where('app_id', '=', appId).executeTakeFirst()
  if (taken) {
    faults.push(`${path}.appId: an application of another tenant has it`)
    return taken.id
  }
  await db
    .insertInto('application')
    .values({
      id,
      app_id: appId,
      tenant_id: tenantId,
      display_name: text(entry, 'displayName'),
      sign_in_audience: text(entry, 'signInAudience', 'AzureADMyOrg'),
      identifier_uris: json(entry['identifierUris'], []),
      redirect_uris: json(entry['redirectUris'], []),
      app_roles: json(entry['appRoles'], []),
      required_resource_access: json(entry['requiredResourceAccess'], []),
      requested_access_token_version:
        (entry['requestedAccessTokenVersion'] as number | null | undefined) ?? null,
      properties: json(entry['properties'], {}),
      is_disabled: flag(entry['isDisabled'], false),
      created_at_ms: nowMs,
    })
    .execute()
  return id
}

/** Writes a managed identity with its service principal; its application belongs to no directory. */
export async function insertIdentity(context: SeedContext, entry: Entry, path: string): Promise<string> {
  const { db, faults } = context
  const kind = text(entry, 'kind')
  if (kind !== 'system' && kind !== 'user') {
    faults.push(`${path}.kind: 'system' or 'user' is needed`)
    return ''
  }
  const { appId, name, id } = entry
  await insertApplication({ ...context, tenantId: GRAPH_TENANT_ID }, { appId, displayName: name }, path)
  const principalId = await insertPrincipal(context, { appId, id }, path)
  await db
    .insertInto('managed_identity')
    .values({ principal_id: principalId, kind, resource_id: text(entry, 'resourceId') })
    .execute()
  return principalId
}

/** Writes a service principal of an application that is there. */
export async function insertPrincipal(
  { db, nowMs, tenantId, faults }: SeedContext,
  entry: Entry,
  path: string,
): Promise<string> {
  const appId = text(entry, 'appId')
  const known = await db.selectFrom('application').select('id').where('app_id', '=', appId).executeTakeFirst()
  if (!known) {
    faults.push(`${path}.appId: no such application is in the file or there`)
    return ''
  }
  const id = idOf(entry)
  await db
    .insertInto('service_principal')
    .values({
      id,
      app_id: appId,
      tenant_id: tenantId,
      account_enabled: flag(entry['accountEnabled'], true),
      app_role_assignment_required: flag(entry['appRoleAssignmentRequired'], false),
      properties: json(entry['properties'], {}),
      created_at_ms: nowMs,
    })
    .execute()
  return id
}

/** Writes a grant. Graph's own service principal is made where it is missing. */
export async function insertAssignment(context: SeedContext, entry: Entry, path: string): Promise<void> {
  const { db, nowMs, tenantId, faults } = context
  const [principal, resource] = [text(entry, 'principal'), text(entry, 'resource')]
  if (resource === GRAPH_APP_ID && !(await principalIn(db, tenantId, resource)))
    await insertPrincipal(context, { appId: GRAPH_APP_ID }, path)
  const principalId = await principalIn(db, tenantId, principal)
  const resourceId = await principalIn(db, tenantId, resource)
  if (!principalId) faults.push(`${path}.principal: no service principal of it is in the tenant`)
  if (!resourceId) faults.push(`${path}.resource: no service principal of it is in the tenant`)
  if (!principalId || !resourceId) return
  await db
    .insertInto('app_role_assignment')
    .values({
      id: idOf({}),
      tenant_id: tenantId,
      principal_id: principalId,
      resource_id: resourceId,
      app_role_id: text(entry, 'role'),
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['principal_id', 'resource_id', 'app_role_id']).doNothing())
    .execute()
}

async function principalIn(db: Database, tenantId: string, appId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('service_principal')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('app_id', '=', appId)
    .executeTakeFirst()
  return row?.id
}

/** The columns by which a credential belongs to an application, or to one service principal of it. */
async function holderOf(db: Database, { id, appId }: Parent, ofPrincipal: boolean) {
  if (!ofPrincipal) return { applicationId: id, servicePrincipalId: null }
  const row = await db.selectFrom('application').select('id').where('app_id', '=', appId).executeTakeFirst()
  return { applicationId: row?.id ?? '', servicePrincipalId: id }
}

/** Writes a certificate: its public half is all that there is. */
export async function insertCertificate(
  { db, faults }: SeedContext,
  entry: Entry,
  path: string,
  parent: Parent,
  ofPrincipal = false,
): Promise<void> {
  const holder = await holderOf(db, parent, ofPrincipal)
  const key = text(entry, 'certificate')
  const displayName = entry['displayName']
  try {
    const row = keyCredentialRow({ type: 'AsymmetricX509Cert', usage: 'Verify', key, displayName }, holder)
    const stated = displayName === undefined ? {} : { display_name: displayName as string | null }
    await db
      .insertInto('key_credential')
      .values({ ...row, ...stated, key_id: idOf(entry, 'keyId') })
      .execute()
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    faults.push(`${path}.certificate: a DER certificate of an RSA key in base64 is needed`)
  }
}

/** The text that an entry states, itself or by a variable of the environment. */
function secretTextOf({ environment }: SeedContext, entry: Entry): string | undefined {
  const variable = entry['secretEnv']
  if (typeof variable === 'string') return environment[variable]
  return typeof entry['secretText'] === 'string' ? entry['secretText'] : undefined
}

/** Writes a secret. One without its text, as an export has it, is listed with its dates and opens nothing. */
export async function insertSecret(
  context: SeedContext,
  entry: Entry,
  path: string,
  parent: Parent,
  ofPrincipal = false,
): Promise<void> {
  const { db, nowMs, faults } = context
  const holder = await holderOf(db, parent, ofPrincipal)
  const secret = secretTextOf(context, entry)
  if (secret === undefined && entry['secretEnv'] !== undefined)
    return void faults.push(`${path}.secretEnv: the environment has no such variable`)
  const start = entry['startDateTime'] === undefined ? nowMs : Date.parse(text(entry, 'startDateTime'))
  const end = entry['endDateTime'] === undefined ? start + YEARS_2_MS : Date.parse(text(entry, 'endDateTime'))
  if (end <= start) return void faults.push(`${path}.endDateTime: it must be later than startDateTime`)
  const kept = secret === undefined ? { hint: text(entry, 'hint'), hash: '' } : await keepSecret(secret)
  await db
    .insertInto('password_credential')
    .values({
      key_id: idOf(entry, 'keyId'),
      application_id: holder.applicationId,
      service_principal_id: holder.servicePrincipalId,
      display_name: (entry['displayName'] as string | null | undefined) ?? null,
      hint: kept.hint,
      secret_hash: kept.hash,
      start_at_ms: start,
      end_at_ms: end,
    })
    .execute()
}

/** Whether the secret of this `keyId` is another than the file states. */
export async function secretDiffers(context: SeedContext, entry: Entry, existing: Entry): Promise<boolean> {
  const secret = secretTextOf(context, entry)
  if (secret === undefined) return false
  const rows = await context.db
    .selectFrom('password_credential')
    .select('secret_hash')
    .where('key_id', '=', text(existing, 'keyId'))
    .execute()
  const matching = [...matchesSecret(secret, rows), ...(await matchesShortSecret(secret, rows))]
  return matching.length === 0
}

/** Writes a federated credential. */
export async function insertTrust(
  { db }: SeedContext,
  entry: Entry,
  _path: string,
  parent: Parent,
): Promise<void> {
  await db
    .insertInto('federated_credential')
    .values({
      id: idOf(entry),
      application_id: parent.id,
      name: text(entry, 'name'),
      issuer: text(entry, 'issuer'),
      subject: text(entry, 'subject'),
      audience: text(entry, 'audience'),
      description: (entry['description'] as string | null | undefined) ?? null,
    })
    .execute()
}

/** Writes a person, and the account for the portal where the file states a password or its hash. */
export async function insertPerson(context: SeedContext, entry: Entry, path: string): Promise<void> {
  const { db, tenantId, nowMs, environment, faults } = context
  const userPrincipalName = text(entry, 'userPrincipalName')
  const [nickname = ''] = userPrincipalName.split('@')
  const body = {
    accountEnabled: entry['accountEnabled'] ?? true,
    displayName: text(entry, 'displayName'),
    mailNickname: text(entry, 'mailNickname', nickname),
    userPrincipalName,
    passwordProfile: { password: `Aa1-${makePassword()}`, forceChangePasswordNextSignIn: false },
  }
  const user = await createUser({ db, tenantId }, body, nowMs).catch((error: unknown) => {
    if (!(error instanceof GraphError)) throw error
    faults.push(`${path}: ${error.message}`)
    return {}
  })
  const { id } = user as { readonly id?: string }
  const variable = entry['passwordEnv']
  const password = typeof variable === 'string' ? environment[variable] : undefined
  if (variable !== undefined && !password)
    faults.push(`${path}.passwordEnv: the environment has no such variable`)
  const stated = text(entry, 'passwordHash')
  if (id === undefined || (!password && stated === '')) return
  await db
    .insertInto('portal_account')
    .values({
      user_id: id,
      password_hash: password ? await hashPassword(password) : stated,
      is_administrator: flag(entry['administrator'], false),
    })
    .execute()
}
