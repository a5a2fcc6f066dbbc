import { randomUUID } from 'node:crypto'
import type { ListCall, Page } from '../directory/collection.ts'
import { badRequest, GraphError, notFound } from '../graph/errors.ts'
import { bodyObject, textOf } from '../graph/query.ts'
import type { Database } from '../store/database.ts'
import { BY_APP_ID, type RegistrationStore } from './applications.ts'
import { replaceKeyCredentials } from './key-credentials.ts'
import { SERVICE_PRINCIPAL } from './listed-types.ts'
import { listPage } from './pages.ts'
import { preferredThumbprint } from './signing-certificates.ts'
import {
  mergeStored,
  SERVICE_PRINCIPAL_PROPERTIES,
  storedProperties,
  withoutAnnotations,
} from './stored-properties.ts'

/** A service principal with what it shows of its application. */
export interface ServicePrincipal {
  readonly id: string
  /** The object id of its application. */
  readonly applicationId: string
  readonly appId: string
  readonly displayName: string
  /** The tenant that its application belongs to. */
  readonly homeTenantId: string
  readonly accountEnabled: boolean
  readonly appRoles: readonly AppRole[]
  /** What is kept as it was sent: JSON. */
  readonly properties: string
  readonly object: object
}

export interface AppRole {
  readonly id: string
  readonly value: string
  readonly displayName?: string
  readonly allowedMemberTypes: readonly string[]
  readonly isEnabled: boolean
}

/** Adds an application to the tenant: its own, or a multi-tenant one of another. @throws GraphError 400, 409. */
export async function createServicePrincipal(
  store: RegistrationStore,
  body: unknown,
  nowMs: number,
): Promise<object> {
  const {
    appId,
    accountEnabled = true,
    appRoleAssignmentRequired = false,
    'owners@odata.bind': _owners,
    ...others
  } = withoutAnnotations(bodyObject(body))
  const properties = mergeStored(SERVICE_PRINCIPAL_PROPERTIES, '{}', others)
  const application = await store.db
    .selectFrom('application')
    .select(['app_id', 'tenant_id', 'sign_in_audience'])
    .where('app_id', '=', textOf(appId).toLowerCase())
    .executeTakeFirst()
  if (
    !application ||
    (application.tenant_id !== store.tenantId && application.sign_in_audience !== 'AzureADMultipleOrgs')
  ) {
    throw badRequest(
      `The appId '${textOf(appId).slice(0, 100)}' of the service principal does not reference a valid application object.`,
    )
  }
  const id = randomUUID()
  const inserted = await store.db
    .insertInto('service_principal')
    .values({
      id,
      app_id: application.app_id,
      tenant_id: store.tenantId,
      account_enabled: flag(accountEnabled),
      app_role_assignment_required: flag(appRoleAssignmentRequired),
      properties,
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'app_id']).doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!inserted)
    throw new GraphError(
      409,
      'Request_MultipleObjectsWithSameKeyValue',
      'The service principal of this application already exists.',
    )
  return (await findServicePrincipal(store, id)).object
}

/** Finds a service principal by object id or `(appId='…')`. @throws GraphError 404. */
export async function findServicePrincipal(
  { db, tenantId }: RegistrationStore,
  id: string,
): Promise<ServicePrincipal> {
  const byAppId = id.startsWith(BY_APP_ID)
  const value = (byAppId ? id.slice(BY_APP_ID.length) : id).toLowerCase()
  const row = await selectPrincipals(db, tenantId)
    .where(byAppId ? 'service_principal.app_id' : 'service_principal.id', '=', value)
    .executeTakeFirst()
  if (!row) throw notFound(value)
  return servicePrincipal(row)
}

/** Lists a page of service principals, each shown by `show`. @throws GraphError 400. */
export const listServicePrincipals = (
  call: ListCall,
  show: (principals: readonly ServicePrincipal[]) => Promise<readonly object[]>,
): Promise<Page> =>
  listPage<PrincipalRow>(call, {
    type: SERVICE_PRINCIPAL,
    rows: (condition) => selectPrincipals(call.db, call.tenantId).where(condition),
    show: (rows) => show(rows.map(servicePrincipal)),
  })

