import type { FastifyRequest } from 'fastify'
import type { ControlledTransaction } from 'kysely'
import { rewriteAlternateKey } from '../request-rules.ts'
import type { Database } from '../store/database.ts'
import { joined } from '../store/joined.ts'
import type { Schema } from '../store/schema.ts'
import {
  answer,
  answerTogether,
  denied,
  type DispatchOptions,
  failure,
  findRoute,
  type FoundRoute,
  type GraphAnswer,
  GRAPH_PREFIX,
  malformed,
  notARoute,
  permits,
  type RouteRequest,
} from './dispatch.ts'
import { badRequest } from './errors.ts'
import { bodyObject, textOf } from './query.ts'

// Graph's own limit (wire.md §13.5).
const REQUESTS_MAX = 20
const METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'] as const

interface BatchItem {
  readonly id: string
  readonly method: (typeof METHODS)[number]
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly dependsOn: readonly string[]
}

interface ItemResponse {
  readonly id: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** An answer in place of running a request of a batch, such as a drill gives. */
export type BeforeBatchItem = (request: FastifyRequest) => Promise<GraphAnswer | undefined>

declare module 'fastify' {
  interface FastifyInstance {
    /** Called for every request of a batch before any is run; not set unless the platform drills. */
    readonly beforeBatchItem?: BeforeBatchItem
  }
}

/**
 * Runs the requests of a JSON batch one after another, each through the same route, permissions and limits as on its own
 * (wire.md §13.5). What depends on a failed request is 424. Neighbours that change users and groups are written to the disk
 * together, each undone by itself if it fails; what asks for the same is one statement where its route can do that.
 *
 * @throws GraphError 400 for a batch that cannot be run at all.
 */
export async function runBatch(
  dispatch: DispatchOptions,
  request: FastifyRequest,
  before?: BeforeBatchItem,
): Promise<{ responses: ItemResponse[] }> {
  const items = readItems(request.body)
  const instead = before ? await Promise.all(items.map(() => before(request))) : []
  const steps = items.map((item, index) => ({ item, found: routeOf(item), instead: instead[index] }))
  const run = new BatchRun(dispatch, request)
  for (const neighbours of runsOf(steps)) await run.together(neighbours)
  return { responses: run.responsesTo(items) }
}

interface Step {
  readonly item: BatchItem
  readonly found: FoundRoute | undefined
  readonly instead: GraphAnswer | undefined
}

const pathOf = ({ url }: BatchItem) => (url.startsWith('/') ? url : `/${url}`)
const routeOf = (item: BatchItem) =>
  findRoute(item.method, rewriteAlternateKey(`${GRAPH_PREFIX}${pathOf(item)}`).slice(GRAPH_PREFIX.length))

const SHARES = /^\w+ \/(?:users|groups)(?:\/|$)/
const sharesWithOthers = ({ found }: Step) => SHARES.test(found?.route ?? '')

/** Cuts a batch where requests cannot share a transaction: those for registrations have transactions of their own. */
const runsOf = (steps: readonly Step[]) =>
  cut(steps, (run, step) => run.every(sharesWithOthers) && sharesWithOthers(step))

/** Cuts neighbours where one asks for something else than the one before, or depends on another. */
const alikeOf = (steps: readonly Step[]) =>
  cut(
    steps,
    ([first], { found, item }) => first?.found?.route === found?.route && item.dependsOn.length === 0,
  )

/** Cuts a list into runs: an entry begins one unless it may join the last. */
function cut<T>(
  entries: readonly T[],
  mayJoin: (run: readonly T[], entry: T) => boolean,
): readonly (readonly T[])[] {
  const runs: T[][] = []
  for (const entry of entries) {
    const last = runs.at(-1)
    if (last && mayJoin(last, entry)) last.push(entry)
    else runs.push([entry])
  }
  return runs
}

class BatchRun {
  readonly #dispatch: DispatchOptions
  readonly #request: FastifyRequest
  readonly #responses = new Map<string, ItemResponse>()

  constructor(dispatch: DispatchOptions, request: FastifyRequest) {
    this.#dispatch = dispatch
    this.#request = request
  }

