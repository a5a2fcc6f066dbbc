import { addGroupOwners, addMembers } from '../directory/members.ts'
import { findMemberGroup } from '../directory/groups.ts'
import { addOwner } from '../registration/owned.ts'
import { findNamed, isGraph, type Named } from './names.ts'
import { principalOf } from './insert.ts'
import { refusing, type SeedContext } from './seed-context.ts'
import type { Entry } from './shape.ts'

/** An entry that has been written or found, and what was there of it before. */
export interface Placed {
  readonly id: string
  readonly existing: Entry
}

interface Link {
  readonly context: SeedContext
  /** The object that the link starts from. */
  readonly id: string
  readonly name: string
  readonly path: string
}

type WriteLink = (link: Link) => Promise<unknown>

const namedBy =
  (write: (link: Link, named: Named) => Promise<unknown>): WriteLink =>
  async (link) => {
    const { context, name, path } = link
    if (isGraph(name)) await principalOf(context, name, path)
    const named = await findNamed(context.db, context.tenantId, name)
    if (named) return refusing(context, path, () => write(link, named))
    return context.faults.push(
      `${path}: nobody of this name is in the tenant; people are named by their userPrincipalName, service principals by their appId, groups by their id`,
    )
  }

const owner = namedBy(async ({ context, id, path }, named) => {
  if (named.kind !== 'group') return addOwner(context, id, named.id)
  return context.faults.push(`${path}: an owner must be a person or a service principal`)
})

const assigned =
  (find: (link: Link) => Promise<string | undefined>): WriteLink =>
  async (link) => {
    const { context, id, path } = link
    const objectId = await find(link)
    if (!objectId) return context.faults.push(`${path}: no application of this appId is in the tenant`)
    return context.db
      .insertInto('policy_assignment')
      .values({ policy_id: id, object_id: objectId })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

/** The lists of names in each kind of entry, and how one of their links is written. */
const LINKS: Readonly<Record<string, Readonly<Record<string, WriteLink>>>> = {
  applications: { owners: owner },
  managedIdentities: { owners: owner },
  servicePrincipals: { owners: owner },
  people: {
    manager: namedBy(async ({ context, id, path }, named) => {
      if (named.kind !== 'user') return context.faults.push(`${path}: a manager must be a person`)
      if (named.id === id) return context.faults.push(`${path}: nobody is their own manager`)
      return context.db.updateTable('user').set({ manager_id: named.id }).where('id', '=', id).execute()
    }),
  },
  groups: {
    owners: namedBy(({ context, id }, named) => addGroupOwners(context, id, [named])),
    members: namedBy(async ({ context, id }, named) =>
      addMembers(context, await findMemberGroup(context, id), [named]),
    ),
  },
  policies: {
    applications: assigned(async ({ context, name }) => {
      const row = await context.db
        .selectFrom('application')
        .select('id')
        .where('tenant_id', '=', context.tenantId)
        .where('app_id', '=', name.toLowerCase())
        .executeTakeFirst()
      return row?.id
    }),
    servicePrincipals: assigned(({ context, name, path }) => principalOf(context, name, path)),
  },
}

/** The properties of entries that name other entries, which need not be complete: what is there besides stays. */
export const LINK_LISTS: readonly string[] = ['owners', 'members', 'applications', 'servicePrincipals']

/** Writes the owners, members, managers and assignments that a tenant's entries name, once all of them are there. */
export async function seedLinks(
  context: SeedContext,
  tenant: Entry,
  placed: ReadonlyMap<Entry, Placed>,
  path: string,
): Promise<void> {
  for (const [list, links] of Object.entries(LINKS))
    for (const [index, entry] of ((tenant[list] ?? []) as readonly Entry[]).entries()) {
      const place = placed.get(entry)
      if (!place || place.id === '') continue
      for (const [property, write] of Object.entries(links)) {
        const known = namesIn(place.existing, property).map((name) => name.toLowerCase())
        for (const [at, name] of namesIn(entry, property).entries()) {
          if (known.includes(name.toLowerCase())) continue
          const where = Array.isArray(entry[property]) ? `${property}[${at}]` : property
          await write({ context, id: place.id, name, path: `${path}.${list}[${index}].${where}` })
        }
      }
    }
}

function namesIn(entry: Entry, property: string): readonly string[] {
  const value = entry[property]
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? (value as readonly string[]) : []
}
