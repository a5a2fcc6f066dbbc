import type { GraphReply } from '../graph/dispatch.ts'
import { badRequest } from '../graph/errors.ts'
import type { Query } from '../graph/query.ts'
import type { Database } from '../store/database.ts'

/** Every function of the directory takes the tenant of the caller's token: nothing of another tenant can be named. */
export interface DirectoryStore {
  readonly db: Database
  readonly tenantId: string
}

/** A request for a collection. */
export interface ListCall extends DirectoryStore {
  readonly query: unknown
  /** This collection's own URL. */
  readonly url: string
  /** Whether the request has the header `ConsistencyLevel: eventual`. */
  readonly eventual: boolean
}

/** A page of a collection. */
export interface Page {
  readonly value: readonly object[]
  readonly next: string | undefined
  /** How many there are in all, on the first page of a request that asks. */
  readonly count?: number | undefined
}

/** A page as it is answered. */
export const pageReply = ({ value, next, count }: Page): GraphReply => ({
  body: {
    ...(count === undefined ? {} : { '@odata.count': count }),
    ...(next === undefined ? {} : { '@odata.nextLink': next }),
    value,
  },
})

/** Whether a request has both parameters of an advanced query. @throws GraphError 400 for `$count` without the header. */
export function isAdvanced(query: Query, eventual: boolean): boolean {
  const { $count: count } = query
  if (count === undefined || count === 'false') return false
  if (count !== 'true') throw badRequest(`Invalid value for $count: '${count.slice(0, 20)}'.`)
  if (!eventual) throw badRequest('$count is not currently supported.')
  return true
}
