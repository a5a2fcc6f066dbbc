import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const NOT_OURS = new Set(['node_modules', 'dist', '.git', '.tomte'])

/** Lists the files of the repository, relative to its root and with slashes: those of git and those to be added to it. */
export function repositoryFiles(): string[] {
  return (listedByGit() ?? filesBelow('')).filter((path) => existsSync(join(root, path))).sort()
}

function listedByGit(): string[] | undefined {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  try {
    const listed = execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return [...new Set(listed.split('\0').filter((path) => path !== ''))]
  } catch {
    // An unpacked archive has no git folder, and a small container image has no git.
    return undefined
  }
}

function filesBelow(folder: string): string[] {
  const found = readdirSync(join(root, folder), { withFileTypes: true })
  return found.flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesBelow(path)
    return entry.isFile() ? [path] : []
  })
}

/** Reads a file of the repository, or gives an empty text for one that is not there. */
export function readText(path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
}
