import { randomUUID } from 'node:crypto'
import type { Insertable, Selectable } from 'kysely'
import type { ListCall, Page } from '../directory/collection.ts'
import { badRequest, GraphError, notFound } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import { endTokens } from './ended-tokens.ts'
import { refuseTakenUris } from './identifier-uris.ts'
import { redirectUrisOf } from './redirect-uris.ts'
import { requireAllowedCredentials } from '../policy/credential-rules.ts'
import { asWanted, keyCredentialRows, listKeyCredentials, replaceKeyCredentials } from './key-credentials.ts'
import { APPLICATION } from './listed-types.ts'
import { listPage } from './pages.ts'
import { listPasswordCredentials } from './password-credentials.ts'
import { refuseUnknownAuthorities } from './trusted-certificate-subjects.ts'
import {
  APPLICATION_PROPERTIES,
  mergeStored,
  storedProperties,
  withoutAnnotations,
} from './stored-properties.ts'

type Row = Selectable<Schema['application']>
type Sent = Readonly<Record<string, unknown>>

/** Registrations of one tenant: the tenant of the caller's token. */
export interface RegistrationStore {
  readonly db: Database
  readonly tenantId: string
}

const AUDIENCES = ['AzureADMyOrg', 'AzureADMultipleOrgs']
const MEMBER_TYPES: readonly unknown[] = ['Application', 'User']
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** How Graph addresses an object by its application id, `(appId='…')`, after the URL has been rewritten. */
export const BY_APP_ID = 'appId:'

/** Registers an application; it gets no service principal by that (wire.md §1). @throws GraphError 400. */
export async function createApplication(
  { db, tenantId }: RegistrationStore,
  body: unknown,
  nowMs: number,
): Promise<object> {
  const { keyCredentials, ...properties } = sentProperties(body)
  const id = randomUUID()
  const row: Insertable<Schema['application']> = {
    sign_in_audience: 'AzureADMyOrg',
    identifier_uris: '[]',
    app_roles: '[]',
    required_resource_access: '[]',
    requested_access_token_version: null,
    ...columnsOf(properties, '{}'),
    display_name: requiredName(properties['displayName']),
    id,
    app_id: randomUUID(),
    tenant_id: tenantId,
    created_at_ms: nowMs,
  }
  const keys = keyCredentials === undefined ? [] : keyCredentialRows(keyCredentials, id)
  await db.transaction().execute(async (transaction) => {
    await refuseUnknownAuthorities(transaction, tenantId, row.properties)
    await transaction.insertInto('application').values(row).execute()
    await requireAllowedCredentials(transaction, { tenantId, objectId: id }, keys.map(asWanted))
    if (keys.length > 0) await transaction.insertInto('key_credential').values(keys).execute()
    await refuseTakenUris(transaction, id)
  })
  return getApplication({ db, tenantId }, id)
}

/** Finds an application by object id or `(appId='…')`. @throws GraphError 404. */
export async function getApplication(store: RegistrationStore, id: string): Promise<object> {
  const row = await findApplication(store, id)
  return applicationObject(store.db, row)
}

/** Lists a page of applications. @throws GraphError 400. */
export const listApplications = (call: ListCall): Promise<Page> =>
  listPage<Row>(call, {
    type: APPLICATION,
    rows: (condition) =>
      call.db.selectFrom('application').selectAll().where('tenant_id', '=', call.tenantId).where(condition),
    show: (rows) => Promise.all(rows.map((row) => applicationObject(call.db, row))),
  })