/** Enables, disables, demands an assignment, or replaces its certificates. @throws GraphError 400, 404. */
export async function updateServicePrincipal(
  store: RegistrationStore & { readonly nowMs: number },
  id: string,
  body: unknown,
): Promise<void> {
  const {
    accountEnabled,
    appRoleAssignmentRequired,
    keyCredentials,
    preferredTokenSigningKeyThumbprint: preferred,
    ...others
  } = withoutAnnotations(bodyObject(body))
  const principal = await findServicePrincipal(store, id)
  const columns = {
    ...(accountEnabled === undefined ? {} : { account_enabled: flag(accountEnabled) }),
    ...(accountEnabled === false ? { tokens_ended_at_ms: store.nowMs } : {}),
    ...(appRoleAssignmentRequired === undefined
      ? {}
      : { app_role_assignment_required: flag(appRoleAssignmentRequired) }),
    ...(preferred === undefined
      ? {}
      : { preferred_signing_thumbprint: await preferredThumbprint(store.db, principal.id, preferred) }),
    ...(Object.keys(others).length === 0
      ? {}
      : { properties: mergeStored(SERVICE_PRINCIPAL_PROPERTIES, principal.properties, others) }),
  }
  if (Object.keys(columns).length === 0 && keyCredentials === undefined)
    throw badRequest('Write requests must contain at least one property to change.')
  // One transaction, so that a refused part leaves nothing changed.
  await store.db.transaction().execute(async (db) => {
    if (Object.keys(columns).length > 0)
      await db.updateTable('service_principal').set(columns).where('id', '=', principal.id).execute()
    if (keyCredentials === undefined) return
    const { applicationId } = principal
    await replaceKeyCredentials(
      { ...store, db },
      { applicationId, servicePrincipalId: principal.id },
      keyCredentials,
    )
  })
}

function flag(value: unknown): 0 | 1 {
  if (typeof value === 'boolean') return value ? 1 : 0
  throw badRequest('true or false is expected.')
}

function selectPrincipals(db: Database, tenantId: string) {
  return db
    .selectFrom('service_principal')
    .innerJoin('application', 'application.app_id', 'service_principal.app_id')
    .leftJoin('managed_identity', 'managed_identity.principal_id', 'service_principal.id')
    .select([
      'managed_identity.kind as identity_kind',
      'managed_identity.resource_id as identity_resource_id',
      'service_principal.id',
      'service_principal.app_id',
      'service_principal.account_enabled',
      'service_principal.app_role_assignment_required',
      'service_principal.properties',
      'service_principal.preferred_signing_thumbprint',
      'application.id as application_id',
      'application.display_name',
      'application.tenant_id as home_tenant_id',
      'application.identifier_uris',
      'application.app_roles',
    ])
    .where('service_principal.tenant_id', '=', tenantId)
}

type PrincipalRow = NonNullable<Awaited<ReturnType<ReturnType<typeof selectPrincipals>['executeTakeFirst']>>>

function servicePrincipal(row: PrincipalRow): ServicePrincipal {
  const appRoles = JSON.parse(row.app_roles) as AppRole[]
  const common = {
    id: row.id,
    appId: row.app_id,
    displayName: row.display_name,
    accountEnabled: row.account_enabled === 1,
    appRoles,
  }
  const object = {
    ...storedProperties(SERVICE_PRINCIPAL_PROPERTIES, row.properties),
    ...common,
    appDisplayName: row.display_name,
    appOwnerOrganizationId: row.home_tenant_id,
    appRoleAssignmentRequired: row.app_role_assignment_required === 1,
    preferredTokenSigningKeyThumbprint: row.preferred_signing_thumbprint,
    servicePrincipalNames: [row.app_id, ...(JSON.parse(row.identifier_uris) as string[])],
    servicePrincipalType: 'Application',
    ...(row.identity_kind === null ? {} : managedIdentityProperties(row)),
  }
  return {
    ...common,
    applicationId: row.application_id,
    homeTenantId: row.home_tenant_id,
    properties: row.properties,
    object,
  }
}

/** A managed identity has no application that anyone owns, and names the resource that it belongs to. */
const managedIdentityProperties = ({ identity_kind, identity_resource_id }: PrincipalRow) => ({
  alternativeNames: [`isExplicit=${identity_kind === 'user' ? 'True' : 'False'}`, identity_resource_id],
  appOwnerOrganizationId: null,
  servicePrincipalType: 'ManagedIdentity',
})
