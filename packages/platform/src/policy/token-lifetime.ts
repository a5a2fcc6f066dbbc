import { badRequest } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import { onlyThese, optionalFlag, requiredName } from './policy-shape.ts'
import type { PolicyBody } from './policies.ts'

const LIFETIME = { minSeconds: 10 * 60, maxSeconds: 24 * 60 * 60 }
const SPAN = /^(?:(\d{1,2})\.)?(\d{2}):([0-5]\d):([0-5]\d)$/

/** Reads a token lifetime policy: one definition, 10 minutes to one day (wire.md §12). @throws GraphError 400. */
export function readTokenLifetimePolicy(sent: PolicyBody, known: PolicyBody = {}): PolicyBody {
  const { '@odata.type': _type, ...properties } = sent
  onlyThese(properties, ['displayName', 'definition', 'isOrganizationDefault'])
  const merged: PolicyBody = { ...known, ...properties }
  const { definition } = merged
  const [text] = Array.isArray(definition) && definition.length === 1 ? (definition as unknown[]) : []
  if (lifetimeOf(text) === undefined)
    throw badRequest(
      `Property 'definition' must be a list of one text such as {"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"00:30:00"}}, with a lifetime of 10 minutes to 1 day.`,
    )
  return {
    displayName: requiredName(merged['displayName']),
    definition: [text],
    isOrganizationDefault: optionalFlag(merged['isOrganizationDefault'], 'isOrganizationDefault'),
  }
}

/** The lifetime of access tokens that a definition states, in seconds; `undefined` if it states none that can be. */
export function lifetimeOf(definition: unknown): number | undefined {
  if (typeof definition !== 'string' || definition.length > 1000) return undefined
  let stated: unknown
  try {
    const { TokenLifetimePolicy: policy } = JSON.parse(definition) as { TokenLifetimePolicy?: PolicyBody }
    if (policy?.['Version'] !== 1) return undefined
    stated = policy['AccessTokenLifetime']
  } catch {
    return undefined
  }
  const parts = typeof stated === 'string' ? SPAN.exec(stated) : null
  if (!parts) return undefined
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map((part) => Number(part ?? 0))
  const total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
  return hours < 24 && total >= LIFETIME.minSeconds && total <= LIFETIME.maxSeconds ? total : undefined
}

interface Governed {
  readonly tenantId: string
  /** The service principal of the API that the token is for. */
  readonly resourceId: string
  readonly resourceAppId: string
}

/**
 * The lifetime that policies set for tokens of an API, in seconds: that of its service principal, or else of the tenant, or
 * else of its application (wire.md §12).
 */
export async function policyLifetime(
  db: Database,
  { tenantId, resourceId, resourceAppId }: Governed,
): Promise<number | undefined> {
  const rows = await db
    .selectFrom('policy')
    .leftJoin('policy_assignment', 'policy_assignment.policy_id', 'policy.id')
    .leftJoin('application', 'application.id', 'policy_assignment.object_id')
    .select(['policy.body', 'policy.tenant_id', 'policy_assignment.object_id', 'application.app_id'])
    .where('policy.kind', '=', 'tokenLifetimePolicies')
    .where((is) =>
      is.or([is('policy.tenant_id', '=', tenantId), is('application.app_id', '=', resourceAppId)]),
    )
    .execute()
  const policies = rows.map((row) => ({ ...row, policy: JSON.parse(row.body) as PolicyBody }))
  const governing =
    policies.find((one) => one.object_id === resourceId) ??
    policies.find((one) => one.tenant_id === tenantId && one.policy['isOrganizationDefault'] === true) ??
    policies.find((one) => one.app_id === resourceAppId)
  const [definition] = (governing?.policy['definition'] ?? []) as unknown[]
  return lifetimeOf(definition)
}
