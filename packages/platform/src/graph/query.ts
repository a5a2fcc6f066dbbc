import { badRequest, unsupportedQuery } from './errors.ts'

/** A query string as it came in, each option at most once. */
export type Query = Readonly<Record<string, string>>

/** Reads the options of a collection request; one that is not among `allowed` is refused, never ignored. */
export function readQuery(raw: unknown, allowed: readonly string[]): Query {
  const query: Record<string, string> = {}
  for (const [name, value] of Object.entries((raw ?? {}) as Record<string, unknown>)) {
    if (typeof value !== 'string')
      throw badRequest(`Query option '${name.slice(0, 100)}' was specified more than once.`)
    if (!allowed.includes(name))
      throw unsupportedQuery(`Query option '${name.slice(0, 100)}' is not supported here.`)
    query[name] = value
  }
  return query
}

const TOP_DEFAULT = 100
const TOP_MAX = 999

/** The page size that `$top` asks for (wire.md §13.4). @throws GraphError 400 outside 1 to 999. */
export function pageSize(top: string | undefined): number {
  if (top === undefined) return TOP_DEFAULT
  const size = /^\d{1,6}$/.test(top) ? Number(top) : 0
  if (size >= 1 && size <= TOP_MAX) return size
  throw badRequest(
    `Invalid page size specified: '${top.slice(0, 20)}'. Must be between 1 and ${TOP_MAX} inclusive.`,
  )
}

/** Where a page starts: after this position. */
export function pageStart(skiptoken: string | undefined): number {
  if (skiptoken === undefined) return 0
  const text = Buffer.from(skiptoken, 'base64url').toString('utf8')
  const position = /^after:(\d{1,15})$/.exec(text)?.[1]
  if (position === undefined) throw badRequest('Skip token is invalid.')
  return Number(position)
}

/** The link to the page after this position, with the same options as this one. */
export function nextLink(url: string, query: Query, position: number): string {
  const link = new URL(url)
  for (const [name, value] of Object.entries(query))
    if (name !== '$skiptoken') link.searchParams.set(name, value)
  link.searchParams.set('$skiptoken', Buffer.from(`after:${position}`).toString('base64url'))
  return link.href
}

/** A value that must be a text, or else the empty one: String() would throw for some objects. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A body that must be a JSON object. @throws GraphError 400. */
export function bodyObject(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Readonly<Record<string, unknown>>
  throw badRequest('Unable to read JSON request payload. A JSON object is expected.')
}
