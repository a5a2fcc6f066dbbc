import type { Principal } from '@tomte/guard'
import type { GraphCall, GraphReply, GraphRoutes, HandleTogether, TogetherRoutes } from '../graph/dispatch.ts'
import { GraphError } from '../graph/errors.ts'
import type { GraphRoute } from '../graph/permissions.ts'
import { joined } from '../store/joined.ts'
import { type Activity, activityOf } from './activities.ts'
import { type ModifiedProperty, modifiedOfPerson, modifiedProperties, type Shown } from './changes.ts'
import { type DirectoryChange, writeAudits } from './directory-audit.ts'

/** The routes, each change of them in one transaction with its audit row. What is refused changes nothing and leaves none. */
export function audited(routes: GraphRoutes): GraphRoutes {
  const wrapped = Object.entries(routes).map(([name, handle]) => {
    const activity = activityOf(name as GraphRoute)
    if (!activity) return [name, handle] as const
    const handleAudited = (call: GraphCall) =>
      call.db
        .transaction()
        .execute((transaction) => change(routes, activity, handle, { ...call, db: joined(transaction) }))
    return [name, handleAudited] as const
  })
  return Object.fromEntries(wrapped) as GraphRoutes
}

/** The routes that do several requests at once, each change with its audit row in the transaction that they share. */
export function auditedTogether(routes: TogetherRoutes): TogetherRoutes {
  const wrapped = Object.entries(routes).map(([name, handle]) => {
    const activity = activityOf(name as GraphRoute)
    if (activity?.operation !== 'Add') throw new TypeError(`Cannot audit ${name} at once: it is no creation`)
    return [name, createTogether(activity, handle)] as const
  })
  return Object.fromEntries(wrapped)
}

const createTogether =
  (activity: Activity, handle: HandleTogether): HandleTogether =>
  async (calls) => {
    const [first] = calls
    if (!first) return []
    const replies = await handle(calls)
    const displayName = await nameOf(first)
    const changes = calls.flatMap((call, index) => {
      const reply = replies[index]
      if (!reply || reply instanceof GraphError) return []
      return changesOf(activity, call, { before: {}, after: objectOf(reply.body), displayName })
    })
    await writeAudits(first.db, changes)
    return replies
  }

async function change(
  routes: GraphRoutes,
  named: Activity,
  handle: GraphRoutes[GraphRoute],
  call: GraphCall,
): Promise<GraphReply> {
  const addressed = addressedBy(named, call)
  const before = addressed === undefined ? {} : await shown(routes, named, call, addressed)
  const reply = await handle(call)
  // What has just been made or put back is in the answer already.
  const isAnswered = addressed === undefined || named.operation === 'Restore'
  const after = isAnswered ? objectOf(reply.body) : await shown(routes, named, call, addressed)
  const activity = { ...named, ...named.byType?.[String(before['@odata.type'])] }
  const displayName = await nameOf(call)
  await writeAudits(call.db, changesOf(activity, call, { before, after, displayName, addressed }))
  return reply
}

interface Seen {
  readonly before: Shown
  readonly after: Shown
  /** The caller's name. */
  readonly displayName: string | null
  readonly addressed?: string | undefined
}

/** What the log says of a change: one row for each of its targets. */
function changesOf(
  activity: Activity,
  call: GraphCall,
  { before, after, displayName, addressed }: Seen,
): readonly DirectoryChange[] {
  const { tenantId, principal, correlationId, nowMs } = call
  const name = NAMES[activity.target]
  const targets = targetsOf(activity, call) ?? [textOf(after['id']) ?? textOf(before['id']) ?? addressed]
  return targets.map((targetId) => ({
    tenantId,
    atMs: nowMs,
    activity,
    correlationId,
    by: {
      kind: 'application',
      appId: principal.appId,
      servicePrincipalId: principal.objectId,
      displayName,
    },
    targetId,
    targetName: textOf(after[name]) ?? textOf(before[name]),
    modified: modifiedBy(activity, call, before, after),
  }))
}

