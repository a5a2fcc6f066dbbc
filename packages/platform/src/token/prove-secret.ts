import { matchesSecret, matchesShortSecret } from '../registration/client-secret.ts'
import { keptQuery } from '../store/kept-query.ts'
import type { ReadCache } from '../store/read-cache.ts'
import type { Client } from './client.ts'
import { TokenRefusal } from './refusal.ts'

/** A secret as the client sent it, in the form or by HTTP Basic. */
export interface SecretProof {
  readonly secret: string
  readonly client: Client
  readonly nowMs: number
}

/**
 * Checks a client secret against those of the application, and of its service principal in this tenant (RFC 6749 §2.3.1).
 * Returns the secret's `keyId`. Every one of them is compared, so that the time taken tells nothing of which is the right one.
 *
 * @throws TokenRefusal 7000215 for a wrong secret, or one that is not valid yet; 7000222 for an expired one.
 */
export async function proveBySecret(
  cache: ReadCache,
  { secret, client, nowMs }: SecretProof,
): Promise<string> {
  const { id: applicationId, servicePrincipalId = null } = client
  const registered = await cache.read(`secrets ${applicationId} ${servicePrincipalId}`, (db) =>
    selectSecrets(db, { applicationId, servicePrincipalId }),
  )
  const matching = [...matchesSecret(secret, registered), ...(await matchesShortSecret(secret, registered))]
  const valid = matching.find((row) => nowMs >= row.start_at_ms && nowMs <= row.end_at_ms)
  if (valid) return valid.key_id
  const expired = matching.some((row) => nowMs > row.end_at_ms)
  throw new TokenRefusal(expired ? 7000222 : 7000215, { client: client.appId })
}

const selectSecrets = keptQuery(['applicationId', 'servicePrincipalId'], (db, given) =>
  db
    .selectFrom('password_credential')
    .select(['key_id', 'secret_hash', 'start_at_ms', 'end_at_ms'])
    .where('application_id', '=', given.applicationId)
    .where((where) =>
      where.or([
        where('service_principal_id', 'is', null),
        where('service_principal_id', '=', given.servicePrincipalId),
      ]),
    ),
)
