import { updateApplication } from '../registration/applications.ts'
import { GRAPH_APP_ID, GRAPH_TENANT_ID } from '../registration/graph-application.ts'
import { DIRECTORY_ROLES } from '../registration/directory-roles.ts'
import { giveRole } from '../registration/role-assignments.ts'
import { admitOperator } from '../registration/operator-application.ts'
import { updateServicePrincipal } from '../registration/service-principals.ts'
import { insertTenant, refuseRepeats } from '../registration/tenant-creation.ts'
import { canNameTenant, isGuid } from '../registration/tenants.ts'
import { stateRisk } from '../policy/risk.ts'
import { findNamed, findPrincipalId, isGraph } from './names.ts'
import { idOf, refusing, type SeedContext, textIn } from './seed-context.ts'
import type { Entry } from './shape.ts'

/** Writes a tenant with its domains, the first of them its name; the operator is let in. */
export async function insertTenantOf(
  { db, nowMs, tenantId, faults }: SeedContext,
  tenant: Entry,
  path: string,
  operator: string,
): Promise<void> {
  const [domain = '', ...others] = (tenant['domains'] as readonly string[]).map((name) => name.toLowerCase())
  if (!isDomain(domain)) return void faults.push(`${path}.domains[0]: ${DOMAIN_NEEDED}`)
  const taken = await db
    .selectFrom('domain')
    .select('name')
    .where('name', 'in', [domain, ...others])
    .execute()
  if (taken.length > 0) return void faults.push(`${path}.domains: one of them belongs to another tenant`)
  await insertTenant(db, { id: tenantId, domain, displayName: textIn(tenant, 'displayName') }, nowMs)
  await insertDomains({ db, tenantId, faults }, others, path)
  if (tenant['refuseRepeatedAssertions'] === true) await refuseRepeats(db, tenantId, true)
  if (operator !== '') await admitOperator(db, { appId: operator, tenantId }, nowMs)
}

const DOMAIN_NEEDED = 'a DNS name of two parts or more is needed'
const isDomain = (name: string) => canNameTenant(name) && !isGuid(name)

/** Adds domains to a tenant, as far as they are nobody's. */
export async function insertDomains(
  { db, tenantId, faults }: Pick<SeedContext, 'db' | 'tenantId' | 'faults'>,
  names: readonly string[],
  path: string,
): Promise<void> {
  for (const name of names) {
    if (!isDomain(name)) {
      faults.push(`${path}.domains: ${DOMAIN_NEEDED}`)
      continue
    }
    const { numInsertedOrUpdatedRows: added } = await db
      .insertInto('domain')
      .values({ name, tenant_id: tenantId, is_default: 0 })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .executeTakeFirstOrThrow()
    if (added === 0n) faults.push(`${path}.domains: '${name}' belongs to another tenant`)
  }
}

/** Writes a registration, by the rules of Graph; its credentials are parts of their own. */
export async function insertApplication(context: SeedContext, entry: Entry, path: string): Promise<string> {
  const id = await insertBareApplication(context, entry, path)
  const { signInAudience, identifierUris, redirectUris, appRoles, requiredResourceAccess, isDisabled } = entry
  const { displayName, requestedAccessTokenVersion, properties } = entry
  const { api, web, ...others } = (properties ?? {}) as Readonly<Record<string, object | undefined>>
  const body = {
    ...others,
    ...stated({ displayName, signInAudience, identifierUris, appRoles, requiredResourceAccess, isDisabled }),
    api: { ...api, ...stated({ requestedAccessTokenVersion }) },
    web: { ...web, ...stated({ redirectUris }) },
  }
  if (id === '') return ''
  await refusing(context, path, () => updateApplication(context, id, withoutEmpty(body)))
  // What the rules have taken is kept as the file has it: `api` and `web` above are there for the parts that have columns.
  const kept = JSON.stringify(properties ?? {})
  await context.db.updateTable('application').set({ properties: kept }).where('id', '=', id).execute()
  return id
}

const stated = (values: Entry): Entry =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

/** An object of which the file states no part would be kept as one that was sent. */
const withoutEmpty = ({ api, web, ...others }: Readonly<Record<string, unknown>>): Entry => ({
  ...others,
  ...(Object.keys(api as object).length === 0 ? {} : { api }),
  ...(Object.keys(web as object).length === 0 ? {} : { web }),
})

