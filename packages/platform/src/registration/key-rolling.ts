import { badRequest, GraphError } from '../graph/errors.ts'
import { bodyObject, textOf } from '../graph/query.ts'
import { requireAllowedCredentials } from '../policy/credential-rules.ts'
import { type CredentialCall, findOwner, type OwnerKind } from './credential-owner.ts'
import { keyCredentialObject, keyCredentialRow, keysOf } from './key-credentials.ts'
import { requireProof } from './key-proof.ts'

const KEYS_MAX = 100

/**
 * Adds a certificate on the word of one that is registered: an application needs no permission to roll its own keys, and no
 * permission replaces the proof (wire.md §13.2). A certificate that is there already is 409 and names its `keyId`, so a client that
 * crashed learns that its request had been done.
 *
 * @throws GraphError 404, 403, 401 for the proof, 400, 409.
 */
export async function addKey(
  call: CredentialCall,
  kind: OwnerKind,
  id: string,
  body: unknown,
): Promise<object> {
  return call.db.transaction().execute(async (db) => {
    const owner = await findOwner({ ...call, db }, kind, id)
    const { keyCredential, passwordCredential = null, proof } = bodyObject(body)
    await requireProof(db, owner, proof, call.nowMs)
    if (passwordCredential !== null)
      throw badRequest("Property 'passwordCredential' must be null: private keys are not kept here.")
    const row = keyCredentialRow(bodyObject(keyCredential), owner)
    const registered = await keysOf(db, owner).selectAll().execute()
    const known = registered.find((one) => one.thumbprint_sha256 === row.thumbprint_sha256)
    if (known)
      throw new GraphError(
        409,
        'Request_MultipleObjectsWithSameKeyValue',
        `A key credential with this certificate already exists: keyId '${known.key_id}'.`,
      )
    if (registered.length >= KEYS_MAX)
      throw badRequest(`An object may have at most ${KEYS_MAX} key credentials.`)
    await requireAllowedCredentials(db, { tenantId: call.tenantId, objectId: owner.objectId }, [
      { type: 'key', ...row },
    ])
    await db.insertInto('key_credential').values(row).execute()
    return keyCredentialObject(row)
  })
}

/**
 * Removes a certificate on the word of one that is registered, be it the same. After the last one no proof is possible: new
 * ones need an administrator (wire.md §13.2).
 *
 * @throws GraphError 404, 403, 401 for the proof, 400 if there is none of this `keyId`.
 */
export async function removeKey(
  call: CredentialCall,
  kind: OwnerKind,
  id: string,
  body: unknown,
): Promise<void> {
  await call.db.transaction().execute(async (db) => {
    const owner = await findOwner({ ...call, db }, kind, id)
    const { keyId, proof } = bodyObject(body)
    await requireProof(db, owner, proof, call.nowMs)
    const wanted = textOf(keyId).toLowerCase()
    const { numDeletedRows } = await db
      .deleteFrom('key_credential')
      .where('key_id', '=', wanted)
      .where('application_id', '=', owner.applicationId)
      .where('service_principal_id', 'is not distinct from', owner.servicePrincipalId)
      .executeTakeFirst()
    if (numDeletedRows === 0n)
      throw badRequest(`No key credential found with keyId '${wanted.slice(0, 100)}'.`)
  })
}
