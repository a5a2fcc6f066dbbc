import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Credential, TokenForm } from '../credential/credential.ts'
import { CredentialError } from '../errors.ts'
import type { Listener } from '../events.ts'
import type { PostForm } from './request.ts'
import { readTokenResponse } from './response.ts'
import type { Token } from './token.ts'

export interface AcquireOptions {
  readonly clientId: string
  /** The URL of the token endpoint that answers for a tenant. */
  readonly endpointOf: (tenant: string) => string | Promise<string>
  /** In order: the next is tried when the authority refuses one. */
  readonly credentials: readonly Credential[]
  readonly post: PostForm
  readonly clock: Clock
  /** Counts what is sent. */
  readonly sent: () => void
  readonly tell: Listener
}

/** Which token is wanted. */
export interface TokenRequest {
  readonly tenant: string
  readonly scope: string
  /** The claims of a challenge, as JSON text. */
  readonly claims?: string | undefined
  /** Not this token: an API has refused it, it is due for renewal, or the caller wants another. */
  readonly notToken?: string | undefined
}

/** Gets a token from where tokens come from. @throws TomteError one of its subclasses; the class is the remedy. */
export type Acquire = (request: TokenRequest) => Promise<Token>

/**
 * Makes the function that asks the authority for one token. Of several credentials the one that worked last goes first, so
 * that a rotation costs one refused request and not one at every renewal; when it is refused, the others follow in order.
 */
export function acquirer(options: AcquireOptions): Acquire {
  const { credentials } = options
  let preferred = 0
  return async (request) => {
    const order = credentials.map((_, index) => (preferred + index) % credentials.length)
    let refused: unknown
    for (const index of order) {
      const credential = credentials[index]
      if (!credential) continue
      try {
        const token = await ask(options, credential, request)
        preferred = index
        return token
      } catch (error) {
        // Only what this credential is to blame for is another one's chance.
        if (!(error instanceof CredentialError)) throw error
        refused ??= error
        if (order.length > 1)
          options.tell({ type: 'credential_refused', tenant: request.tenant, credential: index, error })
      }
    }
    throw refused
  }
}

async function ask(options: AcquireOptions, credential: Credential, request: TokenRequest): Promise<Token> {
  const { clock, tell } = options
  const { tenant, scope } = request
  const startMs = clock.now()
  try {
    const token = await exchange(options, credential, request)
    const { expiresAtMs } = token
    tell({ type: 'token_obtained', tenant, scope, durationMs: clock.now() - startMs, expiresAtMs })
    return token
  } catch (error) {
    tell({ type: 'token_refused', tenant, scope, durationMs: clock.now() - startMs, error })
    throw error
  }
}

async function exchange(
  { clientId, endpointOf, post, clock, sent }: AcquireOptions,
  credential: Credential,
  { tenant, scope, claims }: TokenRequest,
): Promise<Token> {
  const tokenEndpoint = await endpointOf(tenant)
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