/** Changes the properties that were sent. @throws GraphError 400, 404. */
export async function updateApplication(
  store: RegistrationStore & { readonly nowMs: number },
  id: string,
  body: unknown,
): Promise<void> {
  const { keyCredentials, ...properties } = sentProperties(body)
  // One transaction, so that a refused part leaves nothing changed.
  await store.db.transaction().execute(async (db) => {
    const application = await findApplication({ ...store, db }, id)
    const columns = columnsOf(properties, application.properties)
    await refuseUnknownAuthorities(db, store.tenantId, columns.properties)
    if (columns.app_roles !== undefined) keepEnabledRoles(application.app_roles, columns.app_roles)
    if (Object.keys(columns).length > 0)
      await db.updateTable('application').set(columns).where('id', '=', application.id).execute()
    if (columns.is_disabled === 1) await endTokens(db, { appId: application.app_id }, store.nowMs)
    await refuseTakenUris(db, application.id)
    if (keyCredentials !== undefined) {
      await replaceKeyCredentials({ ...store, db }, ownerOf(application.id), keyCredentials)
    }
  })
}

/** A role goes when it has been disabled, so that nobody takes one away by leaving it out of a list. @throws GraphError 400. */
function keepEnabledRoles(known: string, sent: string): void {
  const [before, after] = [known, sent].map(
    (roles) => JSON.parse(roles) as readonly { readonly id: string; readonly isEnabled: boolean }[],
  )
  const kept = new Set(after?.map(({ id }) => id))
  if (before?.every(({ id, isEnabled }) => !isEnabled || kept.has(id))) return
  throw new GraphError(
    400,
    'CannotDeleteOrUpdateEnabledEntitlement',
    'Permission (scope or role) cannot be deleted or updated unless disabled first.',
  )
}

/** Finds the row of an application by object id or `(appId='…')`. @throws GraphError 404. */
export async function findApplication({ db, tenantId }: RegistrationStore, id: string): Promise<Row> {
  const byAppId = id.startsWith(BY_APP_ID)
  const value = (byAppId ? id.slice(BY_APP_ID.length) : id).toLowerCase()
  const row = await db
    .selectFrom('application')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where(byAppId ? 'app_id' : 'id', '=', value)
    .executeTakeFirst()
  if (!row) throw notFound(value)
  return row
}

/** An application as Graph shows it. */
export async function applicationObject(db: Database, row: Row): Promise<object> {
  const owner = ownerOf(row.id)
  const stored = storedProperties(APPLICATION_PROPERTIES, row.properties)
  return {
    ...stored,
    id: row.id,
    appId: row.app_id,
    displayName: row.display_name,
    signInAudience: row.sign_in_audience,
    identifierUris: JSON.parse(row.identifier_uris),
    createdDateTime: new Date(row.created_at_ms).toISOString(),
    isDisabled: row.is_disabled === 1,
    api: {
      ...(stored['api'] as object),
      requestedAccessTokenVersion: row.requested_access_token_version,
    },
    appRoles: JSON.parse(row.app_roles),
    requiredResourceAccess: JSON.parse(row.required_resource_access),
    web: { ...(stored['web'] as object), redirectUris: JSON.parse(row.redirect_uris) as unknown },
    keyCredentials: await listKeyCredentials(db, owner),
    passwordCredentials: await listPasswordCredentials(db, owner),
  }
}

const ownerOf = (applicationId: string) => ({ applicationId, servicePrincipalId: null })

type Columns = Partial<Omit<Row, 'id' | 'app_id' | 'tenant_id' | 'created_at_ms'>>

