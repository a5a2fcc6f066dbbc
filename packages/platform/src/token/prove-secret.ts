import { matchesSecret, matchesShortSecret } from '../registration/client-secret.ts'
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
export async function proveBySecret({ secret, client, nowMs }: SecretProof): Promise<string> {
  const { secrets } = client
  const matching = [...matchesSecret(secret, secrets), ...(await matchesShortSecret(secret, secrets))]
  const valid = matching.find((row) => nowMs >= row.start_at_ms && nowMs <= row.end_at_ms)
  if (valid) return valid.key_id
  const expired = matching.some((row) => nowMs > row.end_at_ms)
  throw new TokenRefusal(expired ? 7000222 : 7000215, { client: client.appId })
}
