import type { ServerMetadata } from '../authority/issuer.ts'
import type { Clock } from '../clock.ts'
import type { Credential, TokenForm } from '../credential/credential.ts'
import { ConfigurationError, CredentialError } from '../errors.ts'
import type { Listener } from '../events.ts'
import { declaredClaims } from './declared-claims.ts'
import type { PostForm } from './request.ts'
import { readTokenResponse } from './response.ts'
import { rolesIn } from './roles.ts'
import type { Token } from './token.ts'

/** Where a token request goes, and what it carries beside the usual. */
export interface TokenEndpoint {
  readonly url: string
  /** What discovery found; absent for the Microsoft identity platform, whose rules are known. */
  readonly server?: ServerMetadata | undefined
  readonly parameters?: readonly (readonly [name: string, value: string])[] | undefined
}

export interface AcquireOptions {
  readonly clientId: string
  /** The token endpoint that answers for a tenant. */
  readonly endpointOf: (tenant: string) => TokenEndpoint | Promise<TokenEndpoint>
  /** In order: the next is tried when the authority refuses one. */
  readonly credentials: readonly Credential[]
  readonly post: PostForm
  readonly clock: Clock
  /** What the application can do, such as `cp1` (wire.md §11). */
  readonly clientCapabilities?: readonly string[] | undefined
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
 *
 * @throws ConfigurationError if there is no credential.
 */
export function acquirer(options: AcquireOptions): Acquire {
  const { credentials } = options
  if (credentials.length === 0) throw noCredential()
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

const noCredential = () =>
  new ConfigurationError(
    'Cannot make the identity, as at least one credential is needed: found an empty list',
    {
      code: 'credential_missing',
      hint: 'Give a certificate, a federated token or a secret',
    },
  )

async function ask(options: AcquireOptions, credential: Credential, request: TokenRequest): Promise<Token> {
  const { clock, tell } = options
  const { tenant, scope } = request
  const startMs = clock.now()
  const seen: Seen = {}
  const facts = () => ({ tenant, scope, ...seen, durationMs: clock.now() - startMs })
  try {
    const token = await exchange(options, credential, request, seen)
    const { expiresAtMs, accessToken } = token
    tell({ type: 'token_obtained', ...facts(), expiresAtMs, roles: rolesIn(accessToken) })
    return token
  } catch (error) {
    tell({ type: 'token_refused', ...facts(), error })
    throw error
  }
}

// Taken by the first request, whose connection needs it anyway. An import would have every export of it made, and so load
// all of the Web Cryptography API: milliseconds for a UUID. Node before 22.3 knows nothing else.
let uuids: Pick<typeof import('node:crypto'), 'randomUUID'> | undefined

/** How far a request got, for those who listen. */
interface Seen {
  endpoint?: string
  status?: number
}

async function exchange(
  { clientId, endpointOf, post, clock, clientCapabilities, sent }: AcquireOptions,
  credential: Credential,
  { tenant, scope, claims }: TokenRequest,
  seen: Seen,
): Promise<Token> {
  const { url: tokenEndpoint, server, parameters = [] } = await endpointOf(tenant)
  uuids ??= process.getBuiltinModule?.('node:crypto') ?? (await import('node:crypto'))
  const { randomUUID: randomUuid } = uuids
  const form: TokenForm = {
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId }),
    headers: server ? {} : { 'client-request-id': randomUuid(), 'return-client-request-id': 'true' },
  }
  if (scope !== '') form.body.set('scope', scope)
  const declared = declaredClaims(claims, clientCapabilities)
  if (declared !== undefined) form.body.set('claims', declared)
  for (const [name, value] of parameters) form.body.append(name, value)
  await credential(form, { clientId, tokenEndpoint, server, nowMs: clock.now(), randomUuid })
  sent()
  seen.endpoint = tokenEndpoint
  const sentAtMs = clock.now()
  const response = await post(tokenEndpoint, form)
  seen.status = response.status
  const secret = form.body.get('client_secret')
  const asked = { clientId, tenant, scope, secret, sentAtMs, server }
  return readTokenResponse(response, asked, clock.now())
}
