import type { RegistrationStore } from './applications.ts'
import { requireOperator } from './operator-application.ts'
import { getOrganization } from './organization.ts'
import {
  addDomain,
  createAccount,
  createTenant,
  readAccountSeed,
  readTenantSeed,
  refuseRepeats,
  requireFlag,
  requireKnownTenant,
} from './tenant-creation.ts'
import { badRequest } from '../graph/errors.ts'
import { bodyObject, textOf } from '../graph/query.ts'
import type { Database } from '../store/database.ts'
import { joined } from '../store/joined.ts'

/** A call of the operator, for whom alone these routes are: Graph has none that make a tenant. */
export interface OperatorCall extends RegistrationStore {
  readonly principal: { readonly appId: string | undefined }
  readonly nowMs: number
}

const TENANTS_MAX = 999

/** Lists the tenants of the platform. @throws GraphError 403 for everyone but the operator. */
export async function listTenants(call: OperatorCall): Promise<readonly object[]> {
  await requireOperator(call)
  const rows = await call.db
    .selectFrom('tenant')
    .select('id')
    .orderBy('created_at_ms')
    .orderBy('id')
    .limit(TENANTS_MAX)
    .execute()
  return Promise.all(rows.map(({ id }) => tenantObject(call.db, id)))
}

/** Makes a tenant; passwords that were made for its accounts are told this once. @throws GraphError 403, 400. */
export async function postTenant(call: OperatorCall, body: unknown): Promise<object> {
  await requireOperator(call)
  const { id, accounts } = await createTenant(call.db, readTenantSeed(body), call.nowMs)
  return { ...(await tenantObject(call.db, id)), accounts }
}

/** Finds a tenant by its GUID or one of its domains. @throws GraphError 403, 404. */
export async function getTenant(call: OperatorCall, tenant: string): Promise<object> {
  await requireOperator(call)
  return tenantObject(call.db, await requireKnownTenant(call.db, tenant))
}

/** Changes how a tenant proves its clients: `refuseRepeatedAssertions`. @throws GraphError 403, 404, 400. */
export async function patchTenant(call: OperatorCall, tenant: string, body: unknown): Promise<void> {
  await requireOperator(call)
  const tenantId = await requireKnownTenant(call.db, tenant)
  const { refuseRepeatedAssertions, ...others } = bodyObject(body)
  const [other] = Object.keys(others)
  if (other !== undefined)
    throw badRequest(`Property '${other.slice(0, 100)}' of a tenant cannot be changed.`)
  await refuseRepeats(call.db, tenantId, requireFlag(refuseRepeatedAssertions, 'refuseRepeatedAssertions'))
}

/** A tenant as the operator sees it: the organization, and what only the platform decides. */
async function tenantObject(db: Database, id: string): Promise<object> {
  const { refuses_repeated_assertions: refuses } = await db
    .selectFrom('tenant')
    .select('refuses_repeated_assertions')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return { ...(await getOrganization(db, id)), refuseRepeatedAssertions: refuses === 1 }
}

/** Lets one more user of a tenant sign in to the portal. @throws GraphError 403, 404, 400. */
export async function postAccount(call: OperatorCall, tenant: string, body: unknown): Promise<object> {
  await requireOperator(call)
  const tenantId = await requireKnownTenant(call.db, tenant)
  const seed = readAccountSeed(body)
  return call.db.transaction().execute((db) => createAccount(joined(db), tenantId, seed, call.nowMs))
}

/** Adds a domain to a tenant. @throws GraphError 403, 404, 400. */
export async function postDomain(call: OperatorCall, tenant: string, body: unknown): Promise<object> {
  await requireOperator(call)
  const tenantId = await requireKnownTenant(call.db, tenant)
  await addDomain(call.db, tenantId, textOf(bodyObject(body)['name']))
  return tenantObject(call.db, tenantId)
}
