// Writes docs/permissions.md from the permission table that the directory's guard reads. permission-docs.test.ts holds the page
// equal to the table.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DIRECTORY_ROLES } from '../packages/platform/src/registration/directory-roles.ts'
import { PERMISSIONS } from '../packages/platform/src/graph/permissions.ts'
import { root } from './files.ts'

export const PERMISSIONS_FILE = 'docs/permissions.md'

const HEAD = `# Who may call what in the directory

Made of \`packages/platform/src/graph/permissions.ts\` by \`tools/permission-docs.ts\`. A token needs any one of the application permissions of its
route; the least privileged stands first. A request inside \`$batch\` needs what it would need alone. Some routes look further: whether an application is the caller's own,
of which kind a deleted object is, or whether the caller is the operator. Directory roles stand for permissions: see the end.

| Request | Any one of |
|---|---|
`

const ROLES = `
## Directory roles

A token has the permissions of the directory roles that its \`wids\` names, beside those in its \`roles\`.

| Role | Template id | Stands for |
|---|---|---|
`

/** The page of every route, in the order of the table. */
export function permissionPage(): string {
  const rows = Object.entries(PERMISSIONS).map(([route, roles]) => {
    const cell = typeof roles === 'string' ? `${roles}; the body proves the right` : roles.join(', ')
    return `| \`${route}\` | ${cell} |\n`
  })
  const stand = [...DIRECTORY_ROLES].map(
    ([id, { displayName, standsFor }]) =>
      `| ${displayName} | \`${id}\` | ${standsFor.length > 10 ? 'all of them' : standsFor.join(', ')} |\n`,
  )
  return `${HEAD}${rows.join('')}${ROLES}${stand.join('')}`
}

if (process.argv[1] === import.meta.filename) writeFileSync(join(root, PERMISSIONS_FILE), permissionPage())
