import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { packPackages } from '../../tools/packed.ts'
import { type Row, row } from '../row.ts'

/** The client as its users have it: built, packed with npm, and installed in an empty folder. */
export async function installPacked(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const packed = await packPackages(['client'])
  return { folder: await packed.install(['client']), remove: () => packed.remove() }
}

/** How many packages a user of ours gets, and how large they are together. */
export async function size(folder: string): Promise<Row[]> {
  const modules = join(folder, 'node_modules')
  const lock = JSON.parse(await readFile(join(modules, '.package-lock.json'), 'utf8')) as { packages: object }
  const names = await readdir(modules, { recursive: true })
  const stats = await Promise.all(names.map((name) => stat(join(modules, name))))
  const bytes = stats.reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0)
  const packages = Object.keys(lock.packages).length
  const limit = { against: 'limit' }
  return [
    row({ ...limit, what: 'installed packages', ours: packages, theirs: 4, unit: 'packages', goal: '<= 4' }),
    row({ ...limit, what: 'installed size', ours: bytes / 1e6, theirs: 3.5, unit: 'MB', goal: '<= 3.5' }),
  ]
}
