import {
  createGuard,
  type Guard,
  GuardRefusal,
  type KeySource,
  type Principal,
  requirePermission,
} from '@tomte/guard'
import type { Now } from '../clock.ts'
import { rolesWith } from '../registration/directory-roles.ts'
import { readStanding, type Standing } from '../registration/ended-tokens.ts'
import { GRAPH_APP_ID, GRAPH_IDENTIFIER_URIS } from '../registration/graph-application.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { BACK_DATED_SECONDS, LONG_LIFETIME_SECONDS } from '../token/issue.ts'

export interface DirectoryGuardOptions {
  readonly keys: KeySource
  readonly cache: ReadCache
  readonly now: Now
}

/**
 * Makes the guard of the directory. Every tenant of this platform is let in: each sees only its own directory. The token of a
 * client that declared `cp1` is worth what its service principal is worth now; those of others live until they end, as Entra's
 * do (wire.md §§11, 12).
 */
export function directoryGuard({ keys, cache, now }: DirectoryGuardOptions): Pick<Guard, 'judge'> {
  const guard = createGuard({
    audience: [GRAPH_APP_ID, ...GRAPH_IDENTIFIER_URIS, ...GRAPH_IDENTIFIER_URIS.map((uri) => `${uri}/`)],
    issuers: [{ issuer: 'https://sts.windows.net/{tenantid}/', kind: '1.0', keys }],
    now,
  })
  return {
    judge: (authorization, required) => {
      const permitted = (principal: Principal) => {
        requirePermission(principal, required)
        return principal
      }
      const letIn = (principal: Principal) =>
        understandsChallenges(principal)
          ? requireStanding(cache, principal, now).then(permitted)
          : permitted(principal)
      const judged = guard.judge(authorization, 'any application')
      return judged instanceof Promise
        ? judged.then((each) => letIn(withDirectoryRoles(each)))
        : letIn(withDirectoryRoles(judged))
    },
  }
}

/** Whoever holds a role of the directory has the permissions for which it stands, beside those that were granted (wire.md §9). */
function withDirectoryRoles(principal: Principal): Principal {
  const roles = rolesWith(principal.roles, principal.claims['wids'])
  return roles === principal.roles ? principal : { ...principal, roles }
}

/** Whether the client said that it handles claims challenges (wire.md §11). */
export const understandsChallenges = ({ claims }: Principal): boolean =>
  Array.isArray(claims['xms_cc']) && claims['xms_cc'].includes('cp1')

/** @throws GuardRefusal claims_challenge, if the token's service principal was disabled, deleted or at risk after it was issued. */
async function requireStanding(cache: ReadCache, principal: Principal, now: Now): Promise<Principal> {
  const { objectId: id, tenantId, claims } = principal
  const standing = await cache.read(`standing ${tenantId} ${id}`, (db) => readStanding(db, { id, tenantId }))
  const endedAtMs = endOf(standing, now())
  if (endedAtMs === undefined) return principal
  const endedAt = Math.floor(endedAtMs / 1000)
  // Of tokens of that very second it cannot be told which came first; whoever is challenged gets one that says a second more.
  const from = endedAt + 1 - BACK_DATED_SECONDS
  // A client may have asked for a later beginning than others have. When it ends says when it was issued.
  const issued = Number(claims['exp']) - LONG_LIFETIME_SECONDS
  if (standing?.isEnabled && Number(claims['iat']) >= from && issued >= endedAt) return principal
  throw new GuardRefusal(
    'claims_challenge',
    `the tokens of ${id} in ${tenantId} were ended at ${endedAtMs} ms`,
    JSON.stringify({ access_token: { nbf: { essential: true, value: String(from) } } }),
  )
}

/** When the tokens of a service principal ended; those of one that is gone or disabled have ended now, whatever was before. */
const endOf = (standing: Standing | undefined, nowMs: number): number | undefined =>
  standing?.isEnabled ? standing.endedAtMs : nowMs
