import { randomUUID } from 'node:crypto'
import { GraphError } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import { grant } from './assignments.ts'
import type { RegistrationStore } from './applications.ts'
import { GRAPH_APP_ID, GRAPH_ROLES } from './graph-application.ts'

/** What the person at the terminal may do, in every tenant of the platform. */
const OPERATOR_ROLES = [
  'Application.ReadWrite.All',
  'AppRoleAssignment.ReadWrite.All',
  'User.ReadWrite.All',
  'Group.ReadWrite.All',
  'RoleManagement.ReadWrite.Directory',
  'Organization.ReadWrite.All',
  'Policy.ReadWrite.ApplicationConfiguration',
  'Policy.ReadWrite.ConditionalAccess',
  'IdentityRiskyServicePrincipal.ReadWrite.All',
] as const

/** The `requiredResourceAccess` of the operator application, as it is stored. */
export const OPERATOR_REQUESTS = JSON.stringify([
  {
    resourceAppId: GRAPH_APP_ID,
    resourceAccess: OPERATOR_ROLES.map((role) => ({ id: GRAPH_ROLES[role].id, type: 'Role' })),
  },
])

interface Admission {
  readonly appId: string
  readonly tenantId: string
}

/** Gives a tenant its service principals of Graph and of the operator, with the operator's roles, as far as they are missing. */
export async function admitOperator(
  db: Database,
  { appId, tenantId }: Admission,
  nowMs: number,
): Promise<void> {
  const resourceId = await ensurePrincipal(db, { appId: GRAPH_APP_ID, tenantId }, nowMs)
  const principalId = await ensurePrincipal(db, { appId, tenantId }, nowMs)
  for (const role of OPERATOR_ROLES)
    await grant({ db, tenantId }, { principalId, resourceId, appRoleId: GRAPH_ROLES[role].id }, nowMs)
}

async function ensurePrincipal(db: Database, { appId, tenantId }: Admission, nowMs: number): Promise<string> {
  await db
    .insertInto('service_principal')
    .values({
      id: randomUUID(),
      app_id: appId,
      tenant_id: tenantId,
      account_enabled: 1,
      app_role_assignment_required: 0,
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'app_id']).doNothing())
    .execute()
  const { id } = await db
    .selectFrom('service_principal')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('app_id', '=', appId)
    .executeTakeFirstOrThrow()
  return id
}

/** The operator's roles may grow with a release, so they are granted at every start, wherever the operator is. */
export async function renewOperator(db: Database, appId: string, nowMs: number): Promise<void> {
  const tenants = await db
    .selectFrom('service_principal')
    .select('tenant_id')
    .where('app_id', '=', appId)
    .execute()
  await db.transaction().execute(async (transaction) => {
    await transaction
      .updateTable('application')
      .set({ required_resource_access: OPERATOR_REQUESTS })
      .where('app_id', '=', appId)
      .execute()
    for (const { tenant_id } of tenants)
      await admitOperator(transaction, { appId, tenantId: tenant_id }, nowMs)
  })
}

/** The operator application and the tenant that the platform began with. */
export async function readOperatorApplication(db: Database): Promise<Admission> {
  const row = await db
    .selectFrom('setting')
    .innerJoin('application', 'application.app_id', 'setting.value')
    .select(['application.app_id', 'application.tenant_id'])
    .where('setting.name', '=', 'operator')
    .executeTakeFirstOrThrow()
  return { appId: row.app_id, tenantId: row.tenant_id }
}

interface OperatorCall extends RegistrationStore {
  readonly principal: { readonly appId: string | undefined }
}

/** Lets the operator in its own tenant pass, and nobody else whatever the role. @throws GraphError 403. */
export async function requireOperator({ db, tenantId, principal }: OperatorCall): Promise<void> {
  const operator = await readOperatorApplication(db)
  if (principal.appId === operator.appId && tenantId === operator.tenantId) return
  throw new GraphError(
    403,
    'Authorization_RequestDenied',
    'Insufficient privileges to complete the operation.',
  )
}
