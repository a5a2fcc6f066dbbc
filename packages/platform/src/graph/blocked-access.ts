import { GuardRefusal, type Principal } from '@tomte/guard'
import type { Now } from '../clock.ts'
import { applyPolicies, readAccessRules } from '../policy/conditional-access.ts'
import { GRAPH_APP_ID } from '../registration/graph-application.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { clientIn } from '../token/client.ts'
import { understandsChallenges } from './guard.ts'

/** A caller whose token is good, and where the call comes from. */
export interface Caller {
  readonly principal: Principal
  readonly ipAddress: string
}

/**
 * Says whether Conditional Access blocks a caller now, as it would block a token request from the same place: a token that can be
 * challenged is not worth more than a new one would be (wire.md §11). Those of other clients live until they end.
 */
export async function blockedAccess(
  { cache, now }: { readonly cache: ReadCache; readonly now: Now },
  { principal, ipAddress }: Caller,
): Promise<GuardRefusal | undefined> {
  if (!understandsChallenges(principal)) return undefined
  const { tenantId, appId, objectId } = principal
  const rules = await cache.read(`access ${tenantId}`, (db) => readAccessRules(db, tenantId))
  if (rules.policies.length === 0) return undefined
  const { isGoverned, risk } = await clientIn(cache, appId, tenantId)
  const asked = { servicePrincipalId: objectId, resourceAppId: GRAPH_APP_ID, isGoverned, risk, ipAddress }
  const blocking = applyPolicies(rules, asked).find(({ result }) => result === 'failure')
  if (!blocking) return undefined
  const nbf = { essential: true, value: String(Math.floor(now() / 1000)) }
  return new GuardRefusal(
    'claims_challenge',
    `the Conditional Access policy ${blocking.id} blocks ${objectId} in ${tenantId} where it calls from`,
    JSON.stringify({ access_token: { nbf } }),
  )
}
