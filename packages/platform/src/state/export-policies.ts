import { DEFAULT_KIND, DEFAULT_POLICY_ID } from '../policy/credential-rules.ts'
import type { Database } from '../store/database.ts'

/** Policies of every kind, each with the applications and the service principals that it is assigned to, by application id. */
export async function exportPolicies(
  db: Database,
  tenantId: string,
  operator: string,
): Promise<readonly object[]> {
  const rows = await db
    .selectFrom('policy')
    .select(['id', 'kind', 'body'])
    .where('tenant_id', '=', tenantId)
    .orderBy('id')
    .execute()
  return Promise.all(
    rows.map(async ({ id, kind, body }) => ({
      id: kind === DEFAULT_KIND ? DEFAULT_POLICY_ID : id,
      kind,
      policy: JSON.parse(body) as unknown,
      applications: await assigned(db, 'application', id, operator),
      servicePrincipals: await assigned(db, 'service_principal', id, operator),
    })),
  )
}

async function assigned(
  db: Database,
  table: 'application' | 'service_principal',
  policyId: string,
  operator: string,
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('policy_assignment')
    .innerJoin(`${table} as object` as 'application as object', 'object.id', 'policy_assignment.object_id')
    .select('object.app_id')
    .where('policy_assignment.policy_id', '=', policyId)
    .orderBy('object.app_id')
    .execute()
  return rows.map((row) => row.app_id).filter((appId) => appId !== operator)
}
