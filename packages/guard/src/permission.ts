import type { Principal } from './claims.ts'
import { GuardRefusal } from './refusal.ts'

/** What must all hold of a caller's roles; nothing said lets no one in. */
export interface RoleRule {
  /** At least one of these. */
  readonly anyRole?: readonly string[] | undefined
  /** Each of these. */
  readonly allRoles?: readonly string[] | undefined
}

/** An application by its id; with `issuer` only as that one names it, to the letter. */
export type ListedClient = string | { readonly appId: string; readonly issuer: string }

/** What must all hold of an application. `clients` alone is an access list: who is on it needs no role. */
export interface ApplicationRule extends RoleRule {
  readonly clients?: readonly ListedClient[] | undefined
}

/** What must all hold of a user, and of what the client may do for the user. */
export interface UserRule extends RoleRule {
  readonly anyScope?: readonly string[] | undefined
  readonly allScopes?: readonly string[] | undefined
}

/** Who may call, applications and users apart: the kind that is not named is not let in. */
export interface CallerRules {
  readonly applications?: ApplicationRule | 'any application' | undefined
  readonly users?: UserRule | 'any user' | undefined
}

/** Who may call: the roles of which an application needs at least one, the word that lets in each, or rules. */
export type RequiredRoles = readonly string[] | 'any application' | CallerRules

/**
 * Lets a principal pass that may call; who is not named by a rule, or by an empty one, does not pass. A guard does this by
 * itself: it is for an API that has to look at more than the token before it says what a caller lacks.
 *
 * @throws GuardRefusal with status 403: not_app_only, not_user, role_missing, scope_missing, client_unaccepted.
 * @example
 * ```ts
 * import { createGuard, entra, requirePermission } from '@tomte/guard'
 * const guard = createGuard({
 *   audience: ['api://orders'],
 *   issuers: entra({ tenants: ['11111111-aaaa-4aaa-8aaa-000000000001'] }),
 * })
 * const principal = await guard.admit('Bearer …', 'any application')
 * requirePermission(principal, ['Orders.Read.All'])
 * ```
 */
export function requirePermission(principal: Principal, required: RequiredRoles): void {
  const { applications, users } = callerRules(required)
  if (principal.kind === 'application') {
    if (applications === undefined)
      throw new GuardRefusal('not_user', 'the token is of an application itself')
    if (applications !== 'any application') requireApplication(principal, applications)
  } else {
    if (users === undefined) throw new GuardRefusal('not_app_only', 'the token acts for a user')
    if (users !== 'any user') requireUser(principal, users)
  }
}

/** Whether the rules name anybody at all. */
export function namesSomebody(required: RequiredRoles | undefined): boolean {
  if (required === undefined) return false
  const { applications = {}, users = {} } = callerRules(required)
  return [applications, users].some(
    (rule) => typeof rule === 'string' || Object.values(rule).some((list) => list?.length > 0),
  )
}

function callerRules(required: RequiredRoles): CallerRules {
  if (required === 'any application') return { applications: required }
  return isList(required) ? { applications: { anyRole: required } } : required
}

const isList = (required: readonly string[] | CallerRules): required is readonly string[] =>
  Array.isArray(required)

function requireApplication(principal: Principal, rule: ApplicationRule): void {
  const { clients, anyRole, allRoles } = rule
  const { appId, issuer } = principal
  const listed = clients?.some((client) =>
    typeof client === 'string' ? client === appId : client.appId === appId && client.issuer === issuer,
  )
  if (listed === false)
    throw new GuardRefusal('client_unaccepted', `application ${appId} is not on the list of clients`)
  if (listed !== true || anyRole || allRoles) requireHeld(principal, ROLES, { any: anyRole, all: allRoles })
}

function requireUser(principal: Principal, rule: UserRule): void {
  const { anyRole, allRoles, anyScope, allScopes } = rule
  const scopes = { any: anyScope, all: allScopes }
  if (anyScope || allScopes) requireHeld(principal, SCOPES, scopes)
  if (anyRole || allRoles || !(anyScope || allScopes))
    requireHeld(principal, ROLES, { any: anyRole, all: allRoles })
}

interface Holding {
  readonly code: 'role_missing' | 'scope_missing'
  readonly word: string
  readonly held: (principal: Principal) => readonly string[]
}

const ROLES: Holding = { code: 'role_missing', word: 'role', held: ({ roles }) => roles }
const SCOPES: Holding = { code: 'scope_missing', word: 'scope', held: ({ scopes }) => scopes }

interface Needed {
  readonly any: readonly string[] | undefined
  readonly all: readonly string[] | undefined
}

function requireHeld(principal: Principal, { code, word, held }: Holding, { any, all }: Needed): void {
  const has = held(principal)
  // An empty list of all would be held by everybody.
  const holdsAll = all === undefined || (all.length > 0 && all.every((each) => has.includes(each)))
  const holdsAny = any === undefined ? all !== undefined : any.some((each) => has.includes(each))
  if (holdsAll && holdsAny) return
  const who = principal.kind === 'user' ? `user ${principal.objectId}` : `application ${principal.appId}`
  const holds = has.length === 0 ? `no ${word}` : has.join(', ')
  const needs = holdsAll ? `one of ${(any ?? []).join(', ')}` : `each of ${(all ?? []).join(', ')}`
  throw new GuardRefusal(code, `${who} holds ${holds}, and ${needs} is needed`)
}
