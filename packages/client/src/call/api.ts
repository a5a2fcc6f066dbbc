import { randomUUID } from 'node:crypto'
import type { Authority } from '../authority/authority.ts'
import { randomFraction, systemClock } from '../clock.ts'
import { ConfigurationError, PermissionError, ProtocolError, type TomteError } from '../errors.ts'
import type { Identity } from '../identity/identity.ts'
import { withoutUser } from '../network.ts'
import { sendObserved } from '../telemetry/telemetry.ts'
import type { TokenSource } from '../token/token.ts'
import { type BatchRequest, type BatchResponse, runBatch } from './batch.ts'
import { ApiError, errorOf } from './errors.ts'
import { readPages } from './pages.ts'
import { nextDelayMs } from './retry.ts'
import { type Incoming, type Send, type SenderOptions, sender } from './transport.ts'

/** Where an API is, and what its calls need. */
export interface ApiOptions extends SenderOptions {
  /** Every path is below this, links of answers aside; the token goes to its origin and nowhere else. */
  readonly baseUrl: string
  /** The static scope of the API's tokens, `{resource}/.default`. */
  readonly scope: string
  /** The application permissions the calls need, named in the error when one is missing. */
  readonly permissions?: readonly string[] | undefined
  readonly random?: (() => number) | undefined
  readonly clock?: typeof systemClock | undefined
}

/** What one call may add to the common settings. */
export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

interface Attempt {
  readonly method: string
  readonly url: URL
  readonly accessToken: string
  readonly body: object | undefined
  readonly resends: number
}

const IDEMPOTENT = new Set(['GET', 'PUT', 'DELETE', 'HEAD'])

/** A web API as one application sees it. Made by {@link api} or {@link graph}. */
export class Api {
  /** HTTP requests sent, retries included. */
  requests = 0
  retries = 0
  readonly #identity: Identity
  readonly #source: TokenSource
  readonly #send: Send
  readonly #options: ApiOptions
  readonly #base: URL

  constructor(identity: Identity, options: ApiOptions) {
    this.#identity = identity
    this.#options = options
    this.#base = baseUrl(options.baseUrl)
    this.#source = identity.tokenSource(options.scope)
    this.#send = sender(options)
  }

  /** The root of the API, with a slash at its end. */
  get baseUrl(): string {
    return this.#base.href
  }

  /** Sends GET and returns the answer's JSON. @throws ApiError for any status that is no success. */
  get(path: string, options?: CallOptions): Promise<unknown> {
    return this.call('GET', path, undefined, options)
  }

  /** Sends POST with a JSON body. @throws ApiError for any status that is no success. */
  post(path: string, body: object, options?: CallOptions): Promise<unknown> {
    return this.call('POST', path, body, options)
  }

  /** Sends PATCH with a JSON body. @throws ApiError for any status that is no success. */
  patch(path: string, body: object, options?: CallOptions): Promise<unknown> {
    return this.call('PATCH', path, body, options)
  }

  /** Sends PUT with a JSON body. @throws ApiError for any status that is no success. */
  put(path: string, body: object, options?: CallOptions): Promise<unknown> {
    return this.call('PUT', path, body, options)
  }

  /** Sends DELETE. @throws ApiError for any status that is no success. */
  delete(path: string, options?: CallOptions): Promise<unknown> {
    return this.call('DELETE', path, undefined, options)
  }

  /** Reads a collection item by item, following `@odata.nextLink` on this API's origin (wire.md §13.5). */
  pages(path: string, options?: CallOptions): AsyncGenerator<unknown> {
    return readPages((next) => this.get(next, options), path)
  }

  /**
   * Sends any number of requests as JSON batches of 20 and returns their answers in the same order (wire.md §13.5).
   * Throttled items are sent again after the longest `Retry-After`; other refusals are returned, not thrown.
   */
  batch(requests: readonly BatchRequest[], options?: CallOptions): Promise<BatchResponse[]> {
    return runBatch(requests, {
      post: (body) => this.post('/$batch', body, options),
      pause: (ms) => this.#pause(ms, options?.signal),
      random: this.#random,
      nowMs: () => this.#clock.now(),
      refuse: (item, response) =>
        this.#refusal(item.method, item.url, response.status, response.headers, response.body),
    })
  }