/** What each property of an application becomes, one reader each; any other property is refused. */
const READERS: Readonly<Record<string, (value: unknown) => Columns>> = {
  displayName: (value) => ({ display_name: requiredName(value) }),
  signInAudience: (value) => {
    if (typeof value === 'string' && AUDIENCES.includes(value)) return { sign_in_audience: value }
    throw badRequest(
      `Property 'signInAudience' must be one of ${AUDIENCES.join(', ')}: personal accounts have no daemons.`,
    )
  },
  identifierUris: (value) => {
    const uris = Array.isArray(value) && value.every((uri) => typeof uri === 'string' && URL.canParse(uri))
    if (!uris) throw badRequest("Property 'identifierUris' must be a list of URIs.")
    return { identifier_uris: JSON.stringify(value) }
  },
  isDisabled: (value) => {
    if (typeof value === 'boolean') return { is_disabled: value ? 1 : 0 }
    throw badRequest("Property 'isDisabled' must be true or false.")
  },
  'api/requestedAccessTokenVersion': (version) => {
    if (version === null || version === 1 || version === 2) return { requested_access_token_version: version }
    throw badRequest("Property 'requestedAccessTokenVersion' must be null, 1 or 2.")
  },
  appRoles: (value) => {
    const roles = list(value, 'appRoles').map(appRole)
    const [ids, values] = [new Set(roles.map((role) => role.id)), new Set(roles.map((role) => role.value))]
    if (ids.size < roles.length || values.size < roles.length)
      throw badRequest("Property 'appRoles' contains an id or a value twice.")
    return { app_roles: JSON.stringify(roles) }
  },
  'web/redirectUris': (redirectUris) => ({ redirect_uris: JSON.stringify(redirectUrisOf({ redirectUris })) }),
  requiredResourceAccess: (value) => ({
    required_resource_access: JSON.stringify(list(value, 'requiredResourceAccess').map(resourceAccess)),
  }),
}

/** Properties of which one part is acted upon, and the rest kept as it was sent. */
const PARTS: Readonly<Record<string, string>> = { api: 'requestedAccessTokenVersion', web: 'redirectUris' }

function sentProperties(body: unknown): Sent {
  const { 'owners@odata.bind': _owners, ...sent } = withoutAnnotations(bodyObject(body))
  return sent
}

function columnsOf(sent: Sent, kept: string): Columns {
  const columns: Columns = {}
  const stored: Record<string, unknown> = {}
  const read = (name: string, value: unknown) => {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined
    if (reader) Object.assign(columns, reader(value))
    return reader !== undefined
  }
  for (const [name, value] of Object.entries(sent)) {
    const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined
    if (part !== undefined) {
      const { [part]: own, ...others } = bodyObject(value)
      if (own !== undefined) read(`${name}/${part}`, own)
      stored[name] = others
    } else if (name.includes('/') || !read(name, value)) stored[name] = value
  }
  if (Object.keys(stored).length > 0) columns.properties = mergeStored(APPLICATION_PROPERTIES, kept, stored)
  return columns
}

function requiredName(value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= 256) return value
  throw badRequest(
    "A value of at most 256 characters is required for property 'displayName' of resource 'Application'.",
  )
}

function list(value: unknown, name: string): readonly Sent[] {
  if (Array.isArray(value) && value.length <= 1200) return value.map(bodyObject)
  throw badRequest(`Property '${name}' must be a list.`)
}

function appRole({ id, value, displayName, description, allowedMemberTypes, isEnabled = true }: Sent) {
  const members = Array.isArray(allowedMemberTypes) && allowedMemberTypes.length > 0
  if (
    typeof id !== 'string' ||
    !GUID.test(id) ||
    typeof value !== 'string' ||
    !/^[!-~]{1,120}$/.test(value) ||
    !members ||
    !allowedMemberTypes.every((type) => MEMBER_TYPES.includes(type)) ||
    typeof isEnabled !== 'boolean' ||
    ![displayName, description].every((text) => text === undefined || typeof text === 'string')
  ) {
    throw badRequest("An app role needs an id (GUID), a value without blanks, and its 'allowedMemberTypes'.")
  }
  return {
    id: id.toLowerCase(),
    value,
    displayName,
    description,
    allowedMemberTypes,
    isEnabled,
    origin: 'Application',
  }
}

function resourceAccess({ resourceAppId, resourceAccess: access }: Sent): object {
  if (typeof resourceAppId !== 'string' || !GUID.test(resourceAppId))
    throw badRequest("'resourceAppId' must be an application id.")
  const entries = list(access, 'resourceAccess').map(({ id, type }) => {
    if (typeof id === 'string' && GUID.test(id) && (type === 'Role' || type === 'Scope'))
      return { id: id.toLowerCase(), type }
    throw badRequest("A resource access needs an id (GUID) and type 'Role' or 'Scope'.")
  })
  return { resourceAppId: resourceAppId.toLowerCase(), resourceAccess: entries }
}
