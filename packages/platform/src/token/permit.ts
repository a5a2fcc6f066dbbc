import type { PreferredKey } from '../discovery/own-signing-keys.ts'
import { foldUri } from '../registration/identifier-uris.ts'
import type { SignInTrail } from '../audit/sign-in.ts'
import { applyPolicies, readAccessRules } from '../policy/conditional-access.ts'
import { policyLifetime } from '../policy/token-lifetime.ts'
import type { Database } from '../store/database.ts'
import type { ReadCache } from '../store/read-cache.ts'
import type { Client } from './client.ts'
import { type OptionalClaims, readOptionalClaims } from './optional-claims.ts'
import { TokenRefusal } from './refusal.ts'

/** The API that a token is for, in one tenant. */
export interface Resource {
  readonly servicePrincipalId: string
  readonly appId: string
  /** What the client asked for, spelt as it is registered: the audience of a v1.0 token. */
  readonly requested: string
  readonly tokenVersion: 1 | 2
  readonly optionalClaims: OptionalClaims
  /** The key of its own that signs its tokens. */
  readonly preferredKey: PreferredKey | undefined
}

/** What the client may do there. */
export interface Permit {
  readonly servicePrincipalId: string
  /** How long policies let tokens for this resource live. Default: as long as all do. */
  readonly lifetimeSeconds: number | undefined
  /** Whether the client's application is for its home tenant alone. */
  readonly singleTenant: boolean
  readonly resource: Resource
  readonly roles: readonly string[]
}

interface Asked {
  readonly client: Client
  readonly tenantId: string
  readonly resource: string
  /** Where the request came from. Managed identities have no place, and Conditional Access lets them be. */
  readonly ipAddress?: string
  /** Told which policies applied, for the sign-in log. */
  readonly trail?: SignInTrail
}

/**
 * Decides whether the client may have a token for the resource, and with which roles: those assigned to its service
 * principal for this resource, and no others (wire.md §§1, 6).
 *
 * @throws TokenRefusal 7000229, 7000112, 500011, 500014, 53003, 501051.
 */
export async function permit(cache: ReadCache, asked: Asked): Promise<Permit> {
  const { client, tenantId, resource: requested } = asked
  const { servicePrincipalId, appId, displayName, singleTenant } = client
  if (servicePrincipalId === undefined) throw new TokenRefusal(7000229, { client: appId, tenant: tenantId })
  if (!client.isEnabled) throw new TokenRefusal(7000112, { client: appId, name: displayName })
  // Looking through all that a tenant has costs far more than the rest, and its clients share what was found.
  const resource = await cache.read(`resource ${tenantId} ${requested}`, (db) =>
    findResource(db, tenantId, requested),
  )
  await requireAccess(cache, asked, { servicePrincipalId, resourceAppId: resource.appId })
  const roles = rolesOf(client, resource)
  if (roles.length === 0 && resource.assignmentRequired)
    throw new TokenRefusal(501051, { client: appId, name: displayName, resource: requested })
  return { servicePrincipalId, singleTenant, resource, roles, lifetimeSeconds: resource.lifetimeSeconds }
}

/** Asks the tenant's Conditional Access policies. @throws TokenRefusal 53003. */
async function requireAccess(
  cache: ReadCache,
  { tenantId, ipAddress, trail, client: { isGoverned, risk } }: Asked,
  parties: { readonly servicePrincipalId: string; readonly resourceAppId: string },
): Promise<void> {
  if (ipAddress === undefined || !isGoverned) return
  const rules = await cache.read(`access ${tenantId}`, (db) => readAccessRules(db, tenantId))
  if (rules.policies.length === 0) return
  const applied = applyPolicies(rules, { ...parties, isGoverned, risk, ipAddress })
  if (applied.length === 0) return
  if (trail) trail.policies = applied
  if (!applied.some(({ result }) => result === 'failure')) return
  if (trail) trail.conditionalAccess = 'failure'
  throw new TokenRefusal(53003)
}

