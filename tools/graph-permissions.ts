// Writes packages/client/src/call/graph-permissions.ts, by which the client tells which application permissions were needed, from
// the table by which the directory checks them. graph-permissions.test.ts holds the two equal.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PERMISSIONS } from '../packages/platform/src/graph/permissions.ts'
import { root } from './files.ts'

const FILE = 'packages/client/src/call/graph-permissions.ts'

/** Each route with the permissions that do for it; none of a route that any application may call. */
export function graphPermissions(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(PERMISSIONS).map(([route, roles]) => [route, typeof roles === 'string' ? [] : [...roles]]),
  )
}

function source(): string {
  const lists = Object.values(graphPermissions()).map((roles) => JSON.stringify(roles))
  const named = new Map([...new Set(lists)].map((list, index) => [list, `ROLES_${index + 1}`]))
  const quoted = (text: string) => `'${text}'`
  return [
    '// Made by tools/graph-permissions.ts from the table of the directory; do not edit.',
    "import type { PermissionTable } from './used-permissions.ts'",
    '',
    ...[...named].map(
      ([list, name]) => `const ${name} = [${(JSON.parse(list) as string[]).map(quoted).join(', ')}] as const`,
    ),
    '',
    '/** Application permissions by route of Microsoft Graph: any one does, the least privileged first. */',
    'export const GRAPH_PERMISSIONS: PermissionTable = {',
    ...Object.entries(graphPermissions()).map(
      ([route, roles]) => `  ${quoted(route)}: ${named.get(JSON.stringify(roles))},`,
    ),
    '}',
    '',
  ].join('\n')
}

if (process.argv[1] === import.meta.filename) writeFileSync(join(root, FILE), source())
