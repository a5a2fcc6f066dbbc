import type { Principal } from '@tomte/guard'
import { GraphError } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import type { RegistrationStore } from './applications.ts'

/** A call that changes registrations. */
export interface RegistrationCall extends RegistrationStore {
  readonly principal: Principal
}

const EVERY_APPLICATION = 'Application.ReadWrite.All'

/** The ids by which an object and its application are known to whoever asks whether it owns them. */
export interface Ownable {
  readonly objectId: string
  readonly appId: string
}

/**
 * Makes sure that the caller may change a registration: any of its tenant with `Application.ReadWrite.All`, otherwise itself and
 * what it owns, which is what `Application.ReadWrite.OwnedBy` is for.
 *
 * @throws GraphError 403.
 */
export async function requireOwned(call: RegistrationCall, target: Ownable): Promise<void> {
  const { principal } = call
  if (principal.roles.includes(EVERY_APPLICATION)) return
  if (principal.appId === target.appId || principal.objectId === target.objectId) return
  if (await isOwner(call.db, target.objectId, principal.objectId)) return
  throw new GraphError(
    403,
    'Authorization_RequestDenied',
    'Insufficient privileges to complete the operation.',
  )
}

async function isOwner(db: Database, objectId: string, ownerId: string): Promise<boolean> {
  const row = await db
    .selectFrom('owner')
    .select('object_id')
    .where('object_id', '=', objectId)
    .where('owner_id', '=', ownerId)
    .executeTakeFirst()
  return row !== undefined
}

/** Makes the caller the owner of what it has just created, unless it may change every registration anyway. */
export async function ownCreated(call: RegistrationCall, objectId: string): Promise<void> {
  if (call.principal.roles.includes(EVERY_APPLICATION)) return
  await addOwner(call, objectId, call.principal.objectId)
}

/** Writes an owner; returns whether it was none before. */
export async function addOwner(
  { db, tenantId }: RegistrationStore,
  objectId: string,
  ownerId: string,
): Promise<boolean> {
  const row = await db
    .insertInto('owner')
    .values({ object_id: objectId, owner_id: ownerId, tenant_id: tenantId })
    .onConflict((conflict) => conflict.columns(['object_id', 'owner_id']).doNothing())
    .returning('owner_id')
    .executeTakeFirst()
  return row !== undefined
}
