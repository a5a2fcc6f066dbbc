import { type DirectoryChange, type Initiator, writeAudits } from '../audit/directory-audit.ts'
import { grant } from '../registration/assignments.ts'
import { createServicePrincipal } from '../registration/service-principals.ts'
import type { Database } from '../store/database.ts'
import { fingerprint, grantable, type Permission, type Permissions } from './consent.ts'
import { readPermissions } from './permissions.ts'

/** One application in one tenant. */
export interface Asker {
  readonly tenantId: string
  readonly appId: string
}

/** What an application asks for in a tenant, and whether it has a service principal there yet. */
export interface Question {
  readonly permissions: Permissions
  readonly principalId: string | undefined
}

/** Reads what an administrator is asked to decide. */
export async function readQuestion(db: Database, { tenantId, appId }: Asker): Promise<Question> {
  const application = await db
    .selectFrom('application')
    .select(['app_id', 'required_resource_access'])
    .where('app_id', '=', appId)
    .executeTakeFirstOrThrow()
  const principal = await db
    .selectFrom('service_principal')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('app_id', '=', appId)
    .executeTakeFirst()
  const permissions = (await readPermissions(db, tenantId, [application])).get(appId)
  if (!permissions) throw new RangeError('Cannot read permissions as of an application: none was found')
  return { permissions, principalId: principal?.id }
}

export type Outcome =
  | { readonly kind: 'granted'; readonly granted: readonly Permission[] }
  | { readonly kind: 'changed' }

const CONSENT = {
  activity: 'Consent to application',
  category: 'ApplicationManagement',
  operation: 'Assign',
  target: 'ServicePrincipal',
} as const
// Entra logs no refusals; here an administrator who wonders why an application waits can see that somebody refused.
const REFUSAL = { ...CONSENT, activity: 'Refuse consent to application', operation: 'Update' } as const

/** Who decides, when, and what they were shown. */
export interface Decision {
  readonly by: Initiator
  readonly correlationId: string
  readonly nowMs: number
}

/**
 * Consents for the tenant: the application's service principal, and every role that it asks for and that can
 * be granted, in one transaction with its audit row (wire.md §9). `seen` is the fingerprint of what the administrator was shown.
 */
export async function grantConsent(
  db: Database,
  asker: Asker,
  { seen, ...decision }: Decision & { readonly seen: string },
): Promise<Outcome> {
  const { nowMs } = decision
  return db.transaction().execute(async (transaction) => {
    const { permissions, principalId } = await readQuestion(transaction, asker)
    const granted = grantable(permissions)
    if (fingerprint(granted) !== seen) return { kind: 'changed' }
    const store = { db: transaction, tenantId: asker.tenantId }
    if (principalId === undefined) await createServicePrincipal(store, { appId: asker.appId }, nowMs)
    const ids = await principalIds(transaction, asker.tenantId, [
      asker.appId,
      ...granted.map(({ resourceAppId }) => resourceAppId),
    ])
    for (const { resourceAppId, roleId } of granted) {
      const [client, resource] = [ids.get(asker.appId), ids.get(resourceAppId)]
      if (!client || !resource) throw new RangeError('Cannot grant as both sides need a service principal')
      await grant(store, { principalId: client, resourceId: resource, appRoleId: roleId }, nowMs)
    }
    const modified = granted.map(({ role, roleId }) => ({
      displayName: 'AppRole',
      oldValue: null,
      newValue: JSON.stringify(role ?? roleId),
    }))
    await log(transaction, asker, decision, { activity: CONSENT, targetId: ids.get(asker.appId), modified })
    return { kind: 'granted', granted }
  })
}

/** Logs that an administrator has refused; nothing is changed. */
export async function refuseConsent(db: Database, asker: Asker, decision: Decision): Promise<void> {
  const { principalId } = await readQuestion(db, asker)
  await log(db, asker, decision, { activity: REFUSAL, targetId: principalId, modified: [] })
}

async function log(
  db: Database,
  { tenantId, appId }: Asker,
  { by, correlationId, nowMs }: Decision,
  change: Pick<DirectoryChange, 'activity' | 'targetId' | 'modified'>,
): Promise<void> {
  const { display_name: targetName } = await db
    .selectFrom('application')
    .select('display_name')
    .where('app_id', '=', appId)
    .executeTakeFirstOrThrow()
  await writeAudits(db, [{ ...change, tenantId, atMs: nowMs, correlationId, by, targetName }])
}

async function principalIds(
  db: Database,
  tenantId: string,
  appIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('service_principal')
    .select(['id', 'app_id'])
    .where('tenant_id', '=', tenantId)
    .where('app_id', 'in', appIds)
    .execute()
  return new Map(rows.map(({ id, app_id }) => [app_id, id]))
}

/** The application permissions that an application asks for and has, as the scopes of a redirect name them (wire.md §9). */
export async function grantedScopes(db: Database, asker: Asker): Promise<readonly string[]> {
  const { permissions } = await readQuestion(db, asker)
  const granted = permissions.requested.filter(({ state }) => state.kind === 'granted')
  const rows = await db
    .selectFrom('application')
    .select(['app_id', 'identifier_uris'])
    .where('app_id', 'in', ['', ...granted.map(({ resourceAppId }) => resourceAppId)])
    .execute()
  const uris = new Map(rows.map((row) => [row.app_id, (JSON.parse(row.identifier_uris) as string[])[0]]))
  return granted.map(({ resourceAppId, role }) => `${uris.get(resourceAppId) ?? resourceAppId}/${role}`)
}
