import type { PermissionTable, UsedPermissions } from './used-permissions.ts'

/** What an application's calls have needed, beside what it holds. */
export interface LeastPrivilege {
  /** The smallest set of application permissions that does for the calls that were made, in alphabetical order. */
  readonly needed: readonly string[]
  readonly held: readonly string[]
  /** Needed and not held, unless a larger one that is held does in its place. */
  readonly missing: readonly string[]
  /** Held and not in the smallest set: can be taken away once that is granted. Empty while there are unknown routes. */
  readonly excess: readonly string[]
  /** Routes of which it is not known what they need, by method and first segment. */
  readonly unknown: readonly string[]
}

/** Compares what was used with what is held. */
export function leastPrivilegeOf(
  { table, used, unknown }: UsedPermissions,
  held: readonly string[],
): LeastPrivilege {
  const needed = smallestSet(table, used)
  const served = (route: string) => (table[route] ?? []).some((permission) => held.includes(permission))
  const open = used.filter((route) => (table[route]?.length ?? 0) > 0 && !served(route))
  return {
    needed,
    held,
    missing: smallestSet(table, open),
    excess: unknown.length > 0 ? [] : held.filter((permission) => !needed.includes(permission)),
    unknown,
  }
}

/**
 * The permissions that serve all routes. A route whose least permission is the only one that does comes first; what then is
 * served by one that is needed anyway needs none of its own.
 */
function smallestSet(table: PermissionTable, routes: readonly string[]): readonly string[] {
  const lists = routes
    .map((route) => table[route] ?? [])
    .filter((list) => list.length > 0)
    .toSorted((a, b) => a.length - b.length)
  const chosen: string[] = []
  for (const list of lists) {
    const [least] = list
    if (least !== undefined && !list.some((permission) => chosen.includes(permission))) chosen.push(least)
  }
  // One that was chosen early may do nothing that those chosen later do not do as well.
  return chosen
    .reduce((kept, permission) => {
      const others = kept.filter((other) => other !== permission)
      return lists.every((list) => list.some((one) => others.includes(one))) ? others : kept
    }, chosen)
    .toSorted()
}

/** Says in a few lines which permissions to keep, to add and to take away. */
export function describeLeastPrivilege({ needed, missing, excess, unknown }: LeastPrivilege): string {
  const list = (permissions: readonly string[]) =>
    permissions.length === 0 ? 'none' : permissions.join(', ')
  return [
    `The calls need: ${list(needed)}`,
    ...(missing.length > 0 ? [`To be granted: ${list(missing)}`] : []),
    ...(excess.length > 0 ? [`Held and not needed: ${list(excess)}`] : []),
    ...(unknown.length > 0 ? [`Not known of: ${unknown.join(', ')}`] : []),
  ].join('\n')
}
