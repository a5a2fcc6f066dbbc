import type { Readable } from 'node:stream'
import type { Clock } from '../clock.ts'
import type { Identity } from '../identity/identity.ts'
import { Address } from './address.ts'
import { readJson } from './answer.ts'
import { type BatchRequest, type BatchResponse, failedAnswers } from './batch.ts'
import { BatchRun } from './batch-run.ts'
import { type Answered, type Call, Caller, type CallOptions } from './caller.ts'
import { Delta, type DeltaOptions } from './delta.ts'
import { Pages } from './pages.ts'
import { type LeastPrivilege, leastPrivilegeOf } from './least-privilege.ts'
import { batchOverseen, isRead, type Overseer } from './overseer.ts'
import { type PermissionTable, UsedPermissions } from './used-permissions.ts'
import type { SenderOptions } from './transport.ts'

/** Where an API is, and what its calls need. */
export interface ApiOptions extends SenderOptions {
  /** Every path is below this, links of answers aside; the token goes to its origin and nowhere else. */
  readonly baseUrl: string
  /** The static scope of the API's tokens, `{resource}/.default`. */
  readonly scope: string
  /** The application permissions the calls need, named in the error when one is missing. */
  readonly permissions?: readonly string[] | undefined
  readonly random?: (() => number) | undefined
  readonly clock?: Clock | undefined
}

/** What is known of an API beside its address. */
export interface Dialect {
  /** Which application permissions its routes need. */
  readonly permissions?: PermissionTable | undefined
  /** Whether it heeds `x-ms-throttle-priority` (wire.md §13.6). */
  readonly heedsPriority?: boolean | undefined
  /** The last parts of paths whose POST changes nothing. */
  readonly readingActions?: ReadonlySet<string> | undefined
}

/** What an overseen API shares with the one that it was made of. */
interface Overseen {
  readonly caller: Caller
  readonly used: UsedPermissions
  readonly overseer: Overseer
}

/** What a large body is, beside what every call may say. */
export interface UploadOptions extends CallOptions {
  /** Default: `application/octet-stream`. */
  readonly contentType?: string | undefined
  /** In bytes. Without it the body is sent in chunks, which not every API takes. */
  readonly size?: number | undefined
}

/** The answer to {@link Api.download}. */
export interface Download {
  readonly status: number
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** To be read to its end or destroyed, since its connection serves nobody else meanwhile. */
  readonly body: Readable
}

/** A web API as one application sees it. Made by {@link api} or {@link graph}. */
export class Api {
  readonly #caller: Caller
  readonly #address: Address
  readonly #permissions: readonly string[]
  readonly #used: UsedPermissions
  readonly #dialect: Dialect
  readonly #options: ApiOptions
  readonly #overseer: Overseer | undefined

  /** @internal */
  constructor(identity: Identity, options: ApiOptions, dialect: Dialect = {}, overseen?: Overseen) {
    this.#address = new Address(options.baseUrl)
    this.#permissions = options.permissions ?? []
    this.#caller = overseen?.caller ?? new Caller(identity, this.#address, options)
    this.#used = overseen?.used ?? new UsedPermissions(dialect.permissions)
    this.#dialect = dialect
    this.#options = options
    this.#overseer = overseen?.overseer
  }

