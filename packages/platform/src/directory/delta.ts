import type { GraphReply } from '../graph/dispatch.ts'
import { badRequest, GraphError, unsupportedQuery } from '../graph/errors.ts'
import { type Expression, parseExpression } from '../graph/expression.ts'
import { readQuery } from '../graph/query.ts'
import { lastChange } from './changes.ts'
import { deltaPage } from './delta-page.ts'
import { type DeltaToken, readToken, writeToken } from './delta-token.ts'
import type { DirectoryStore } from './collection.ts'
import { type ObjectType, selectedNames } from './object-type.ts'

/** A request for what has changed in a collection. */
export interface DeltaCall extends DirectoryStore {
  readonly query: unknown
  /** This delta function's own URL. */
  readonly url: string
  readonly nowMs: number
}

/** How long a delta link can be followed (wire.md §13.5). */
const TOKEN_LIFE_MS = 7 * 24 * 60 * 60 * 1000
const IDS_MAX = 50

/**
 * Answers a delta query: everything at first, and from then on what has changed since the link that is followed. The options of the
 * first request are kept in its links.
 *
 * @throws GraphError 400 for options that Graph does not support here, 410 with a `Location` for a link that is too old.
 */
export async function listDelta(type: ObjectType, call: DeltaCall): Promise<GraphReply> {
  const query = readQuery(call.query, ['$select', '$filter', '$skiptoken', '$deltatoken'])
  const { $skiptoken: skip, $deltatoken: delta } = query
  if (skip !== undefined || (delta !== undefined && delta !== 'latest')) {
    if (Object.keys(query).length > 1)
      throw badRequest('A delta link is followed as it is: its options are those of the first request.')
    return roundOf(type, call, await followed(type, call, skip ?? delta ?? '', skip === undefined))
  }
  const options = { select: query['$select'], ids: idsOf(type, query['$filter']) }
  selectedNames(type, options.select)
  const upTo = await lastChange(call)
  const begun = { kind: type.typeName, since: 0, after: 0, upTo, issuedAtMs: call.nowMs, ...options }
  if (delta === 'latest') return { body: { '@odata.deltaLink': deltaLink(call, begun), value: [] } }
  return roundOf(type, call, begun)
}

/** What a link says, if it can still be followed: its token is of this kind, and neither too old nor of another database. */
async function followed(
  type: ObjectType,
  call: DeltaCall,
  text: string,
  isDelta: boolean,
): Promise<DeltaToken> {
  const token = text === '' ? undefined : readToken(text)
  if (token?.kind !== type.typeName) {
    if (text === '') throw mustResync(call)
    throw badRequest('Badly formed token.')
  }
  selectedNames(type, token.select)
  const last = await lastChange(call)
  if (call.nowMs - token.issuedAtMs > TOKEN_LIFE_MS || token.upTo > last) throw mustResync(call)
  if (!isDelta) return token
  return {
    ...token,
    since: token.upTo,
    after: token.upTo,
    memberAfter: undefined,
    upTo: last,
    issuedAtMs: call.nowMs,
  }
}

const mustResync = ({ url }: DeltaCall) =>
  new GraphError(
    410,
    'syncStateNotFound',
    'The sync state generation is not found; perform a full synchronization.',
    url,
  )

async function roundOf(type: ObjectType, call: DeltaCall, token: DeltaToken): Promise<GraphReply> {
  const { value, next } = await deltaPage(type, call, token)
  const link = next
    ? { '@odata.nextLink': linkOf(call, '$skiptoken', { ...token, ...next }) }
    : { '@odata.deltaLink': deltaLink(call, token) }
  return { body: { ...link, value }, selected: token.select }
}

const deltaLink = (call: DeltaCall, token: DeltaToken) => linkOf(call, '$deltatoken', token)

function linkOf({ url }: DeltaCall, name: '$skiptoken' | '$deltatoken', token: DeltaToken): string {
  const link = new URL(url)
  link.searchParams.set(name, writeToken(token))
  return link.href
}

/** The ids of a `$filter` such as `id eq 'x' or id eq 'y'`, which is the only one that delta queries take. */
function idsOf(type: ObjectType, filter: string | undefined): readonly string[] | undefined {
  if (filter === undefined) return undefined
  const ids = idsIn(type, parseExpression(filter))
  if (ids.length > IDS_MAX) throw badRequest(`A delta query takes at most ${IDS_MAX} ids.`)
  return ids
}

function idsIn(type: ObjectType, expression: Expression): readonly string[] {
  if (expression.kind === 'or') return expression.parts.flatMap((part) => idsIn(type, part))
  if (expression.kind === 'compare' && expression.property === 'id' && expression.operator === 'eq') {
    const [value] = expression.values
    if (value?.kind === 'text') return [value.value.toLowerCase()]
  }
  throw unsupportedQuery(
    `A delta query of resource '${type.name}' is filtered by id alone: id eq '…' or id eq '…'.`,
  )
}
