import { badRequest, notFound } from '../graph/errors.ts'
import { bodyObject, readQuery } from '../graph/query.ts'
import { endTokens } from '../registration/ended-tokens.ts'
import { findServicePrincipal } from '../registration/service-principals.ts'
import type { PolicyCall } from './policies.ts'

const selectRisky = ({ db, tenantId }: Pick<PolicyCall, 'db' | 'tenantId'>) =>
  db
    .selectFrom('service_principal_risk as risk')
    .innerJoin('service_principal', 'service_principal.id', 'risk.principal_id')
    .innerJoin('application', 'application.app_id', 'service_principal.app_id')
    .select(['risk.principal_id', 'risk.level', 'risk.state', 'risk.updated_at_ms'])
    .select(['application.app_id', 'application.display_name', 'service_principal.account_enabled'])
    .where('service_principal.tenant_id', '=', tenantId)

type Row = Awaited<ReturnType<ReturnType<typeof selectRisky>['executeTakeFirstOrThrow']>>

const riskObject = (row: Row) => ({
  id: row.principal_id,
  appId: row.app_id,
  displayName: row.display_name,
  isEnabled: row.account_enabled === 1,
  isProcessing: false,
  riskDetail:
    row.state === 'dismissed'
      ? 'adminDismissedAllRiskForServicePrincipal'
      : 'adminConfirmedServicePrincipalCompromised',
  riskLastUpdatedDateTime: new Date(row.updated_at_ms).toISOString(),
  riskLevel: row.level,
  riskState: row.state,
  servicePrincipalType: 'Application',
})

/** Lists the service principals of which a risk was stated. */
export async function listRisky(call: PolicyCall, rawQuery: unknown): Promise<readonly object[]> {
  readQuery(rawQuery, [])
  return (await selectRisky(call).orderBy('risk.principal_id').execute()).map(riskObject)
}

/** Finds one of them. @throws GraphError 404. */
export async function getRisky(call: PolicyCall, id: string): Promise<object> {
  const row = await selectRisky(call).where('risk.principal_id', '=', id.toLowerCase()).executeTakeFirst()
  if (!row) throw notFound(id)
  return riskObject(row)
}

/** States that service principals are compromised, or are not: nothing here finds risks by itself. @throws GraphError 400, 404. */
export async function stateRisk(
  call: PolicyCall,
  body: unknown,
  { level, state }: { readonly level: 'high' | 'none'; readonly state: 'confirmedCompromised' | 'dismissed' },
): Promise<void> {
  const { servicePrincipalIds: ids } = bodyObject(body)
  if (
    !Array.isArray(ids) ||
    ids.length === 0 ||
    ids.length > 60 ||
    !ids.every((id) => typeof id === 'string')
  )
    throw badRequest("Property 'servicePrincipalIds' must be a list of 1 to 60 ids.")
  for (const id of ids as readonly string[]) {
    const principal = await findServicePrincipal(call, id)
    const values = { level, state, updated_at_ms: call.nowMs }
    await call.db
      .insertInto('service_principal_risk')
      .values({ principal_id: principal.id, ...values })
      .onConflict((conflict) => conflict.column('principal_id').doUpdateSet(values))
      .execute()
    if (level === 'high') await endTokens(call.db, principal, call.nowMs)
  }
}
