import type { ListCall, Page } from '../directory/collection.ts'
import { listLinked } from '../directory/linked-objects.ts'
import { findUser } from '../directory/users.ts'
import { badRequest, GraphError, notFound } from '../graph/errors.ts'
import { linkedId } from '../graph/query.ts'
import { findApplication } from './applications.ts'
import { addOwner, type RegistrationCall, requireOwned } from './owned.ts'
import type { OwnerKind } from './credential-owner.ts'
import { findServicePrincipal } from './service-principals.ts'

const OWNERS_MAX = 100

interface Owned {
  readonly id: string
  readonly appId: string
}

async function findOwned(call: RegistrationCall, kind: OwnerKind, id: string): Promise<Owned> {
  if (kind === 'servicePrincipal') return findServicePrincipal(call, id)
  const row = await findApplication(call, id)
  return { id: row.id, appId: row.app_id }
}

/** Lists a page of who owns an application or a service principal: users and service principals of its tenant. @throws GraphError 400, 404. */
export async function listOwners(
  call: ListCall & RegistrationCall,
  kind: OwnerKind,
  id: string,
): Promise<Page> {
  const owned = await findOwned(call, kind, id)
  return listLinked(call, 'owners', owned.id)
}

/**
 * Adds the user or service principal that an `@odata.id` names as an owner.
 *
 * @throws GraphError 404, 403, 400 for a link that names neither, an owner that is one already, or the hundred and first.
 */
export async function addOwnerByLink(
  call: RegistrationCall,
  kind: OwnerKind,
  id: string,
  body: unknown,
): Promise<void> {
  const owned = await findOwned(call, kind, id)
  await requireOwned(call, { objectId: owned.id, appId: owned.appId })
  const ownerId = await findOwnerId(call, linkedId(body, ['users', 'servicePrincipals', 'directoryObjects']))
  const { count } = await call.db
    .selectFrom('owner')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('object_id', '=', owned.id)
    .executeTakeFirstOrThrow()
  if (Number(count) >= OWNERS_MAX) throw badRequest(`An object may have at most ${OWNERS_MAX} owners.`)
  if (await addOwner(call, owned.id, ownerId)) return
  throw badRequest(
    "One or more added object references already exist for the following modified properties: 'owners'.",
  )
}

/** Finds who a link means: a service principal, or else a user. @throws GraphError 404. */
async function findOwnerId(call: RegistrationCall, name: string): Promise<string> {
  try {
    return (await findServicePrincipal(call, name)).id
  } catch (error) {
    if (!(error instanceof GraphError && error.status === 404)) throw error
    return String((await findUser(call, name))['id'])
  }
}

/** Takes an owner away. @throws GraphError 404, 403. */
export async function removeOwner(
  call: RegistrationCall,
  kind: OwnerKind,
  id: string,
  ownerId: string,
): Promise<void> {
  const owned = await findOwned(call, kind, id)
  await requireOwned(call, { objectId: owned.id, appId: owned.appId })
  const { numDeletedRows } = await call.db
    .deleteFrom('owner')
    .where('object_id', '=', owned.id)
    .where('owner_id', '=', ownerId.toLowerCase())
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw notFound(ownerId)
}
