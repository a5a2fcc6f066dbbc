import type { Api } from '@tomte/client'
import type { Cursor, Entries, JobContext } from '@tomte/jobs'
import { findByEmployeeId, fold, refusalOf } from './directory.ts'
import { LEDGER, lineKey, type Provisioned } from './people.ts'

/** How far managers have been set, by the key of the last person seen to. */
export interface ManagersPosition {
  readonly after: string
  readonly seenTo: number
  /** Rows that needed nothing but another manager: unchanged by the first pass, updated by this one. */
  readonly updated: number
  /** Who was about to get another manager; after a crash they count though it may be done by now. */
  readonly intended: readonly string[]
}

type Context = Pick<JobContext<unknown, 'directory'>, 'api' | 'ledger' | 'progress' | 'signal'> & {
  readonly people: number
}

const BATCH_SIZE = 20

/**
 * Second pass: sets managers, now that everybody is there. An empty field says nothing about a manager and changes nothing.
 *
 * @returns how many rows that the first pass left unchanged were updated by this one.
 */
export async function setManagers(cursor: Cursor<ManagersPosition>, context: Context): Promise<number> {
  let position: ManagersPosition = cursor.value ?? { after: '', seenTo: 0, updated: 0, intended: [] }
  for (;;) {
    context.signal.throwIfAborted()
    const page = [...(await context.ledger.page(LEDGER.people, position.after, BATCH_SIZE))] as [
      string,
      Provisioned,
    ][]
    const last = page.at(-1)
    if (!last) {
      context.progress(context.people, context.people, 'managers')
      return position.updated
    }
    const { changes, warnings } = await planManagers(page, context)
    const intended = [...new Set([...position.intended, ...changes.map(({ key }) => key)])]
    if (changes.length > 0) await cursor.save({ ...position, intended })
    const refused = await sendManagers(context.api.directory, changes, context.signal)
    const updated = page.filter(
      ([key, { outcome }]) => outcome === 'unchanged' && intended.includes(key) && !refused.has(key),
    )
    position = {
      after: last[0],
      seenTo: position.seenTo + page.length,
      updated: position.updated + updated.length,
      intended: [],
    }
    const remarks = new Map([
      ...warnings,
      ...[...refused].map(([key, reason]) => [lineOf(page, key), reason] as const),
    ])
    await cursor.save(position, asEntries(remarks))
    context.progress(Math.min(position.seenTo, context.people - 1), context.people, 'managers')
  }
}

const lineOf = (page: readonly (readonly [string, Provisioned])[], key: string) =>
  page.find(([one]) => one === key)?.[1].line ?? 0

function asEntries(remarks: ReadonlyMap<number, string>): Entries {
  return {
    [LEDGER.warnings]: Object.fromEntries([...remarks].map(([line, reason]) => [lineKey(line), reason])),
  }
}

interface Change {
  readonly key: string
  readonly id: string
  readonly managerObjectId: string
}

async function planManagers(
  page: readonly [string, Provisioned][],
  { api: { directory }, ledger, signal }: Context,
) {
  const managed = page.filter(([, { managerId }]) => managerId !== '')
  const ids = await managerObjectIds(
    directory,
    ledger,
    managed.map(([, { managerId }]) => managerId),
    signal,
  )
  const warnings = new Map<number, string>()
  const known = managed.flatMap(([key, person]) => {
    const managerObjectId = ids.get(fold(person.managerId))
    if (managerObjectId !== undefined)
      return [{ key, id: person.id, managerObjectId, isNew: person.outcome === 'created' }]
    warnings.set(
      person.line,
      `manager ${person.managerId} is neither in the file nor in the directory: provisioned without`,
    )
    return []
  })
  const current = await currentManagers(
    directory,
    known.filter(({ isNew }) => !isNew).map(({ id }) => id),
    signal,
  )
  return { changes: known.filter(({ id, managerObjectId }) => current.get(id) !== managerObjectId), warnings }
}

/** The object ids of managers: from this run where it has seen to them, else from the directory. */
async function managerObjectIds(
  directory: Api,
  ledger: Context['ledger'],
  employeeIds: readonly string[],
  signal: AbortSignal,
) {
  const wanted = [...new Set(employeeIds.map(fold))]
  const inFile = await ledger.find(LEDGER.people, wanted)
  const ids = new Map([...inFile].map(([key, person]) => [key, (person as Provisioned).id]))
  const others = await findByEmployeeId(
    directory,
    wanted.filter((key) => !ids.has(key)),
    signal,
  )
  for (const [key, [user, ...more]] of others) if (user && more.length === 0) ids.set(key, user.id)
  return ids
}

async function currentManagers(
  directory: Api,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const answers = await directory.batch(
    ids.map((id) => ({ method: 'GET', url: `/users/${id}/manager?$select=id` })),
    { signal },
  )
  return new Map(
    ids.flatMap((id, index) => {
      const body = answers[index]?.body
      const found =
        answers[index]?.status === 200 && typeof body === 'object' && body !== null && 'id' in body
      return found ? [[id, String(body.id)] as const] : []
    }),
  )
}

/** Sends the changes and returns those the directory refused, with its reason. */
async function sendManagers(
  directory: Api,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const answers = await directory.batch(
    changes.map(({ id, managerObjectId }) => ({
      method: 'PUT',
      url: `/users/${id}/manager/$ref`,
      body: { '@odata.id': `${directory.baseUrl}users/${managerObjectId}` },
    })),
    { signal },
  )
  const refused = changes.flatMap(({ key }, index) => {
    const answer = answers[index]
    return answer && answer.status >= 300
      ? [[key, `no manager set: ${refusalOf(answer.body, answer.status)}`] as const]
      : []
  })
  return new Map(refused)
}
