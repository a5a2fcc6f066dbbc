import { PlatformError } from '../errors.ts'
import type { KeyFiles } from '../key-files.ts'
import type { Database } from './database.ts'

const HINT = 'Copy the folder keys of a replica that runs: all replicas of one database have the same keys'

/**
 * Makes sure that a replica has the keys of its database before it would make keys of its own.
 *
 * @throws PlatformError if the database was begun with keys that this data folder has not.
 */
export async function requireReplicaKeys(
  db: Database,
  keyFiles: KeyFiles,
  names: readonly string[],
): Promise<void> {
  const begun = await db.selectFrom('signing_key').select('kid').limit(1).executeTakeFirst()
  if (!begun) return
  for (const name of names) {
    if ((await keyFiles.read(name, 'shared by the replicas of one database')) !== undefined) continue
    throw new PlatformError(
      `Cannot join the other replicas of this database, as their keys are needed in ${keyFiles.folder}: the file '${name}' is missing`,
      { code: 'replica_keys_missing', hint: HINT },
    )
  }
}

/** An error of the first steps of a start, with what a replica has to do about a key that is not the one of its database. */
export function explainReplica(error: unknown): unknown {
  if (!(error instanceof PlatformError && error.code === 'signing_key_sealed')) return error
  return new PlatformError(error.message, { code: error.code, hint: HINT, cause: error })
}
