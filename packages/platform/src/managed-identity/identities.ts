import { randomUUID } from 'node:crypto'
import { PlatformError } from '../errors.ts'
import { GRAPH_TENANT_ID } from '../registration/graph-application.ts'
import type { RegistrationStore } from '../registration/applications.ts'
import { ensureTokenExchange } from './token-exchange.ts'

/** A managed identity to make, if it is not there: that of this host, or one that an administrator assigns to it. */
export interface ManagedIdentitySeed {
  /** `system` once for each tenant, `user` any number of times. */
  readonly kind: 'system' | 'user'
  /** 3 to 128 letters, digits, `_` and `-`, starting with a letter or digit; unique for its kind, without regard to case. */
  readonly name: string
}

/** A service principal of type ManagedIdentity, with what selects it at an endpoint (wire.md §10). */
export interface ManagedIdentity extends ManagedIdentitySeed {
  readonly clientId: string
  /** The object id of its service principal: what roles are assigned to, and the `sub` of its tokens. */
  readonly principalId: string
  /** Its Azure resource id, the `xms_mirid` of its tokens. */
  readonly resourceId: string
}

/** How a request names one identity among several. */
export type Selector = Pick<ManagedIdentity, 'clientId' | 'principalId' | 'resourceId'>

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/

/** The Azure resource id; the tenant stands in for the subscription, of which there is none here. */
function resourceIdOf(tenantId: string, { kind, name }: ManagedIdentitySeed): string {
  const group = `/subscriptions/${tenantId}/resourcegroups/tomte/providers`
  return kind === 'system'
    ? `${group}/Microsoft.Compute/virtualMachines/${name}`
    : `${group}/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
}

/**
 * Makes the identities that are not there, and the resource by which they serve as federated credentials.
 *
 * @throws PlatformError if a name cannot be one, or the tenant has another system-assigned identity.
 */
export async function ensureIdentities(
  store: RegistrationStore,
  seeds: readonly ManagedIdentitySeed[],
  nowMs: number,
): Promise<readonly ManagedIdentity[]> {
  const invalid = seeds.find(({ name }) => !NAME.test(name))
  if (invalid) throw nameInvalid(invalid.name)
  await store.db.transaction().execute(async (db) => {
    await ensureTokenExchange({ ...store, db }, nowMs)
    for (const seed of seeds) await ensureIdentity({ ...store, db }, seed, nowMs)
  })
  return listIdentities(store)
}

async function ensureIdentity(
  { db, tenantId }: RegistrationStore,
  seed: ManagedIdentitySeed,
  nowMs: number,
): Promise<void> {
  const resourceId = resourceIdOf(tenantId, seed)
  const known = await listIdentities({ db, tenantId })
  if (known.some((identity) => sameText(identity.resourceId, resourceId))) return
  const other = seed.kind === 'system' && known.find(({ kind }) => kind === 'system')
  if (other) throw secondSystem(seed.name, other.name)
  const [appId, principalId] = [randomUUID(), randomUUID()]
  // Its application belongs to no directory: nobody can edit it, and it proves itself at no token endpoint.
  await db
    .insertInto('application')
    .values({
      id: randomUUID(),
      app_id: appId,
      tenant_id: GRAPH_TENANT_ID,
      display_name: seed.name,
      sign_in_audience: 'AzureADMyOrg',
      identifier_uris: '[]',
      app_roles: '[]',
      required_resource_access: '[]',
      requested_access_token_version: null,
      created_at_ms: nowMs,
    })
    .execute()
  await db
    .insertInto('service_principal')
    .values({
      id: principalId,
      app_id: appId,
      tenant_id: tenantId,
      account_enabled: 1,
      app_role_assignment_required: 0,
      created_at_ms: nowMs,
    })
    .execute()
  await db
    .insertInto('managed_identity')
    .values({ principal_id: principalId, kind: seed.kind, resource_id: resourceId })
    .execute()
}

/** Every managed identity of the tenant, the oldest first. */
export async function listIdentities({
  db,
  tenantId,
}: RegistrationStore): Promise<readonly ManagedIdentity[]> {
  const rows = await db
    .selectFrom('managed_identity')
    .innerJoin('service_principal as principal', 'principal.id', 'managed_identity.principal_id')
    .innerJoin('application', 'application.app_id', 'principal.app_id')
    .select(['managed_identity.kind', 'managed_identity.resource_id'])
    .select(['principal.id', 'principal.app_id', 'application.display_name'])
    .where('principal.tenant_id', '=', tenantId)
    .orderBy('principal.created_at_ms')
    .orderBy('managed_identity.resource_id')
    .execute()
  return rows.map((row) => ({
    kind: row.kind,
    name: row.display_name,
    clientId: row.app_id,
    principalId: row.id,
    resourceId: row.resource_id,
  }))
}

/** What a request without a selector means: a virtual machine takes its only user-assigned identity, others do not. */
export type Unselected = 'system' | 'system or the only one'

/** Chooses the identity that a request is for, or says why there is none (wire.md §10.1). */
export function chooseIdentity(
  identities: readonly ManagedIdentity[],
  selector: Partial<Selector>,
  unselected: Unselected,
): ManagedIdentity | 'unknown' | 'several' {
  const [wanted] = Object.entries(selector) as [keyof Selector, string][]
  if (wanted) {
    const [property, value] = wanted
    return identities.find((identity) => sameText(identity[property], value)) ?? 'unknown'
  }
  const system = identities.find(({ kind }) => kind === 'system')
  if (system) return system
  const [only, ...others] = unselected === 'system' ? [] : identities
  if (!only) return 'unknown'
  return others.length === 0 ? only : 'several'
}

const sameText = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()

const nameInvalid = (name: string) =>
  new PlatformError(
    `Cannot make the managed identity '${name.slice(0, 200)}', as its name needs 3 to 128 letters, digits, '_' and '-', and a letter or digit first`,
    { code: 'identity_name_invalid', hint: 'Choose another name' },
  )

const secondSystem = (name: string, known: string) =>
  new PlatformError(
    `Cannot make the system-assigned identity '${name}', as a tenant has one: '${known}' is there`,
    { code: 'identity_taken', hint: `Call it '${known}', or make a user-assigned identity` },
  )
