import { randomUUID } from 'node:crypto'
import { badRequest, GraphError, notFound } from '../graph/errors.ts'
import { bodyObject, linkedId, readQuery } from '../graph/query.ts'
import { findApplication, type RegistrationStore } from '../registration/applications.ts'
import type { OwnerKind } from '../registration/credential-owner.ts'
import { isAuthorityUsed } from '../registration/trusted-certificate-subjects.ts'
import { findServicePrincipal } from '../registration/service-principals.ts'
import { withoutAnnotations } from '../registration/stored-properties.ts'
import {
  authoritiesNamedIn,
  DEFAULT_KIND,
  readAppManagementPolicy,
  refuseUnknownConfigurations,
} from './credential-rules.ts'
import { readCertificateAuthorities } from './certificate-authorities.ts'
import { readConditionalAccessPolicy } from './conditional-access-policy.ts'
import { readNamedLocation } from './named-location.ts'
import { readTokenLifetimePolicy } from './token-lifetime.ts'

/** The properties of a policy as Graph shows them, without its id. */
export type PolicyBody = Readonly<Record<string, unknown>>

/** Reads what was sent, laid over what is there. @throws GraphError 400. */
export type PolicyReader = (sent: PolicyBody, known: PolicyBody | undefined) => PolicyBody

/** The kinds of policy, by the collection that they are in, and what can be read of each. */
export const POLICY_READERS = {
  tokenLifetimePolicies: readTokenLifetimePolicy,
  appManagementPolicies: readAppManagementPolicy,
  conditionalAccessPolicies: readConditionalAccessPolicy,
  namedLocations: readNamedLocation,
  certificateBasedApplicationConfigurations: readCertificateAuthorities,
} as const satisfies Record<string, PolicyReader>

export type PolicyKind = keyof typeof POLICY_READERS

/** A call that changes policies. */
export interface PolicyCall extends RegistrationStore {
  readonly nowMs: number
}

// As many conditional access policies as Entra lets a tenant have; evaluation reads them all.
const POLICIES_MAX = 195

const WITH_TIMES: readonly PolicyKind[] = ['conditionalAccessPolicies', 'namedLocations']

interface Row {
  readonly id: string
  readonly kind: string
  readonly body: string
  readonly created_at_ms: number
  readonly modified_at_ms: number
}

function policyObject(row: Row): object {
  const times = {
    createdDateTime: new Date(row.created_at_ms).toISOString(),
    modifiedDateTime: new Date(row.modified_at_ms).toISOString(),
  }
  const body = JSON.parse(row.body) as object
  return { id: row.id, ...(WITH_TIMES.includes(row.kind as PolicyKind) ? times : {}), ...body }
}

const selectPolicies = ({ db, tenantId }: RegistrationStore, kind: PolicyKind) =>
  db.selectFrom('policy').selectAll().where('tenant_id', '=', tenantId).where('kind', '=', kind)

/** Lists the policies of one kind. @throws GraphError 400 for query options. */
export async function listPolicies(
  store: RegistrationStore,
  kind: PolicyKind,
  rawQuery: unknown,
): Promise<readonly object[]> {
  readQuery(rawQuery, [])
  const rows = await selectPolicies(store, kind).orderBy('id').execute()
  return rows.map(policyObject)
}

/** Finds a policy. @throws GraphError 404. */
export async function getPolicy(store: RegistrationStore, kind: PolicyKind, id: string): Promise<object> {
  return policyObject(await findPolicy(store, kind, id))
}

async function findPolicy(store: RegistrationStore, kind: PolicyKind, id: string): Promise<Row> {
  const row = await selectPolicies(store, kind).where('id', '=', id.toLowerCase()).executeTakeFirst()
  if (!row) throw notFound(id)
  return row
}

/**
 * Makes a policy; its id is a new one, unless it is one that was exported.
 *
 * @throws GraphError 400 for what cannot be one, or the 196th of its kind.
 */
export async function createPolicy(
  call: PolicyCall,
  kind: PolicyKind,
  body: unknown,
  id: string = randomUUID(),
): Promise<object> {
  const read: PolicyReader = POLICY_READERS[kind]
  const policy = read(sentOf(body), undefined)
  await refuseUnknownConfigurations(call, policy)
  const known = await selectPolicies(call, kind).execute()
  if (known.length >= POLICIES_MAX)
    throw badRequest(`A tenant may have at most ${POLICIES_MAX} policies of a kind.`)
  const row = {
    id,
    tenant_id: call.tenantId,
    kind,
    body: JSON.stringify(policy),
    created_at_ms: call.nowMs,
    modified_at_ms: call.nowMs,
  }
  await call.db.insertInto('policy').values(row).execute()
  await keepOneDefault(call, kind, row.id, policy)
  return policyObject(row)
}

/** Changes what was sent of a policy. @throws GraphError 404, 400. */
export async function updatePolicy(
  call: PolicyCall,
  kind: PolicyKind,
  id: string,
  body: unknown,
): Promise<void> {
  const row = await findPolicy(call, kind, id)
  const read: PolicyReader = POLICY_READERS[kind]
  const policy = read(sentOf(body), JSON.parse(row.body) as PolicyBody)
  await refuseUnknownConfigurations(call, policy)
  await call.db
    .updateTable('policy')
    .set({ body: JSON.stringify(policy), modified_at_ms: call.nowMs })
    .where('id', '=', row.id)
    .execute()
  await keepOneDefault(call, kind, row.id, policy)
}

