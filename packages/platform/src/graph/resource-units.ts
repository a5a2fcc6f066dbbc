import type { GraphRoute } from './permissions.ts'

/** What requests cost besides the one unit of all others (wire.md §13.6). */
const UNITS: Readonly<Partial<Record<GraphRoute, number>>> = {
  'GET /users': 2,
  'GET /applications': 2,
  'GET /groups/:id/members': 3,
  'GET /groups/:id/transitiveMembers': 5,
  'GET /servicePrincipals/:id/appRoleAssignments': 2,
}

const TOP_SMALL = 20

/** Whether a request counts as a write. */
export const isWrite = (route: GraphRoute): boolean => !route.startsWith('GET ')

/** The resource units of a request: less with `$select` or a `$top` below 20, more with `$expand`, and at least 1. */
export function resourceUnits(route: GraphRoute, query: unknown): number {
  const { $select, $expand, $top } = (query ?? {}) as Readonly<Record<string, unknown>>
  const saved = ($select === undefined ? 0 : 1) + (Number($top ?? TOP_SMALL) < TOP_SMALL ? 1 : 0)
  return Math.max(1, (UNITS[route] ?? 1) - saved + ($expand === undefined ? 0 : 1))
}
