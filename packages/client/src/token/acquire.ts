import { randomUUID } from 'node:crypto'
import { authority } from '../authority/authority.ts'
import type { Clock } from '../clock.ts'
import type { Credential, TokenForm } from '../credential/credential.ts'
import { CredentialError } from '../errors.ts'
import type { PostForm } from './request.ts'
import { readTokenResponse } from './response.ts'
import type { Token } from './token.ts'

export interface AcquireOptions {
  readonly clientId: string
  readonly authorityHost: string
  /** In order: the next is tried when the authority refuses one. */
  readonly credentials: readonly Credential[]
  readonly post: PostForm
  readonly clock: Clock
  /** Counts what is sent. */
  readonly sent: () => void
}

export type Acquire = (tenant: string, scope: string, claims: string | undefined) => Promise<Token>

/**
 * Makes the function that asks the authority for one token. Of several credentials the one that worked last goes first, so
 * that a rotation costs one refused request and not one at every renewal; when it is refused, the others follow in order.
 */
export function acquirer(options: AcquireOptions): Acquire {
  const { credentials } = options
  let preferred = 0
  return async (tenant, scope, claims) => {
    const order = credentials.map((_, index) => (preferred + index) % credentials.length)
    let refused: unknown
    for (const index of order) {
      const credential = credentials[index]
      if (!credential) continue
      try {
        const token = await ask(options, credential, { tenant, scope, claims })
        preferred = index
        return token
      } catch (error) {
        // Only what this credential is to blame for is another one's chance.
        if (!(error instanceof CredentialError)) throw error
        refused ??= error
      }
    }
    throw refused
  }
}

interface Asked {
  readonly tenant: string
  readonly scope: string
  readonly claims: string | undefined
}

async function ask(
  { clientId, authorityHost, post, clock, sent }: AcquireOptions,
  credential: Credential,
  { tenant, scope, claims }: Asked,
): Promise<Token> {
  const { tokenEndpoint } = authority(authorityHost, tenant)
  const form: TokenForm = {
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, scope }),
    headers: { 'client-request-id': randomUUID(), 'return-client-request-id': 'true' },
  }
  if (claims !== undefined) form.body.set('claims', claims)
  await credential(form, { clientId, tokenEndpoint, nowMs: clock.now(), randomUuid: randomUUID })
  sent()
  const sentAtMs = clock.now()
  const response = await post(tokenEndpoint, form)
  return readTokenResponse(
    response,
    { clientId, tenant, scope, secret: form.body.get('client_secret'), sentAtMs },
    clock.now(),
  )
}