/** SDKs name the type of what they send; only that of a named location says something. */
const sentOf = (body: unknown): PolicyBody => {
  const sent = bodyObject(body)
  const type = sent['@odata.type']
  return { ...withoutAnnotations(sent), ...(type === undefined ? {} : { '@odata.type': type }) }
}

/** Of the policies that hold for a whole tenant there is one: the last that was made so. */
async function keepOneDefault(
  call: PolicyCall,
  kind: PolicyKind,
  id: string,
  policy: PolicyBody,
): Promise<void> {
  if (policy['isOrganizationDefault'] !== true) return
  for (const row of await selectPolicies(call, kind).where('id', '!=', id).execute()) {
    const body = JSON.stringify({ ...(JSON.parse(row.body) as object), isOrganizationDefault: false })
    await call.db.updateTable('policy').set({ body }).where('id', '=', row.id).execute()
  }
}

/** Deletes a policy, and with it its assignments. @throws GraphError 404, 400 for a named location that a policy names. */
export async function deletePolicy(store: RegistrationStore, kind: PolicyKind, id: string): Promise<void> {
  const row = await findPolicy(store, kind, id)
  if (kind === 'namedLocations') {
    const policies = await selectPolicies(store, 'conditionalAccessPolicies').execute()
    if (policies.some(({ body }) => body.includes(row.id)))
      throw badRequest(`The named location '${row.id}' cannot be deleted while a policy names it.`)
  }
  if (kind === 'certificateBasedApplicationConfigurations') await refuseUsedAuthorities(store, row.id)
  await store.db.deleteFrom('policy').where('id', '=', row.id).execute()
}

/** Authorities stay while an application or a policy relies on them. @throws GraphError 400. */
async function refuseUsedAuthorities(store: RegistrationStore, id: string): Promise<void> {
  if (await isAuthorityUsed(store.db, store.tenantId, id))
    throw badRequest(
      `The authorities '${id}' cannot be deleted while an application trusts a subject of theirs.`,
    )
  const rules = await store.db
    .selectFrom('policy')
    .select('body')
    .where('tenant_id', '=', store.tenantId)
    .where('kind', 'in', ['appManagementPolicies', DEFAULT_KIND])
    .execute()
  if (rules.some(({ body }) => authoritiesNamedIn(JSON.parse(body) as PolicyBody).includes(id)))
    throw badRequest(
      `The authorities '${id}' cannot be deleted while a policy demands certificates of theirs.`,
    )
}

/** The kinds that are assigned to applications and service principals. */
export type AssignableKind = 'tokenLifetimePolicies' | 'appManagementPolicies'

async function objectIdOf(store: RegistrationStore, owner: OwnerKind, id: string): Promise<string> {
  return (await (owner === 'application' ? findApplication(store, id) : findServicePrincipal(store, id))).id
}

const selectAssigned = ({ db, tenantId }: RegistrationStore, kind: AssignableKind, objectId: string) =>
  db
    .selectFrom('policy_assignment')
    .innerJoin('policy', 'policy.id', 'policy_assignment.policy_id')
    .selectAll('policy')
    .where('policy.tenant_id', '=', tenantId)
    .where('policy.kind', '=', kind)
    .where('policy_assignment.object_id', '=', objectId)

/** Lists the policies that are assigned to an application or a service principal. @throws GraphError 404. */
export async function listAssignedPolicies(
  store: RegistrationStore,
  kind: AssignableKind,
  owner: OwnerKind,
  id: string,
): Promise<readonly object[]> {
  const rows = await selectAssigned(store, kind, await objectIdOf(store, owner, id)).execute()
  return rows.map(policyObject)
}

/** Assigns the policy that an `@odata.id` names; an object has at most one of a kind. @throws GraphError 404, 400, 409. */
export async function assignPolicy(
  store: RegistrationStore,
  kind: AssignableKind,
  owner: OwnerKind,
  id: string,
  body: unknown,
): Promise<void> {
  const objectId = await objectIdOf(store, owner, id)
  const policy = await findPolicy(store, kind, linkedId(body, [kind]))
  const [assigned] = await selectAssigned(store, kind, objectId).execute()
  if (assigned)
    throw new GraphError(
      409,
      'Request_MultipleObjectsWithSameKeyValue',
      `The policy '${assigned.id}' is assigned to this object already, and there can be one of a kind.`,
    )
  await store.db
    .insertInto('policy_assignment')
    .values({ policy_id: policy.id, object_id: objectId })
    .execute()
}

/** Takes an assignment back. @throws GraphError 404. */
export async function unassignPolicy(
  store: RegistrationStore,
  kind: AssignableKind,
  owner: OwnerKind,
  at: { readonly id: string; readonly policyId: string },
): Promise<void> {
  const objectId = await objectIdOf(store, owner, at.id)
  const policy = await findPolicy(store, kind, at.policyId)
  const { numDeletedRows } = await store.db
    .deleteFrom('policy_assignment')
    .where('policy_id', '=', policy.id)
    .where('object_id', '=', objectId)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw notFound(at.policyId)
}