/** The id in the URL of what is changed; empty for what there is one of, nothing for what is only made. */
function addressedBy({ shownBy }: Activity, { params }: GraphCall): string | undefined {
  if (shownBy === undefined) return undefined
  const [, parameter] = /:(\w+)/.exec(shownBy) ?? []
  return parameter === undefined ? '' : params[parameter]
}

function targetsOf({ targets }: Activity, { body }: GraphCall): readonly string[] | undefined {
  const ids = targets === undefined ? undefined : objectOf(body)[targets]
  return Array.isArray(ids) ? [...new Set(ids.map(String))] : undefined
}

function modifiedBy(
  { links, target }: Activity,
  { params, body }: GraphCall,
  before: Shown,
  after: Shown,
): readonly ModifiedProperty[] {
  if (links) {
    const { memberId, ownerId, policyId } = params
    const [added] = /[^/]+$/.exec(textOf(objectOf(body)['@odata.id']) ?? '') ?? []
    const removed = memberId ?? ownerId ?? policyId
    return [{ displayName: `${links}.ObjectID`, oldValue: idText(removed), newValue: idText(added) }]
  }
  return target === 'User' ? modifiedOfPerson(objectOf(body)) : modifiedProperties(before, after)
}

const idText = (id: string | undefined): string | null =>
  id === undefined ? null : JSON.stringify(id.slice(0, ID_LENGTH_MAX))

const ID_LENGTH_MAX = 100

const NAMES: Readonly<Record<Activity['target'], string>> = {
  Application: 'displayName',
  ServicePrincipal: 'displayName',
  User: 'userPrincipalName',
  Group: 'displayName',
  Policy: 'displayName',
  Directory: 'displayName',
  Role: 'displayName',
}

/** The target as the directory shows it; the entries of a list stand under the list's name. */
async function shown(
  routes: GraphRoutes,
  { shownBy }: Activity,
  call: GraphCall,
  id: string,
): Promise<Shown> {
  if (!shownBy) return {}
  const [, parameter = ''] = /:(\w+)/.exec(shownBy) ?? []
  const reading = { ...call, params: { [parameter]: id }, query: {}, body: undefined, ifMatch: undefined }
  const [, owner = '', list] = /^GET (\/\w+\/:id)(?:\/(\w+))?$/.exec(shownBy) ?? []
  if (list === undefined) return objectOf((await routes[shownBy](reading).catch(missing)).body)
  const value = await wholeList((query) => routes[shownBy]({ ...reading, query }).catch(missing))
  const holder = await routes[`GET ${owner}` as GraphRoute](reading).catch(missing)
  const { id: holderId, displayName } = objectOf(holder.body)
  return { id: holderId, displayName, [list]: value }
}

/** All pages of a list. */
async function wholeList(read: (query: object) => Promise<GraphReply>): Promise<readonly unknown[]> {
  const entries: unknown[] = []
  for (let query: object | undefined = { $top: '999' }; query; ) {
    const { value, '@odata.nextLink': next } = objectOf((await read(query)).body)
    if (Array.isArray(value)) entries.push(...(value as unknown[]))
    query = typeof next === 'string' ? Object.fromEntries(new URL(next).searchParams) : undefined
  }
  return entries
}

/** What is not there shows nothing; any other failure is one of the change. */
function missing(error: unknown): GraphReply {
  if (error instanceof GraphError && error.status === 404) return {}
  throw error
}

const objectOf = (value: unknown): Shown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Shown) : {}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** The names of callers by their tokens: requests of one batch have one caller. */
const NAMES_OF_CALLERS = new WeakMap<Principal, Promise<string | null>>()

function nameOf({ db, principal }: GraphCall): Promise<string | null> {
  const known = NAMES_OF_CALLERS.get(principal)
  if (known) return known
  const asked = db
    .selectFrom('application')
    .select('display_name')
    .where('app_id', '=', principal.appId)
    .executeTakeFirst()
    .then((row) => row?.display_name ?? null)
  NAMES_OF_CALLERS.set(principal, asked)
  asked.catch(() => NAMES_OF_CALLERS.delete(principal))
  return asked
}