  /** Sends one request, with the retries that are safe, and returns the answer's JSON. */
  async call(method: string, path: string, body?: object, options: CallOptions = {}): Promise<unknown> {
    const url = this.#resolve(path)
    let renewed = false
    for (let number = 1; ; number += 1) {
      const ask = { signal: options.signal }
      const { token: accessToken } = await this.#source.token(ask)
      const response = await this.#attempt({ method, url, accessToken, body, resends: number - 1 }, options)
      if (response.status >= 200 && response.status < 300) return parseBody(method, url, response)
      if (response.status === 401 && !renewed) {
        renewed = true
        const { token: next } = await this.#source.tokenAfterRefusal(accessToken, ask)
        // The same token again would be refused again.
        if (next !== accessToken) {
          this.retries += 1
          continue
        }
      }
      const retryAfter = header(response, 'retry-after')
      const repeatable = IDEMPOTENT.has(method)
      const delay = nextDelayMs(
        { number, status: response.status, retryAfter, repeatable },
        this.#clock.now(),
        this.#random,
      )
      if (delay === undefined)
        throw this.#refusal(
          method,
          url.pathname,
          response.status,
          response.headers,
          jsonOrText(response.text),
        )
      await this.#pause(delay, options.signal)
    }
  }

  get #clock() {
    return this.#options.clock ?? systemClock
  }

  get #random() {
    return this.#options.random ?? randomFraction
  }

  async #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    this.retries += 1
    await this.#clock.sleep(ms, signal)
  }

  #attempt({ method, url, accessToken, body, resends }: Attempt, options: CallOptions): Promise<Incoming> {
    this.requests += 1
    const content = body === undefined ? {} : { 'content-type': 'application/json' }
    const outgoing = {
      method,
      url: url.href,
      headers: {
        accept: 'application/json',
        'client-request-id': randomUUID(),
        ...content,
        ...lowerCased(options.headers),
        authorization: `Bearer ${accessToken}`,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: options.signal,
    }
    return sendObserved(this.#send, { outgoing, resends, now: () => this.#clock.now() })
  }

  /**
   * The token goes to the base URL's origin alone, wherever a link in an answer may point; a path cannot climb out of
   * the base URL, whatever was put into it.
   */
  #resolve(path: string): URL {
    const absolute = /^[a-z][a-z0-9+.-]*:/i.test(path) || path.startsWith('//')
    const text = absolute ? path : this.#base.href + path.replace(/^\//, '')
    const url = URL.canParse(text, this.#base.href) ? new URL(text, this.#base) : undefined
    const { origin, pathname, href } = this.#base
    if (url?.origin !== origin) {
      const found = url && url.origin !== 'null' ? url.origin : 'what is no web address'
      throw new ProtocolError(`Cannot call ${found}, as the token may only be sent to ${origin}`, {
        code: 'foreign_origin',
        hint: 'Make another api() for that origin, with a scope of its own',
      })
    }
    if (absolute || url.pathname.startsWith(pathname)) return url
    throw new ProtocolError(`Cannot call ${url.pathname}, as every path must be below ${href}`, {
      code: 'path_outside',
      hint: 'Encode what goes into a path with encodeURIComponent',
    })
  }

  #refusal(
    method: string,
    path: string,
    status: number,
    headers: Incoming['headers'],
    body: unknown,
  ): TomteError {
    const { code = `http_${status}`, message = 'no message' } = errorOf(body)
    const requestId = first(headers['request-id'])
    // Without the query, which may name people.
    const said = `Cannot ${method} ${path.split('?', 1)[0]}: status ${status}, ${code}: ${message}`
    if (status !== 403) return new ApiError(said, { code, status, requestId, body })
    return this.#missingPermission(said, code)
  }

  #missingPermission(message: string, code: string): PermissionError {
    const { clientId, authority } = this.#identity
    const needed = this.#options.permissions ?? []
    const permission =
      needed.length === 0
        ? 'the application permission that this call needs'
        : `the application permission ${needed.join(', ')}`
    return new PermissionError(message, { code, hint: consentHint(clientId, authority, permission) })
  }
}

function consentHint(
  clientId: string | undefined,
  authority: Authority | undefined,
  permission: string,
): string {
  if (clientId === undefined || authority === undefined)
    return `The identity has no consent for ${permission}: an administrator of its tenant has to grant it`
  if (authority.adminConsentUrl === undefined)
    return `Application '${clientId}' lacks ${permission}: an administrator of ${authority.host} or of the API has to grant it`
  return (
    `Application '${clientId}' has no consent for ${permission} in tenant '${authority.tenant}': ` +
    `an administrator of that tenant has to grant it, at ${authority.adminConsentUrl(clientId)}`
  )
}

/**
 * A web API that this identity calls with `Authorization: Bearer` (RFC 6750 §2.1).
 *
 * @throws ConfigurationError if the base URL or the scope cannot be used.
 * @example
 * ```ts
 * import { api, AppIdentity, certificate } from '@tomte/client'
 * const identity = new AppIdentity({ tenantId: 'contoso.example', clientId: 'orders-sync', credential: certificate({ file: 'daemon.pem' }) })
 * const orders = api(identity, { baseUrl: 'https://orders.contoso.example/v1', scope: 'api://orders/.default' })
 * const open = await orders.get('/orders?state=open')
 * ```
 */
export function api(identity: Identity, options: ApiOptions): Api {
  return new Api(identity, options)
}

function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' || url.href !== url.origin + url.pathname) {
    throw new ConfigurationError(
      `Cannot use the base URL, as it must be an https:// URL without a query: found '${withoutUser(text)}'`,
      {
        code: 'base_url_invalid',
        hint: 'Set it to the root of the API, for example https://graph.microsoft.com/v1.0',
      },
    )
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function parseBody(method: string, url: URL, { status, text }: Incoming): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new ProtocolError(
      `Cannot read the answer to ${method} ${url.pathname}, as it must be JSON: status ${status}, ${text.length} characters`,
      {
        code: 'answer_malformed',
      },
    )
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text.slice(0, 1000)
  }
}

/** Two spellings of one header would both be sent. */
const lowerCased = (headers: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const first = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value)
const header = (response: Incoming, name: string) => first(response.headers[name])
