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

/** A request for a route that takes no query options. @throws GraphError 400 if it has any. */
export function withoutOptions<Call extends { readonly query: unknown }>(call: Call): Call {
  readQuery(call.query, [])
  return call
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

/** Where a page ends: at a row's number, and at its value of what the list is ordered by, if that is something else. */
export interface Position {
  readonly seq: number
  readonly key?: string | number | undefined
}

/** Where a page starts: after this position. @throws GraphError 400 for a token that no page ended with. */
export function pageStart(skiptoken: string | undefined): Position {
  if (skiptoken === undefined) return { seq: 0 }
  const text = Buffer.from(skiptoken, 'base64url').toString('utf8')
  const [, seq, key] = /^after:(\d{1,15})(?::(\d{1,15}|".*"))?$/s.exec(text) ?? []
  if (seq === undefined) throw badRequest('Skip token is invalid.')
  return { seq: Number(seq), key: key === undefined ? undefined : keyOf(key) }
}

function keyOf(json: string): string | number {
  try {
    const key: unknown = JSON.parse(json)
    if (typeof key === 'number' || (typeof key === 'string' && !key.includes('\0'))) return key
  } catch {
    // Falls through: what cannot be read was not written here.
  }
  throw badRequest('Skip token is invalid.')
}

/** The link to the page after this position, with the same options as this one. */
export function nextLink(url: string, query: Query, { seq, key }: Position): string {
  const link = new URL(url)
  for (const [name, value] of Object.entries(query))
    if (name !== '$skiptoken') link.searchParams.set(name, value)
  const position = key === undefined ? `after:${seq}` : `after:${seq}:${JSON.stringify(key)}`
  link.searchParams.set('$skiptoken', Buffer.from(position).toString('base64url'))
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

/**
 * The id or name that the link of a `$ref` body ends with, below one of these collections.
 *
 * @throws GraphError 400 for a link that leads to none of them.
 */
export function linkedId(body: unknown, collections: readonly string[]): string {
  const link = textOf(bodyObject(body)['@odata.id'])
  const [collection = '', name = ''] = link.split('/').slice(-2)
  try {
    if (collections.includes(collection) && /^[^?#]+$/.test(name)) return decodeURIComponent(name)
  } catch {
    // Falls through: a link with broken percent signs is as unfit as any other.
  }
  throw badRequest("Invalid URL format specified in '@odata.id'.")
}
