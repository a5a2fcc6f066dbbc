import { parse } from 'node:querystring'
import type { Principal } from '@tomte/guard'
import type { FastifyRequest } from 'fastify'
import type { SignInLog } from '../audit/sign-in-log.ts'
import type { Now } from '../clock.ts'
import type { SigningKeys } from '../discovery/signing-keys.ts'
import type { Database } from '../store/database.ts'
import { unavailableBecause } from '../store/unavailable.ts'
import { clientRequestId, errorBody, GraphError } from './errors.ts'
import { contextOf, wantsNoMetadata, withoutMetadata } from './metadata.ts'
import { type GraphRoute, PERMISSIONS } from './permissions.ts'
import { textOf } from './query.ts'
import type { Throttle, Verdict } from './throttle.ts'

/** Where the directory is, on the platform's own origin. */
export const GRAPH_PREFIX = '/graph/v1.0'

/** What a route of the directory gets: the caller's tenant comes from the verified token, never from the request. */
export interface GraphCall {
  readonly db: Database
  readonly tenantId: string
  readonly principal: Principal
  readonly params: Readonly<Record<string, string>>
  readonly query: unknown
  readonly body: unknown
  /** This request's own URL without its query. */
  readonly url: string
  readonly nowMs: number
  /** The id that the client gave its request, or the platform's own. */
  readonly correlationId: string
  readonly signIns: SignInLog
  /** The platform's own keys, which its operator rotates. */
  readonly keys: SigningKeys
  /** Whether the request has the header `ConsistencyLevel: eventual`. */
  readonly eventual: boolean
  readonly ifMatch: string | undefined
}

/** What a route answers; without a body or a text it is 204. */
export interface GraphReply {
  readonly status?: number
  readonly body?: object
  /** A body of plain text. */
  readonly text?: string
  readonly location?: string
  /** The entity tag of the object in the body. */
  readonly etag?: string
  /** The `$select` that the body answers, where it does not stand in the query. */
  readonly selected?: string | undefined
}

export type GraphRoutes = Readonly<Record<GraphRoute, (call: GraphCall) => Promise<GraphReply>>>

/** Runs requests of one caller for one route at once, each by itself: in the place of each is its reply, or why it is refused. */
export type HandleTogether = (calls: readonly GraphCall[]) => Promise<readonly (GraphReply | GraphError)[]>

/** Routes that do several requests of a batch at once. */
export type TogetherRoutes = Readonly<Partial<Record<GraphRoute, HandleTogether>>>

/** An answer as it goes out, alone or inside a batch. */
export interface GraphAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: object | string | undefined
}

/** A request for a route, after the guard has let its caller in. */
export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: unknown
  readonly body: unknown
  /** Below `/graph/v1.0`, without the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** What answering stands on. */
export interface DispatchOptions {
  readonly db: Database
  /** Where the directory is reached, such as `https://localhost:8443/graph/v1.0`. */
  readonly baseUrl: () => string
  readonly now: Now
  readonly signIns: SignInLog
  readonly keys: SigningKeys
  readonly routes: GraphRoutes
  readonly together: TogetherRoutes
  readonly throttle: Throttle | undefined
}

/**
 * Answers a request for a route: counts it against the limits of its caller, runs the route, and adds the headers. `db` is
 * another one than the platform's for requests that share a transaction. What the route throws is an answer, too.
 */
export async function answer(
  options: DispatchOptions,
  route: GraphRoute,
  request: FastifyRequest,
  asked: RouteRequest,
  db: Database = options.db,
): Promise<GraphAnswer> {
  const { call, metered, refused } = await admit(options, route, request, asked, db)
  if (refused) return refused
  const answered = await options.routes[route](call).then(
    (reply) => outgoing(reply, { options, route, asked }),
    (error: unknown) => failure(error, request, call.nowMs),
  )
  return withHeaders(answered, metered)
}

/** Requests of one caller for one route, and what runs them at once. */
export interface Alike<Asked extends RouteRequest> {
  readonly route: GraphRoute
  readonly handle: HandleTogether
  readonly asked: readonly Asked[]
}

