import { badRequest } from '../graph/errors.ts'
import { pageSize, type Query, readQuery } from '../graph/query.ts'
import type { Filterable, LogComparison } from './log-filter.ts'
import { readLogFilter } from './log-filter.ts'

/** Where a page of a log begins: after the row of this time and id. */
export interface LogPosition {
  readonly atMs: number
  readonly id: string
}

/** What a request asks of a log, the newest row first. */
export interface LogQuery<Column extends string> {
  readonly size: number
  readonly after: LogPosition | undefined
  readonly comparisons: readonly LogComparison<Column>[]
  readonly query: Query
}

/** Reads `$top`, `$filter`, `$orderby` (newest first alone) and `$skiptoken`. @throws GraphError 400. */
export function readLogQuery<Column extends string>(
  raw: unknown,
  properties: ReadonlyMap<string, Filterable<Column>>,
  timeProperty: string,
): LogQuery<Column> {
  const query = readQuery(raw, ['$top', '$filter', '$orderby', '$skiptoken'])
  const order = query['$orderby']
  if (order !== undefined && order !== `${timeProperty} desc`)
    throw badRequest(`Unsupported $orderby: only '${timeProperty} desc' is supported, and it is the default.`)
  return {
    size: pageSize(query['$top']),
    after: positionOf(query['$skiptoken']),
    comparisons: readLogFilter(query['$filter'], properties),
    query,
  }
}

function positionOf(token: string | undefined): LogPosition | undefined {
  if (token === undefined) return undefined
  const text = Buffer.from(token, 'base64url').toString('utf8')
  const [, at, id] = /^(\d{1,15}):([\w-]{1,64})$/.exec(text) ?? []
  if (at === undefined || id === undefined) throw badRequest('Skip token is invalid.')
  return { atMs: Number(at), id }
}

/** The link to the page after a row, with the same options as this one. */
export function nextLogLink(url: string, query: Query, { atMs, id }: LogPosition): string {
  const link = new URL(url)
  for (const [name, value] of Object.entries(query))
    if (name !== '$skiptoken') link.searchParams.set(name, value)
  link.searchParams.set('$skiptoken', Buffer.from(`${atMs}:${id}`).toString('base64url'))
  return link.href
}

/** A page of a log as a route of the directory answers it. */
export interface LogPage {
  readonly value: readonly object[]
  readonly next: string | undefined
}