  /**
   * The same API, with somebody who is shown what its calls read, and asked before they change anything. Tokens, pace and
   * counts are shared. Downloads and deltas are read without being shown.
   *
   * @example
   * ```ts
   * import type { Api } from '@tomte/client'
   * declare const directory: Api
   * const readOnly = directory.overseen({
   *   write: async ({ method, path }) => {
   *     throw new Error(`would have sent ${method} ${path}`)
   *   },
   * })
   * ```
   */
  overseen(overseer: Overseer): Api {
    const shared = { caller: this.#caller, used: this.#used, overseer }
    return new Api(this.#caller.identity, this.#options, this.#dialect, shared)
  }

  /** The root of the API, with a slash at its end. */
  get baseUrl(): string {
    return this.#address.href
  }

  /** HTTP requests sent, retries included. */
  get requests(): number {
    return this.#caller.requests
  }

  /** Requests, or parts of batches, that were sent again. */
  get retries(): number {
    return this.#caller.retries
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

  /** Sends one request, with the retries that are safe, and returns the answer's JSON. */
  async call(method: string, path: string, body?: object, options: CallOptions = {}): Promise<unknown> {
    const call = this.#json(method, path, body, options)
    const reads = isRead(method, path, this.#dialect.readingActions)
    const instead = reads ? undefined : await this.#overseer?.write({ method, path, body })
    if (instead !== undefined) return instead.body
    const { incoming } = await this.#caller.answer(call)
    const answer = readJson(method, call.target.pathname, incoming)
    if (reads) this.#overseer?.read?.(path, answer)
    return answer
  }

  /**
   * Sends GET and hands the body on as it comes, of whatever size. Once its head is there, the answer is not asked for again;
   * each piece has to come within `timeoutMs`.
   *
   * @throws ApiError for any status that is no success.
   * @example
   * ```ts
   * import { createWriteStream } from 'node:fs'
   * import { pipeline } from 'node:stream/promises'
   * import type { Api } from '@tomte/client'
   * declare const directory: Api
   * const { body } = await directory.download('/reports/users.csv')
   * await pipeline(body, createWriteStream('users.csv'))
   * ```
   */
  async download(path: string, options: CallOptions = {}): Promise<Download> {
    const headers = { accept: '*/*', ...options.headers }
    const call = { ...this.#json('GET', path, undefined, { ...options, headers }), streamed: true }
    const { status, headers: answered, body } = (await this.#caller.answer(call)).incoming
    if (body === undefined) throw new TypeError(`Cannot download ${call.target.pathname}: no body`)
    return { status, headers: answered, body }
  }

  /**
   * Sends a body that is no JSON: bytes, or a function that makes a stream of them, which is called anew for every attempt.
   *
   * @throws ApiError for any status that is no success.
   */
  async upload(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    content: Uint8Array | (() => Readable),
    { contentType = 'application/octet-stream', size, ...options }: UploadOptions = {},
  ): Promise<unknown> {
    const length = size === undefined ? {} : { 'content-length': String(size) }
    const headers = { 'content-type': contentType, ...length, ...options.headers }
    const call = { ...this.#json(method, path, undefined, { ...options, headers }), content }
    const instead = await this.#overseer?.write({ method, path, body: undefined })
    if (instead !== undefined) return instead.body
    return readJson(method, call.target.pathname, (await this.#caller.answer(call)).incoming)
  }

  /**
   * Reads a collection item by item, following `@odata.nextLink` on this API's origin (wire.md §13.5). While the items of one
   * page are read, the next one is on its way. A next link that was kept goes on where it leads.
   */
  pages(path: string, options?: CallOptions): Pages {
    return new Pages(
      (next, signal) => this.get(next, { priority: 'bulk', ...options, signal }),
      path,
      options?.signal,
    )
  }

  /**
   * Reads what has changed since a link was kept, or everything the first time, page by page (wire.md §13.5).
   *
   * @example
   * ```ts
   * import type { Api } from '@tomte/client'
   * declare const directory: Api
   * declare const kept: { link?: string }
   * for await (const page of directory.delta('/users/delta?$select=displayName', { link: kept.link })) {
   *   if (page.resync) console.log('everything is told anew: whoever is not named any more is gone')
   *   for (const { id, item, removed } of page.changes) console.log(id, removed ?? item)
   *   kept.link = page.link
   * }
   * ```
   */
  delta(path: string, options: DeltaOptions = {}): Delta {
    const { link, ...others } = options
    const ask = async (next: string) => {
      const call = this.#json('GET', next, undefined, { priority: 'bulk', ...others })
      const answered = await this.#caller.exchange(call)
      return { answered, call }
    }
    const refuse = (call: Call, answered: Answered) => this.#caller.refusal(call, answered)
    return new Delta({ ask, refuse, baseUrl: this.baseUrl, path, link })
  }

  /**
   * Sends any number of requests as JSON batches of up to 20, several at a time, and returns their answers in the order of the
   * requests (wire.md §13.5). Throttled items are sent again; so are those that may be repeated after 502, 503, 504 and a
   * lost answer. Other refusals are the caller's business and are returned.
   *
   * @throws PermissionError, ApiError or UnavailableError of the first item that was denied, gave up, or of which nobody knows
   * whether it was done; batches that have not been sent are not. {@link answersOf} the error has what was answered.
   * @throws ConfigurationError if an item depends on one that does not come before it.
   */
  async batch(requests: readonly BatchRequest[], options: CallOptions = {}): Promise<BatchResponse[]> {
    const answers = await this.#batched(requests, options, true)
    const failure = answers.find((answer) => answer?.error !== undefined)?.error
    if (failure !== undefined) throw failedAnswers(failure, answers)
    return answers.filter((answer) => answer !== undefined)
  }

  /**
   * As {@link batch}, but sends everything and loses nothing: an item that was denied, gave up or may have been done has its
   * `error` beside its status, which is 0 if there was no answer at all.
   *
   * @throws ConfigurationError if an item depends on one that does not come before it; the signal's reason.
   */
  async batchSettled(requests: readonly BatchRequest[], options: CallOptions = {}): Promise<BatchResponse[]> {
    const answers = await this.#batched(requests, options, false)
    return answers.filter((answer) => answer !== undefined)
  }

  /**
   * Compares the application permissions that the calls so far have needed with those that are held: the smallest set that would
   * have done, what is missing and what could be taken away. It knows the routes that `@tomte/platform` offers of Microsoft
   * Graph; others are listed as unknown.
   *
   * @param held default: the roles of the token, none if it cannot be read.
   * @throws TomteError if there is no token.
   * @example
   * ```ts
   * import { type Api, describeLeastPrivilege } from '@tomte/client'
   * declare const directory: Api
   * await directory.get('/users?$top=1')
   * console.log(describeLeastPrivilege(await directory.leastPrivilege()))
   * ```
   */
  async leastPrivilege(held?: readonly string[]): Promise<LeastPrivilege> {
    return leastPrivilegeOf(this.#used, held ?? (await this.#caller.rolesHeld()))
  }

  #batched(requests: readonly BatchRequest[], options: CallOptions, stopEarly: boolean) {
    for (const { method, url } of requests) this.#used.note(method, url)
    const bulk = { priority: 'bulk', ...options } as const
    const send = (items: readonly BatchRequest[]) =>
      new BatchRun(items, {
        caller: this.#caller,
        envelope: (body, units, repeatable) => ({
          ...this.#json('POST', '/$batch', body, { ...bulk, repeatable }),
          units,
        }),
        needed: (method, path) => this.#needed(method, path),
        signal: options.signal,
        stopEarly,
      }).run()
    if (this.#overseer === undefined) return send(requests)
    return batchOverseen(requests, { overseer: this.#overseer, actions: this.#dialect.readingActions, send })
  }

  #json(method: string, path: string, body: object | undefined, options: CallOptions): Call {
    const target = this.#address.resolve(path)
    this.#used.note(method, path)
    const headers: Record<string, string> = { accept: 'application/json' }
    const content = body === undefined ? undefined : JSON.stringify(body)
    if (content !== undefined) headers['content-type'] = 'application/json'
    if (this.#dialect.heedsPriority === true && options.priority !== undefined)
      headers['x-ms-throttle-priority'] = options.priority === 'bulk' ? 'Low' : 'High'
    // Two spellings of one header would both be sent.
    for (const name in options.headers) headers[name.toLowerCase()] = options.headers[name] ?? ''
    const needed = () => this.#needed(method, path)
    return { method, target, headers, content, options, units: 1, needed }
  }

  #needed(method: string, path: string): readonly string[] {
    return this.#permissions.length > 0 ? this.#permissions : this.#used.needed(method, path)
  }
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