/**
 * Answers requests at once, each as {@link answer} would have answered it.
 *
 * @throws what keeps all of them from being done.
 */
export async function answerTogether<Asked extends RouteRequest>(
  options: DispatchOptions,
  { route, handle, asked }: Alike<Asked>,
  request: FastifyRequest,
  db: Database,
): Promise<readonly (readonly [Asked, GraphAnswer])[]> {
  const admitted: (Admitted & { readonly one: Asked })[] = []
  for (const one of asked) admitted.push({ ...(await admit(options, route, request, one, db)), one })
  const replies = await handle(admitted.flatMap(({ call, refused }) => (refused ? [] : [call])))
  const settled = replies.values()
  return admitted.map(({ one, call, metered, refused }) => {
    if (refused) return [one, refused]
    const { value: reply } = settled.next()
    const isReply = reply !== undefined && !(reply instanceof GraphError)
    const answered = isReply
      ? outgoing(reply, { options, route, asked: one })
      : failure(reply, request, call.nowMs)
    return [one, withHeaders(answered, metered)]
  })
}

interface Admitted {
  readonly call: GraphCall
  readonly metered: Verdict | undefined
  /** The answer in place of running the route: 429. */
  readonly refused: GraphAnswer | undefined
}

/** Counts a request against the limits of its caller. */
async function admit(
  { baseUrl, now, signIns, keys, throttle }: DispatchOptions,
  route: GraphRoute,
  request: FastifyRequest,
  { path, headers, ...rest }: RouteRequest,
  db: Database,
): Promise<Admitted> {
  const { principal } = request
  const nowMs = now()
  const metered = await throttle?.charge(
    { route, principal, query: rest.query, priority: headers['x-ms-throttle-priority'] },
    { db, nowMs },
  )
  const call = {
    ...rest,
    db,
    tenantId: principal.tenantId,
    principal,
    url: `${baseUrl()}${path}`,
    nowMs,
    correlationId: clientRequestId(request),
    signIns,
    keys,
    eventual: /^eventual$/i.test(textOf(headers['consistencylevel'])),
    ifMatch: typeof headers['if-match'] === 'string' ? headers['if-match'] : undefined,
  }
  if (!metered?.refused) return { call, metered, refused: undefined }
  const body = errorBody(metered.refused.code, metered.refused.message, request, nowMs)
  return { call, metered, refused: { status: 429, headers: { ...metered.headers, ...JSON_TYPE }, body } }
}

const withHeaders = (answered: GraphAnswer, metered: Verdict | undefined): GraphAnswer =>
  metered ? { ...answered, headers: { ...answered.headers, ...metered.headers } } : answered

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

interface Question {
  readonly options: DispatchOptions
  readonly route: GraphRoute
  readonly asked: RouteRequest
}

function outgoing(reply: GraphReply, question: Question): GraphAnswer {
  const { status, body, text, location, etag } = reply
  const headers = {
    ...(location === undefined ? {} : { location }),
    ...(etag === undefined ? {} : { etag }),
  }
  if (text !== undefined)
    return {
      status: status ?? 200,
      headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
      body: text,
    }
  if (body === undefined) return { status: status ?? 204, headers }
  return {
    status: status ?? 200,
    headers: { ...headers, ...JSON_TYPE },
    body: described(body, reply, question),
  }
}

/** A body with what says what it is. */
function described(body: object, { selected }: GraphReply, { options, route, asked }: Question): object {
  if (wantsNoMetadata(asked.headers['accept'])) return withoutMetadata(body) as object
  const context = contextOf(route, { ...asked, selected })
  return context === undefined
    ? body
    : { '@odata.context': `${options.baseUrl()}/$metadata#${context}`, ...body }
}

