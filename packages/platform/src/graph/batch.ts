import type { FastifyInstance, FastifyRequest } from 'fastify'
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

/**
 * Runs the requests of a JSON batch one after another, each through the same route, guard and limits as on its own
 * (wire.md §13.5). What depends on a failed request is 424.
 *
 * @throws GraphError 400 for a batch that cannot be run at all.
 */
export async function runBatch(
  app: FastifyInstance,
  prefix: string,
  request: FastifyRequest,
): Promise<{ responses: ItemResponse[] }> {
  const items = readItems(request.body)
  const responses = new Map<string, ItemResponse>()
  for (const item of items) {
    const failed = item.dependsOn.some((id) => (responses.get(id.toLowerCase())?.status ?? 500) >= 400)
    responses.set(
      item.id.toLowerCase(),
      failed ? failedDependency(item.id) : await runItem(app, prefix, item, request),
    )
  }
  return { responses: [...responses.values()] }
}

async function runItem(
  app: FastifyInstance,
  prefix: string,
  item: BatchItem,
  request: FastifyRequest,
): Promise<ItemResponse> {
  const { authorization, host } = request.headers
  const response = await app.inject({
    method: item.method,
    url: `${prefix}${item.url.startsWith('/') ? '' : '/'}${item.url}`,
    headers: {
      ...item.headers,
      ...(authorization === undefined ? {} : { authorization }),
      ...(host === undefined ? {} : { host }),
    },
    ...(item.body === undefined ? {} : { payload: JSON.stringify(item.body) }),
  })
  const type = response.headers['content-type']
  const headers = {
    ...(typeof type === 'string' ? { 'Content-Type': type } : {}),
    ...(response.headers['location'] === undefined ? {} : { Location: String(response.headers['location']) }),
    ...(response.headers['retry-after'] === undefined
      ? {}
      : { 'Retry-After': String(response.headers['retry-after']) }),
  }
  return {
    id: item.id,
    status: response.statusCode,
    headers,
    ...(response.payload === '' ? {} : { body: response.json() }),
  }
}

function failedDependency(id: string): ItemResponse {
  const error = { code: 'FailedDependency', message: 'A request that this one depends on failed.' }
  return { id, status: 424, headers: { 'Content-Type': 'application/json' }, body: { error } }
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
