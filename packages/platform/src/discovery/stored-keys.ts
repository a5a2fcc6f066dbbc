import type { Now } from '../clock.ts'
import type { KeyFiles } from '../key-files.ts'
import { explainReplica, requireReplicaKeys } from '../store/replica-keys.ts'
import type { Store } from '../store/store.ts'
import { makeSealingKey, parseSealingKey } from './sealing.ts'
import { SigningKeys } from './signing-keys.ts'

/** Opens the signing keys of a store with the key file that seals them; in a new store both are made. @throws PlatformError */
export async function openSigningKeys(
  { db, isShared }: Store,
  keyFiles: KeyFiles,
  now: Now,
): Promise<SigningKeys> {
  const name = 'signing-key-encryption.key'
  if (isShared) await requireReplicaKeys(db, keyFiles, [name, 'administrator-password', 'operator.pem'])
  const text = await keyFiles.ensure(name, 'opens the token signing keys in the database', makeSealingKey)
  return SigningKeys.load(db, parseSealingKey(text, keyFiles.path(name)), now).catch((error: unknown) => {
    throw isShared ? explainReplica(error) : error
  })
}
