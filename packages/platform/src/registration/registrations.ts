import { badRequest } from '../graph/errors.ts'
import { bodyObject, textOf } from '../graph/query.ts'
import {
  createApplication,
  findApplication,
  type RegistrationStore,
  updateApplication,
} from './applications.ts'
import { addOwnerByLink } from './owners.ts'
import { ownCreated, type RegistrationCall, requireOwned } from './owned.ts'
import { createServicePrincipal, findServicePrincipal, updateServicePrincipal } from './service-principals.ts'
import type { OwnerKind } from './credential-owner.ts'

/** A call that writes a registration. */
export interface WritingCall extends RegistrationCall {
  readonly nowMs: number
}

const BOUND_MAX = 20

/** Registers an application, whose owners are the caller and those that `owners@odata.bind` links to. @throws GraphError 400, 404. */
export const postApplication = (call: WritingCall, body: unknown): Promise<object> =>
  create(call, 'application', body, createApplication)

/**
 * Adds an application to the tenant. With `Application.ReadWrite.OwnedBy` it must be the caller's own.
 *
 * @throws GraphError 400, 403, 404, 409.
 */
export const postServicePrincipal = (call: WritingCall, body: unknown): Promise<object> =>
  create(call, 'servicePrincipal', body, async (store, sent, nowMs) => {
    const appId = textOf(bodyObject(sent)['appId']).toLowerCase()
    const row = await call.db
      .selectFrom('application')
      .select(['id', 'app_id'])
      .where('app_id', '=', appId)
      .executeTakeFirst()
    // Without a row the refusal is that there is none.
    if (row) await requireOwned({ ...call, db: store.db }, { objectId: row.id, appId: row.app_id })
    return createServicePrincipal(store, sent, nowMs)
  })

type Create = (store: RegistrationStore, body: unknown, nowMs: number) => Promise<object>

async function create(call: WritingCall, kind: OwnerKind, body: unknown, make: Create): Promise<object> {
  const links = boundOwners(body)
  return call.db.transaction().execute(async (db) => {
    const within = { ...call, db }
    const made = (await make(within, body, call.nowMs)) as { readonly id: string }
    await ownCreated(within, made.id)
    for (const link of links) await addOwnerByLink(within, kind, made.id, { '@odata.id': link })
    return made
  })
}

function boundOwners(body: unknown): readonly unknown[] {
  const links = bodyObject(body)['owners@odata.bind'] ?? []
  if (Array.isArray(links) && links.length <= BOUND_MAX) return [...new Set<unknown>(links)]
  throw badRequest(`'owners@odata.bind' must be a list of at most ${BOUND_MAX} links.`)
}

/** Changes an application. @throws GraphError 404, 403, 400. */
export async function patchApplication(call: WritingCall, id: string, body: unknown): Promise<void> {
  const row = await findApplication(call, id)
  await requireOwned(call, { objectId: row.id, appId: row.app_id })
  await updateApplication(call, id, body)
}

/** Changes a service principal. @throws GraphError 404, 403, 400. */
export async function patchServicePrincipal(call: WritingCall, id: string, body: unknown): Promise<void> {
  const principal = await findServicePrincipal(call, id)
  await requireOwned(call, { objectId: principal.id, appId: principal.appId })
  await updateServicePrincipal(call, id, body)
}