/** The answer to a request whose route threw. What is nobody's fault but the platform's is written to its log. */
export function failure(error: unknown, request: FastifyRequest, nowMs: number): GraphAnswer {
  if (error instanceof GraphError) {
    const { status, code, message, location } = error
    const headers = location === undefined ? JSON_TYPE : { ...JSON_TYPE, location }
    return { status, headers, body: errorBody(code, message, request, nowMs) }
  }
  const status = isFault(error) ? error.statusCode : 500
  if (status < 500) return malformed(status, request, nowMs)
  request.log.error({ err: error }, 'directory request failed')
  const reason = unavailableBecause(error)
  const [code, message] =
    reason === undefined
      ? ['InternalServerError', 'The platform failed: see its log.']
      : ['ServiceNotAvailable', reason]
  const body = errorBody(code, message, request, nowMs)
  return { status: reason === undefined ? 500 : 503, headers: JSON_TYPE, body }
}

const isFault = (error: unknown): error is { readonly statusCode: number } =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'

/** 400, 413 or 415: a body or headers that cannot be read. */
export function malformed(status: number, request: FastifyRequest, nowMs: number): GraphAnswer {
  const message = 'Unable to read the request: its body or headers are malformed.'
  return { status, headers: JSON_TYPE, body: errorBody('Request_BadRequest', message, request, nowMs) }
}

/** 400: there is no such route. */
export function notARoute(path: string, request: FastifyRequest, nowMs: number): GraphAnswer {
  const segment = path.split(/[/?(]/, 2)[1] ?? ''
  const message = `Resource not found for the segment '${segment.slice(0, 100)}'.`
  return { status: 400, headers: JSON_TYPE, body: errorBody('BadRequest', message, request, nowMs) }
}

/** 403: the caller has none of the roles that the permission table asks for. */
export function denied(request: FastifyRequest, nowMs: number): GraphAnswer {
  const message = 'Insufficient privileges to complete the operation.'
  return {
    status: 403,
    headers: JSON_TYPE,
    body: errorBody('Authorization_RequestDenied', message, request, nowMs),
  }
}

/** Whether the permission table lets a caller have a route. */
export function permits(route: GraphRoute, { roles }: Principal): boolean {
  const required: readonly string[] | 'any application' = PERMISSIONS[route]
  return required === 'any application' || required.some((role) => roles.includes(role))
}

/** A route with the values of its parameters, and the query. */
export interface FoundRoute {
  readonly route: GraphRoute
  readonly params: Readonly<Record<string, string>>
  readonly path: string
  readonly query: unknown
}

interface Template {
  readonly route: GraphRoute
  readonly segments: readonly string[]
}

const PARAMETER_LENGTH_MAX = 300
// Those without parameters in a place come first: /users/$count is no user.
const TEMPLATES: ReadonlyMap<string, readonly Template[]> = Map.groupBy(
  (Object.keys(PERMISSIONS) as GraphRoute[])
    .map((route) => ({ route, segments: route.split('/').slice(1) }))
    .sort((a, b) => parametersOf(a).localeCompare(parametersOf(b))),
  ({ route, segments }) => `${route.split(' ', 1)[0] ?? ''} ${segments.length} ${segments[0] ?? ''}`,
)

function parametersOf({ segments }: Template): string {
  return segments.map((segment) => (segment.startsWith(':') ? '1' : '0')).join('')
}

/** Finds the route of a request inside a batch; the server's own router finds those that come alone. */
export function findRoute(method: string, url: string): FoundRoute | undefined {
  const [path = '', ...query] = url.split('?')
  const segments = path.split('/').slice(1)
  for (const { route, segments: wanted } of TEMPLATES.get(
    `${method} ${segments.length} ${segments[0] ?? ''}`,
  ) ?? []) {
    const params = paramsOf(wanted, segments)
    if (params) return { route, params, path, query: parse(query.join('?')) }
  }
  return undefined
}

function paramsOf(
  wanted: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {}
  for (const [index, name] of wanted.entries()) {
    const segment = decodeURIComponent(segments[index] ?? '')
    if (!name.startsWith(':') ? segment !== name : segment === '' || segment.length > PARAMETER_LENGTH_MAX)
      return undefined
    if (name.startsWith(':')) params[name.slice(1)] = segment
  }
  return params
}
