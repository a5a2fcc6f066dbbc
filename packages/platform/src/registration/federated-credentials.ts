import { randomUUID } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { ListCall, Page } from '../directory/collection.ts'
import { badRequest, GraphError, notFound } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import { findApplication, type RegistrationStore } from './applications.ts'
import { type CredentialCall, findOwner } from './credential-owner.ts'
import { FEDERATED_CREDENTIAL } from './listed-types.ts'
import { listPage } from './pages.ts'

type Row = Selectable<Schema['federated_credential']>

const CREDENTIALS_MAX = 20
const TEXT_LENGTH_MAX = 600
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/

/** Lists the federated credentials of an application. @throws GraphError 400, 404. */
export async function listFederatedCredentials(call: ListCall, id: string): Promise<Page> {
  const application = await findApplication(call, id)
  return listPage<Row>(call, {
    type: FEDERATED_CREDENTIAL,
    rows: (condition) => ofApplication(call.db, application.id).where(condition),
    show: (rows) => rows.map(federatedCredentialObject),
  })
}

/** Finds a federated credential by id or name. @throws GraphError 404. */
export async function getFederatedCredential(
  store: RegistrationStore,
  id: string,
  idOrName: string,
): Promise<object> {
  const application = await findApplication(store, id)
  return federatedCredentialObject(await find(store.db, application.id, idOrName))
}

/**
 * Makes an application trust one subject of another identity provider. Nothing is asked of that provider: whether the values
 * are right shows when an assertion is presented (wire.md §5).
 *
 * @throws GraphError 404, 403, 400; 409 if the name, or issuer and subject, are taken.
 */
export async function createFederatedCredential(
  call: CredentialCall,
  id: string,
  body: unknown,
): Promise<object> {
  return call.db.transaction().execute(async (db) => {
    const { applicationId } = await findOwner({ ...call, db }, 'application', id)
    const { name, ...others } = bodyObject(body)
    if (typeof name !== 'string' || !NAME.test(name))
      throw badRequest(
        "Property 'name' must have 3 to 120 letters, digits, hyphens and underscores, the first a letter or a digit.",
      )
    const sent = columnsOf(others)
    const { issuer, subject, audience } = sent
    if (issuer === undefined || subject === undefined || audience === undefined)
      throw badRequest("A federated credential needs 'name', 'issuer', 'subject' and 'audiences'.")
    const row = { id: randomUUID(), application_id: applicationId, name, issuer, subject, audience }
    const credential = { ...row, description: sent.description ?? null }
    await refuseTaken(db, credential)
    await db.insertInto('federated_credential').values(credential).execute()
    return federatedCredentialObject(credential)
  })
}

/** Changes the properties that were sent; a name stays as it is. @throws GraphError 404, 403, 400, 409. */
export async function updateFederatedCredential(
  call: CredentialCall,
  id: string,
  idOrName: string,
  body: unknown,
): Promise<void> {
  await call.db.transaction().execute(async (db) => {
    const { applicationId } = await findOwner({ ...call, db }, 'application', id)
    const row = await find(db, applicationId, idOrName)
    const { name = row.name, ...others } = bodyObject(body)
    if (name !== row.name) throw badRequest("Property 'name' cannot be changed.")
    const changes = columnsOf(others)
    if (Object.keys(changes).length === 0) return
    await refuseTaken(db, { ...row, ...changes })
    await db.updateTable('federated_credential').set(changes).where('id', '=', row.id).execute()
  })
}

/** Ends the trust; tokens that it got live on until they expire. @throws GraphError 404, 403. */
export async function deleteFederatedCredential(
  call: CredentialCall,
  id: string,
  idOrName: string,
): Promise<void> {
  const { applicationId } = await findOwner(call, 'application', id)
  const row = await find(call.db, applicationId, idOrName)
  await call.db.deleteFrom('federated_credential').where('id', '=', row.id).execute()
}

const ofApplication = (db: Database, applicationId: string) =>
  db.selectFrom('federated_credential').selectAll().where('application_id', '=', applicationId)

async function find(db: Database, applicationId: string, idOrName: string): Promise<Row> {
  const row = await ofApplication(db, applicationId)
    .where((where) => where.or([where('id', '=', idOrName.toLowerCase()), where('name', '=', idOrName)]))
    .executeTakeFirst()
  if (!row) throw notFound(idOrName)
  return row
}

async function refuseTaken(db: Database, row: Row): Promise<void> {
  const all = await ofApplication(db, row.application_id).execute()
  const others = all.filter(({ id }) => id !== row.id)
  if (others.length >= CREDENTIALS_MAX)
    throw badRequest(`An application may have at most ${CREDENTIALS_MAX} federated identity credentials.`)
  if (others.some(({ name }) => name === row.name))
    throw taken(`FederatedIdentityCredential with name ${row.name} already exists.`)
  if (others.some(({ issuer, subject }) => issuer === row.issuer && subject === row.subject))
    throw taken('FederatedIdentityCredential with this issuer and subject already exists.')
}

const taken = (message: string) => new GraphError(409, 'Request_MultipleObjectsWithSameKeyValue', message)

type Columns = Partial<Pick<Row, 'issuer' | 'subject' | 'audience' | 'description'>>

/** What each property becomes, one reader each; any other property is refused. */
const READERS: Readonly<Record<string, (value: unknown) => Columns>> = {
  issuer: (value) => ({ issuer: requiredText(value, 'issuer') }),
  subject: (value) => ({ subject: requiredText(value, 'subject') }),
  audiences: (value) => {
    if (Array.isArray(value) && value.length === 1) return { audience: requiredText(value[0], 'audiences') }
    throw badRequest("Property 'audiences' must be a list of exactly one audience.")
  },
  description: (value) => ({ description: value === null ? null : requiredText(value, 'description') }),
}

function columnsOf(sent: Readonly<Record<string, unknown>>): Columns {
  const columns: Columns = {}
  for (const [name, value] of Object.entries(sent)) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined
    if (!reader)
      throw badRequest(
        `Property '${name.slice(0, 100)}' cannot be set on type 'microsoft.graph.federatedIdentityCredential'.`,
      )
    Object.assign(columns, reader(value))
  }
  return columns
}

function requiredText(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= TEXT_LENGTH_MAX) return value
  throw badRequest(`Property '${name}' must be a text of 1 to ${TEXT_LENGTH_MAX} characters.`)
}

const federatedCredentialObject = (row: Row) => ({
  id: row.id,
  name: row.name,
  issuer: row.issuer,
  subject: row.subject,
  description: row.description,
  audiences: [row.audience],
})