  responsesTo(items: readonly BatchItem[]): ItemResponse[] {
    return items.flatMap(({ id }) => this.#responses.get(id.toLowerCase()) ?? [])
  }

  /** Runs neighbours in one transaction if they are several and change anything. */
  async together(steps: readonly Step[]): Promise<void> {
    if (steps.length === 1 || steps.every(({ item }) => item.method === 'GET')) {
      for (const step of steps) this.#set(step, await this.#answer(step))
      return
    }
    const transaction = await this.#dispatch.db.startTransaction().execute()
    try {
      for (const alike of alikeOf(steps)) await this.#alike(alike, transaction)
      await transaction.commit().execute()
    } catch (error) {
      if (!transaction.isCommitted && !transaction.isRolledBack)
        await transaction
          .rollback()
          .execute()
          .catch(() => {})
      // Nothing of them is written, so none may claim to have been done.
      const failed =
        error instanceof Unwritable ? error.answered : failure(error, this.#request, this.#dispatch.now())
      for (const step of steps) this.#set(step, failed)
    }
  }

  /** Runs neighbours that ask for the same: at once if the route can, or else one after another. */
  async #alike(steps: readonly Step[], transaction: ControlledTransaction<Schema>): Promise<void> {
    const route = steps[0]?.found?.route
    const handle = route && this.#dispatch.together[route]
    if (!handle || steps.length === 1) {
      for (const step of steps) this.#set(step, await this.#undoable(step, transaction))
      return
    }
    const asked: (RouteRequest & { readonly step: Step })[] = []
    for (const step of steps) {
      const admitted = this.#admit(step)
      if ('status' in admitted) this.#set(step, admitted)
      else asked.push({ ...admitted, step })
    }
    const alike = { route, handle, asked }
    const answers = await answerTogether(this.#dispatch, alike, this.#request, joined(transaction))
    for (const [{ step }, answered] of answers) this.#set(step, answered)
  }

  async #undoable(step: Step, transaction: ControlledTransaction<Schema>): Promise<GraphAnswer> {
    if (step.item.method === 'GET') return this.#answer(step, joined(transaction))
    const point = await transaction.savepoint('item').execute()
    const answered = await this.#answer(step, joined(point))
    if (answered.status >= 500) throw new Unwritable(answered)
    if (answered.status >= 400) await point.rollbackToSavepoint('item').execute()
    await point.releaseSavepoint('item').execute()
    return answered
  }

  async #answer(step: Step, db?: Database): Promise<GraphAnswer> {
    const asked = this.#admit(step)
    return 'status' in asked ? asked : answer(this.#dispatch, asked.route, this.#request, asked, db)
  }

  /** What a request asks for, or the answer in place of it. */
  #admit({ item, found, instead }: Step): (FoundRoute & RouteRequest) | GraphAnswer {
    const [dispatch, request] = [this.#dispatch, this.#request]
    if (item.dependsOn.some((id) => (this.#responses.get(id.toLowerCase())?.status ?? 500) >= 400))
      return FAILED_DEPENDENCY
    if (instead) return instead
    if (!found) return notARoute(pathOf(item), request, dispatch.now())
    if (!permits(found.route, request.principal)) return denied(request, dispatch.now())
    if (item.body !== undefined && !/^application\/json\s*(;|$)/i.test(item.headers['content-type'] ?? ''))
      return malformed(415, request, dispatch.now())
    return { ...found, ...item }
  }

  #set({ item }: Step, { status, headers, body }: GraphAnswer): void {
    const shown = SHOWN_HEADERS.flatMap(([name, shownAs]) =>
      headers[name] === undefined ? [] : [[shownAs, headers[name]] as const],
    )
    this.#responses.set(item.id.toLowerCase(), {
      id: item.id,
      status,
      headers: Object.fromEntries(shown),
      ...(body === undefined ? {} : { body }),
    })
  }
}

/** What ends a transaction: a request of it found the store unfit to write. */
class Unwritable extends Error {
  readonly answered: GraphAnswer

  constructor(answered: GraphAnswer) {
    super('the store cannot be written to')
    this.answered = answered
  }
}

const SHOWN_HEADERS = [
  ['content-type', 'Content-Type'],
  ['location', 'Location'],
  ['etag', 'ETag'],
  ['retry-after', 'Retry-After'],
  ['x-ms-resource-unit', 'x-ms-resource-unit'],
  ['x-ms-throttle-scope', 'x-ms-throttle-scope'],
  ['x-ms-throttle-information', 'x-ms-throttle-information'],
  ['x-ms-throttle-limit-percentage', 'x-ms-throttle-limit-percentage'],
] as const

const FAILED_DEPENDENCY: GraphAnswer = {
  status: 424,
  headers: { 'content-type': 'application/json' },
  body: { error: { code: 'FailedDependency', message: 'A request that this one depends on failed.' } },
}

function readItems(body: unknown): readonly BatchItem[] {
  const { requests } = bodyObject(body)
  if (!Array.isArray(requests) || requests.length === 0)
    throw badRequest("A batch needs a list of 'requests'.")
  if (requests.length > REQUESTS_MAX)
    throw badRequest(`A batch takes at most ${REQUESTS_MAX} requests: found ${requests.length}.`)
  const known = new Set<string>()
  return requests.map((request: unknown) => {
    const item = readItem(bodyObject(request), known)
    known.add(item.id.toLowerCase())
    return item
  })
}

function readItem(sent: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): BatchItem {
  const { id, method, url, headers = {}, body, dependsOn = [] } = sent
  if (typeof id !== 'string' || id === '' || known.has(id.toLowerCase()))
    throw badRequest('Each request of a batch needs an id of its own.')
  const verb = METHODS.find((one) => one === textOf(method).toUpperCase())
  if (!verb) throw badRequest(`Invalid method for request Id: ${id}.`)
  if (!staysInside(url)) throw badRequest(`Invalid url for request Id: ${id}: it must be relative.`)
  if (!Array.isArray(dependsOn) || dependsOn.some((other) => !known.has(textOf(other).toLowerCase()))) {
    throw badRequest(`Invalid dependency for request Id: ${id}.`)
  }
  const texts = Object.entries(bodyObject(headers)).filter(
    ([name]) => !/^(authorization|host|content-length)$/i.test(name),
  )
  if (texts.some(([, value]) => typeof value === 'object'))
    throw badRequest(`Invalid headers for request Id: ${id}.`)
  const lowered = Object.fromEntries(texts.map(([name, value]) => [name.toLowerCase(), String(value)]))
  if (body !== undefined && lowered['content-type'] === undefined)
    throw badRequest(`Request Id: ${id} has a body and no Content-Type header.`)
  return { id, method: verb, url, headers: lowered, body, dependsOn: dependsOn.map(String) }
}

/**
 * Whether a url leads to a single request of this directory. The router resolves dots, drops tabs and line breaks, and
 * takes `\\` for `/`; a batch inside a batch would multiply its limit.
 */
function staysInside(url: unknown): url is string {
  if (typeof url !== 'string' || /^[a-z]+:|^\/\/|[\p{Cc}#]/iu.test(url)) return false
  const [path = ''] = url.split('?', 1)
  try {
    return !decodeURIComponent(path)
      .split('/')
      .some((segment) => /^\.\.?$|^\$batch$|\\/i.test(segment))
  } catch {
    return false
  }
}