async function insertBareApplication(
  { db, nowMs, tenantId, faults }: SeedContext,
  entry: Entry,
  path: string,
): Promise<string> {
  const id = idOf(entry)
  const appId = textIn(entry, 'appId')
  const taken = await db.selectFrom('application').select('id').where('app_id', '=', appId).executeTakeFirst()
  if (taken) {
    faults.push(`${path}.appId: another application has it; give it another`)
    return ''
  }
  await db
    .insertInto('application')
    .values({
      id,
      app_id: appId,
      tenant_id: tenantId,
      display_name: textIn(entry, 'displayName'),
      sign_in_audience: 'AzureADMyOrg',
      identifier_uris: '[]',
      app_roles: '[]',
      required_resource_access: '[]',
      requested_access_token_version: null,
      created_at_ms: nowMs,
    })
    .execute()
  return id
}

/** Writes a managed identity with its service principal; its application belongs to no directory. */
export async function insertIdentity(context: SeedContext, entry: Entry, path: string): Promise<string> {
  const { db, faults } = context
  const kind = textIn(entry, 'kind')
  if (kind !== 'system' && kind !== 'user') {
    faults.push(`${path}.kind: 'system' or 'user' is needed`)
    return ''
  }
  const { appId, name, id } = entry
  const home = { ...context, tenantId: GRAPH_TENANT_ID }
  if ((await insertBareApplication(home, { appId, displayName: name }, path)) === '') return ''
  const principalId = await insertPrincipal(context, { appId, id }, path)
  await db
    .insertInto('managed_identity')
    .values({ principal_id: principalId, kind, resource_id: textIn(entry, 'resourceId') })
    .execute()
  return principalId
}

/** The risk that was stated of a service principal, and the level that it is. */
const RISKS = {
  confirmedCompromised: { level: 'high', state: 'confirmedCompromised' },
  dismissed: { level: 'none', state: 'dismissed' },
} as const

/** Writes a service principal of an application that is there, by the rules of Graph. */
export async function insertPrincipal(context: SeedContext, entry: Entry, path: string): Promise<string> {
  const { db, nowMs, tenantId, faults } = context
  const appId = textIn(entry, 'appId')
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
      account_enabled: 1,
      app_role_assignment_required: 0,
      created_at_ms: nowMs,
    })
    .execute()
  const { accountEnabled = true, appRoleAssignmentRequired = false, properties, risk } = entry
  const body = { ...(properties as object | undefined), accountEnabled, appRoleAssignmentRequired }
  await refusing(context, path, () => updateServicePrincipal(context, id, body))
  if (risk === 'confirmedCompromised' || risk === 'dismissed')
    await stateRisk(context, { servicePrincipalIds: [id] }, RISKS[risk])
  else if (risk !== undefined && risk !== null)
    faults.push(`${path}.risk: one of ${Object.keys(RISKS).join(', ')}, or null is needed`)
  return id
}

/** The service principal of an application in the tenant; that of Graph is made where it is missing. */
export async function principalOf(
  context: SeedContext,
  appId: string,
  path: string,
): Promise<string | undefined> {
  const id = await findPrincipalId(context.db, context.tenantId, appId)
  return id === undefined && isGraph(appId) ? insertPrincipal(context, { appId: GRAPH_APP_ID }, path) : id
}

/** Writes a grant. Graph's own service principal is made where it is missing. */
export async function insertAssignment(context: SeedContext, entry: Entry, path: string): Promise<void> {
  const { db, nowMs, tenantId, faults } = context
  const principalId = await principalOf(context, textIn(entry, 'principal'), path)
  const resourceId = await principalOf(context, textIn(entry, 'resource'), path)
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
      app_role_id: textIn(entry, 'role'),
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['principal_id', 'resource_id', 'app_role_id']).doNothing())
    .execute()
}

/** Gives a role of the directory to a person or a service principal. */
export async function insertDirectoryRole(context: SeedContext, entry: Entry, path: string): Promise<void> {
  const { db, tenantId, faults } = context
  const templateId = textIn(entry, 'role')
  if (!DIRECTORY_ROLES.has(templateId)) return void faults.push(`${path}.role: no directory role has this id`)
  const named = await findNamed(db, tenantId, textIn(entry, 'principal'))
  if (!named || named.kind === 'group')
    return void faults.push(
      `${path}.principal: no person and no service principal of this name is in the tenant`,
    )
  await giveRole(context, { principalId: named.id, templateId })
}
