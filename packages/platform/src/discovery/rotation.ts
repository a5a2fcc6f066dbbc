import { randomUUID } from 'node:crypto'
import { activityOf } from '../audit/activities.ts'
import { modifiedProperties } from '../audit/changes.ts'
import { type DirectoryChange, writeAudits } from '../audit/directory-audit.ts'
import { systemNow } from '../clock.ts'
import { PlatformError } from '../errors.ts'
import { KeyFiles } from '../key-files.ts'
import { readOperatorApplication, requireOperator } from '../registration/operator-application.ts'
import type { OperatorCall } from '../registration/tenant-list.ts'
import type { Database } from '../store/database.ts'
import { joined } from '../store/joined.ts'
import { openStore, type StoreOptions } from '../store/store.ts'
import { type SigningKeys, TOKENS_OUTLIVE_KEY_MS } from './signing-keys.ts'
import { openSigningKeys } from './stored-keys.ts'

/** A key that has taken over, and how long the one before it stays in the keys documents. */
export interface KeyRotation {
  readonly kid: string
  readonly signsFromDateTime: string
  readonly previous: { readonly kid: string; readonly publishedUntilDateTime: string }
}

const ROUTE = 'POST /tomte/signingKeys'

async function rotate(keys: SigningKeys, db: Database): Promise<KeyRotation> {
  const { kid: previous } = keys.current
  const { kid, signsFromMs } = await keys.makeNext(db)
  return {
    kid,
    signsFromDateTime: new Date(signsFromMs).toISOString(),
    previous: {
      kid: previous,
      publishedUntilDateTime: new Date(signsFromMs + TOKENS_OUTLIVE_KEY_MS).toISOString(),
    },
  }
}

/** Signs with a new key from now on, as the operator asks; the last key stays published. @throws GraphError 403. */
export async function postSigningKey(
  call: OperatorCall & { readonly keys: SigningKeys },
): Promise<KeyRotation> {
  await requireOperator(call)
  const rotation = await rotate(call.keys, call.db)
  // On SQLite reading waits for the transaction of this call; on PostgreSQL its end is told to every replica.
  void call.keys.reload().catch(() => {})
  return rotation
}

/**
 * Signs with a new key from now on, on data that no platform has open, or on PostgreSQL, whose replicas hear of it; the key before it
 * stays in the keys documents until its last token has ended. The change is in the audit.
 *
 * @throws PlatformError if the data cannot be opened, as when a platform runs on the folder, or if none has ever run on it.
 * @example
 * ```ts
 * import { rotateSigningKey } from '@tomte/platform'
 * const { kid, previous } = await rotateSigningKey({ dataFolder: '.tomte' })
 * console.log(kid, previous.publishedUntilDateTime)
 * ```
 */
export async function rotateSigningKey(options: StoreOptions): Promise<KeyRotation> {
  const store = await openStore(options)
  try {
    const { db } = store
    const begun = await db.selectFrom('signing_key').select('kid').limit(1).executeTakeFirst()
    if (!begun) throw neverStarted(options.dataFolder)
    const keys = await openSigningKeys(store, new KeyFiles(options.dataFolder), systemNow)
    return await store.exclusively(() =>
      db.transaction().execute(async (transaction) => {
        const rotation = await rotate(keys, transaction)
        await auditRotation(joined(transaction), rotation)
        return rotation
      }),
    )
  } finally {
    await store.close()
  }
}

const neverStarted = (folder: string) =>
  new PlatformError(
    `Cannot rotate the signing key in '${folder}', as a platform must have started there: it has no key yet`,
    { code: 'signing_key_missing', hint: 'Name the data folder of the platform with --data' },
  )

/** The row that the route would leave: whoever has the data folder is its operator. */
async function auditRotation(db: Database, rotation: KeyRotation): Promise<void> {
  const activity = activityOf(ROUTE)
  const { appId, tenantId } = await readOperatorApplication(db)
  const principal = await db
    .selectFrom('service_principal')
    .innerJoin('application', 'application.app_id', 'service_principal.app_id')
    .select(['service_principal.id', 'application.display_name'])
    .where('service_principal.tenant_id', '=', tenantId)
    .where('service_principal.app_id', '=', appId)
    .executeTakeFirstOrThrow()
  if (!activity) throw new RangeError(`Cannot audit the rotation of a key, as ${ROUTE} must have a name`)
  const change: DirectoryChange = {
    tenantId,
    atMs: systemNow(),
    activity,
    correlationId: randomUUID(),
    by: {
      kind: 'application',
      appId,
      servicePrincipalId: principal.id,
      displayName: principal.display_name,
    },
    targetId: undefined,
    targetName: undefined,
    modified: modifiedProperties({}, { ...rotation }),
  }
  await writeAudits(db, [change])
}
