import { randomUUID } from 'node:crypto'
import { badRequest } from '../graph/errors.ts'
import { bodyObject, textOf } from '../graph/query.ts'
import { requireAllowedCredentials } from '../policy/credential-rules.ts'
import { makeSecret } from './client-secret.ts'
import { type CredentialCall, findOwner, type OwnerKind } from './credential-owner.ts'
import {
  passwordCredentialObject,
  type PasswordRow,
  passwordsOf,
  wantedPassword,
} from './password-credentials.ts'

const PASSWORDS_MAX = 100

/**
 * Adds a generated secret and returns its text, this once: what is kept is a hash (wire.md §13.2). It is valid from now for
 * two years unless the body says otherwise.
 *
 * @throws GraphError 404, 403, 400.
 */
export async function addPassword(
  call: CredentialCall,
  kind: OwnerKind,
  id: string,
  body: unknown,
): Promise<object> {
  return call.db.transaction().execute(async (db) => {
    const owner = await findOwner({ ...call, db }, kind, id)
    const wanted = wantedPassword(body, call.nowMs)
    const known = await passwordsOf(db, owner).select('key_id').execute()
    if (known.length >= PASSWORDS_MAX)
      throw badRequest(`An object may have at most ${PASSWORDS_MAX} password credentials.`)
    await requireAllowedCredentials(db, { tenantId: call.tenantId, objectId: owner.objectId }, [
      { type: 'password', ...wanted },
    ])
    const { text, hint, hash } = makeSecret()
    const row: PasswordRow = {
      ...wanted,
      key_id: randomUUID(),
      application_id: owner.applicationId,
      service_principal_id: owner.servicePrincipalId,
      hint,
      secret_hash: hash,
    }
    await db.insertInto('password_credential').values(row).execute()
    return { ...passwordCredentialObject(row), secretText: text }
  })
}

/** Removes a secret by its `keyId`; tokens that it got live on until they expire. @throws GraphError 404, 403, 400. */
export async function removePassword(
  call: CredentialCall,
  kind: OwnerKind,
  id: string,
  body: unknown,
): Promise<void> {
  const owner = await findOwner(call, kind, id)
  const keyId = textOf(bodyObject(body)['keyId']).toLowerCase()
  const { numDeletedRows } = await call.db
    .deleteFrom('password_credential')
    .where('key_id', '=', keyId)
    .where('application_id', '=', owner.applicationId)
    .where('service_principal_id', 'is not distinct from', owner.servicePrincipalId)
    .executeTakeFirst()
  if (numDeletedRows === 0n)
    throw badRequest(`No password credential found with keyId '${keyId.slice(0, 100)}'.`)
}