interface FoundResource extends Resource {
  readonly assignmentRequired: boolean
  /** How long policies let its tokens live. */
  readonly lifetimeSeconds: number | undefined
  /** Its roles by their ids, with their places in its registration. */
  readonly roles: ReadonlyMap<string, Role>
}

interface Role {
  readonly value: string
  readonly place: number
}

async function findResource(db: Database, tenantId: string, requested: string): Promise<FoundResource> {
  const rows = await db
    .selectFrom('service_principal')
    .innerJoin('application', 'application.app_id', 'service_principal.app_id')
    .leftJoin('token_signing_certificate as own', (join) =>
      join
        .onRef('own.service_principal_id', '=', 'service_principal.id')
        .onRef('own.thumbprint_sha1', '=', 'service_principal.preferred_signing_thumbprint'),
    )
    .select(['own.kid', 'own.start_at_ms', 'own.end_at_ms'])
    .select([
      'service_principal.id',
      'service_principal.app_id',
      'service_principal.account_enabled',
      'service_principal.app_role_assignment_required',
      'application.identifier_uris',
      'application.app_roles',
      'application.requested_access_token_version',
      'application.properties',
    ])
    .where('service_principal.tenant_id', '=', tenantId)
    .execute()
  const found = rows.find((row) =>
    names(row.app_id, row.identifier_uris).some((name) => foldUri(name) === foldUri(requested)),
  )
  if (!found) throw new TokenRefusal(500011, { resource: requested, tenant: tenantId })
  const registered = names(found.app_id, found.identifier_uris).find(
    (name) => foldUri(name) === foldUri(requested),
  )
  if (!found.account_enabled) throw new TokenRefusal(500014, { resource: requested })
  return {
    servicePrincipalId: found.id,
    appId: found.app_id,
    requested: withSlashOf(requested, registered ?? found.app_id),
    tokenVersion: found.requested_access_token_version === 2 ? 2 : 1,
    optionalClaims: optionalClaimsOf(found.properties),
    preferredKey: preferredKeyOf(found),
    assignmentRequired: found.app_role_assignment_required === 1,
    lifetimeSeconds: await policyLifetime(db, {
      tenantId,
      resourceId: found.id,
      resourceAppId: found.app_id,
    }),
    roles: rolesById(JSON.parse(found.app_roles) as AppRoles),
  }
}

interface Joined {
  readonly kid: string | null
  readonly start_at_ms: number | null
  readonly end_at_ms: number | null
}

const preferredKeyOf = ({ kid, start_at_ms, end_at_ms }: Joined): PreferredKey | undefined =>
  kid === null || start_at_ms === null || end_at_ms === null
    ? undefined
    : { kid, startAtMs: start_at_ms, endAtMs: end_at_ms }

type AppRoles = readonly { readonly id: string; readonly value: string }[]

const rolesById = (appRoles: AppRoles) =>
  new Map(appRoles.map(({ id, value }, place): [string, Role] => [id, { value, place }]))

const optionalClaimsOf = (properties: string) =>
  readOptionalClaims((JSON.parse(properties) as { readonly optionalClaims?: unknown }).optionalClaims)

const names = (appId: string, identifierUris: string) => [appId, ...(JSON.parse(identifierUris) as string[])]

/** The name as it is registered, but with the slash at its end, or without, as it was asked for. */
const withSlashOf = (requested: string, registered: string) =>
  registered.replace(/\/$/, '') + (requested.endsWith('/') ? '/' : '')

/** The values of the roles that a client holds at an API, in the order of its registration. */
function rolesOf({ assignments }: Client, resource: FoundResource): readonly string[] {
  const held = assignments.flatMap(({ resourceId, roleId }) =>
    resourceId === resource.servicePrincipalId ? (resource.roles.get(roleId) ?? []) : [],
  )
  return held.toSorted((a, b) => a.place - b.place).map(({ value }) => value)
}
