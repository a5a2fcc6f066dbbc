import { createHash } from 'node:crypto'

/** An app role as its resource defines it. */
export interface ResourceRole {
  readonly id: string
  readonly value: string
  readonly description: string
  readonly isEnabled: boolean
  readonly forApplications: boolean
}

/** A web API that a tenant knows; without a service principal there, nothing of it can be granted. */
export interface Resource {
  readonly appId: string
  readonly displayName: string
  readonly servicePrincipalId: string | undefined
  readonly roles: readonly ResourceRole[]
}

/** One role of one resource, by ids. */
export interface RoleId {
  readonly resourceAppId: string
  readonly roleId: string
}

export interface GrantedRole extends RoleId {
  readonly atMs: number
}

/** Where an application permission stands. */
export type PermissionState =
  | { readonly kind: 'granted'; readonly atMs: number }
  | { readonly kind: 'not granted' }
  | { readonly kind: 'cannot be granted'; readonly reason: string }

/** An application permission as an administrator is shown it. */
export interface Permission extends RoleId {
  /** The resource's name, or its id if the tenant does not know it. */
  readonly resource: string
  /** The role's value, such as `User.Read.All`; `undefined` if the resource has no role of this id. */
  readonly role: string | undefined
  readonly description: string
  readonly state: PermissionState
}

/** All application permissions of one application in one tenant. */
export interface Permissions {
  readonly requested: readonly Permission[]
  /** Granted, though the application does not ask for them, or no longer. */
  readonly unrequested: readonly Permission[]
  /**
   * Delegated permissions it asks for: they need a person who signs in, so consent here never grants them.
   */
  readonly delegated: number
}

/** What an application asks for: `requiredResourceAccess`, `Role` and `Scope` apart (wire.md §9). */
export interface Requested {
  readonly roles: readonly RoleId[]
  readonly delegated: number
}

interface Comparison {
  readonly requested: Requested
  readonly granted: readonly GrantedRole[]
  readonly resources: ReadonlyMap<string, Resource>
}

/** Compares what an application asks for with what it has, and says of each whether it can be granted. */
export function comparePermissions({ requested, granted, resources }: Comparison): Permissions {
  const grants = new Map(granted.map((one) => [keyOf(one), one]))
  const asked = new Map(requested.roles.map((one) => [keyOf(one), one]))
  const describe = (one: RoleId) => permission(one, resources.get(one.resourceAppId), grants.get(keyOf(one)))
  return {
    requested: [...asked.values()].map(describe),
    unrequested: granted.filter((one) => !asked.has(keyOf(one))).map(describe),
    delegated: requested.delegated,
  }
}

const keyOf = ({ resourceAppId, roleId }: RoleId) => `${resourceAppId}/${roleId}`

function permission(
  { resourceAppId, roleId }: RoleId,
  resource: Resource | undefined,
  granted: GrantedRole | undefined,
): Permission {
  const role = resource?.roles.find(({ id }) => id === roleId)
  return {
    resourceAppId,
    roleId,
    resource: resource?.displayName ?? resourceAppId,
    role: role?.value,
    description: role?.description ?? '',
    state: granted ? { kind: 'granted', atMs: granted.atMs } : ungranted(resource, role),
  }
}

function ungranted(resource: Resource | undefined, role: ResourceRole | undefined): PermissionState {
  const reason = obstacle(resource, role)
  return reason === undefined ? { kind: 'not granted' } : { kind: 'cannot be granted', reason }
}

function obstacle(resource: Resource | undefined, role: ResourceRole | undefined): string | undefined {
  if (!resource) return 'this tenant knows no application of that id'
  const { displayName: name } = resource
  if (!role) return `${name} has no permission of that id`
  if (!role.forApplications) return `${name} gives it to people, not to applications`
  if (!role.isEnabled) return `${name} has disabled it`
  return resource.servicePrincipalId === undefined
    ? `${name} has no service principal in this tenant`
    : undefined
}

/** Those that consent would grant now. */
export const grantable = ({ requested }: Permissions): readonly Permission[] =>
  requested.filter(({ state }) => state.kind === 'not granted')

/**
 * A short text that is the same for the same permissions: the consent page carries it, so that nothing is
 * granted that the administrator was not shown, if the application asks for more in the meantime.
 */
export function fingerprint(permissions: readonly Permission[]): string {
  const facts = permissions.map((one) =>
    JSON.stringify([keyOf(one), one.resource, one.role, one.description]),
  )
  return createHash('sha256').update(facts.sort().join('\n')).digest('base64url')
}
