import { randomUUID } from 'node:crypto'
import { type Authority, authority, PUBLIC_CLOUD } from './authority/authority.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Credential } from './credential/credential.ts'
import { cachedSource } from './token/cached.ts'
import { formPoster, type PostForm, type TransportOptions } from './token/request.ts'
import { readTokenResponse } from './token/response.ts'
import { staticScope } from './token/scope.ts'
import type { Token, TokenSource } from './token/token.ts'

/** Which application, in which tenant, with which proof. */
export interface AppIdentityOptions extends TransportOptions {
  /** The directory to work in: a GUID or a verified domain name. */
  readonly tenantId: string
  /** The application (client) id. */
  readonly clientId: string
  readonly credential: Credential
  /** Default: the public cloud, https://login.microsoftonline.com. */
  readonly authorityHost?: string | undefined
  readonly clock?: Clock | undefined
}

/** The shape of `AccessToken` in @azure/core-auth, whose `TokenCredential` an identity is. */
export interface AccessToken {
  readonly token: string
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly expiresOnTimestamp: number
  readonly refreshAfterTimestamp: number
}

/**
 * An application in one tenant, able to get tokens for itself by client credentials (RFC 6749 §4.4).
 *
 * @throws ConfigurationError if the tenant or the authority host cannot be one.
 * @example
 * ```ts
 * import { AppIdentity, certificate } from '@tomte/client'
 * const identity = new AppIdentity({
 *   tenantId: 'contoso.example',
 *   clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
 *   credential: certificate({ file: 'daemon.pem' }),
 * })
 * const { token } = await identity.getToken('https://graph.microsoft.com/.default')
 * ```
 */
export class AppIdentity {
  readonly clientId: string
  readonly authority: Authority
  /** How many token requests have been sent. */
  tokenRequests = 0
  readonly #credential: Credential
  readonly #clock: Clock
  readonly #post: PostForm
  readonly #sources = new Map<string, TokenSource>()

  constructor(options: AppIdentityOptions) {
    this.clientId = options.clientId
    this.authority = authority(options.authorityHost ?? PUBLIC_CLOUD, options.tenantId)
    this.#credential = options.credential
    this.#clock = options.clock ?? systemClock
    this.#post = formPoster(options)
  }

  /**
   * Returns an access token for the scope, from memory while it lasts.
   *
   * @param scopes `{resource}/.default`, alone or as the only element of a list.
   * @throws TomteError one of its subclasses; the class is the remedy.
   */
  async getToken(scopes: string | readonly string[]): Promise<AccessToken> {
    const scope = typeof scopes === 'string' ? scopes : scopes.join(' ')
    const token = await this.tokenSource(scope).token()
    return {
      token: token.accessToken,
      expiresOnTimestamp: token.expiresAtMs,
      refreshAfterTimestamp: token.refreshAtMs,
    }
  }

  /** The source behind `getToken`, one for each scope; the call layer takes it as it is. */
  tokenSource(scope: string): TokenSource {
    const known = this.#sources.get(scope)
    if (known) return known
    const checked = staticScope(scope)
    const source = cachedSource(() => this.#requestToken(checked), this.#clock)
    this.#sources.set(scope, source)
    return source
  }

  async #requestToken(scope: string): Promise<Token> {
    const { tokenEndpoint, tenant } = this.authority
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: this.clientId, scope })
    const form = { body, headers: { 'client-request-id': randomUUID(), 'return-client-request-id': 'true' } }
    const context = {
      clientId: this.clientId,
      tokenEndpoint,
      nowMs: this.#clock.now(),
      randomUuid: randomUUID,
    }
    await this.#credential(form, context)
    this.tokenRequests += 1
    const response = await this.#post(tokenEndpoint, form)
    return readTokenResponse(response, { clientId: this.clientId, tenant, scope }, this.#clock.now())
  }
}
