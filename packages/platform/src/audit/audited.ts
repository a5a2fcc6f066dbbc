import { GraphError } from '../graph/errors.ts'
import type { GraphCall, GraphReply, GraphRoutes } from '../graph/routes.ts'
import type { GraphRoute } from '../graph/permissions.ts'
import { joined } from '../store/joined.ts'
import { type Activity, activityOf } from './activities.ts'
import { modifiedOfPerson, modifiedProperties, type Shown } from './changes.ts'
import { writeAudit } from './directory-audit.ts'

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

async function change(
  routes: GraphRoutes,
  activity: Activity,
  handle: GraphRoutes[GraphRoute],
  call: GraphCall,
): Promise<GraphReply> {
  const addressed = call.params['id']
  const before = addressed === undefined ? {} : await shown(routes, activity, call, addressed)
  const reply = await handle(call)
  const made = (reply.body as { readonly id?: unknown } | undefined)?.id
  const targetId = addressed ?? (typeof made === 'string' ? made : undefined)
  const after = targetId === undefined ? {} : await shown(routes, activity, call, targetId)
  const { tenantId, principal, correlationId, nowMs } = call
  await writeAudit(call.db, {
    tenantId,
    atMs: nowMs,
    activity,
    correlationId,
    by: {
      kind: 'application',
      appId: principal.appId,
      servicePrincipalId: principal.objectId,
      displayName: await nameOf(call, principal.appId),
    },
    targetId: textOf(after['id']) ?? textOf(before['id']) ?? targetId,
    targetName: textOf(after[NAMES[activity.target]]) ?? textOf(before[NAMES[activity.target]]),
    modified:
      activity.target === 'User' ? modifiedOfPerson(objectOf(call.body)) : modifiedProperties(before, after),
  })
  return reply
}

const NAMES: Readonly<Record<Activity['target'], string>> = {
  Application: 'displayName',
  ServicePrincipal: 'displayName',
  User: 'userPrincipalName',
  Other: 'displayName',
}

/** The target as the directory shows it; the entries of a list stand under the list's name. */
async function shown(
  routes: GraphRoutes,
  { shownBy }: Activity,
  call: GraphCall,
  id: string,
): Promise<Shown> {
  if (!shownBy) return {}
  const reading = { ...call, params: { id }, query: {}, body: undefined }
  const { body } = await routes[shownBy](reading).catch(missing)
  const { value, ...object } = objectOf(body)
  const [, owner = '', list] = /^GET (\/\w+\/:id)(?:\/(\w+))?$/.exec(shownBy) ?? []
  if (list === undefined) return objectOf(body)
  const holder = await routes[`GET ${owner}` as GraphRoute](reading).catch(missing)
  const { id: holderId, displayName } = objectOf(holder.body)
  return { ...object, id: holderId, displayName, [list]: value }
}

/** What is not there shows nothing; any other failure is one of the change. */
function missing(error: unknown): GraphReply {
  if (error instanceof GraphError && error.status === 404) return {}
  throw error
}

const objectOf = (value: unknown): Shown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Shown) : {}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

async function nameOf({ db }: GraphCall, appId: string): Promise<string | null> {
  const row = await db
    .selectFrom('application')
    .select('display_name')
    .where('app_id', '=', appId)
    .executeTakeFirst()
  return row?.display_name ?? null
}
