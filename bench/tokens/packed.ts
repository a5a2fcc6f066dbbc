import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { npm } from '../npm.ts'
import { type Row, row } from '../row.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const client = join(root, 'packages', 'client')

/** The client as its users have it: built, packed with npm, and installed in an empty folder. */
export async function installPacked(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const place = await mkdtemp(join(tmpdir(), 'tomte-packed-'))
  const [built, folder] = [join(place, 'built'), join(place, 'installed')]
  await mkdir(folder)
  // In a folder of its own, so that measuring leaves no trace in the clone.
  await cp(client, built, { recursive: true, filter: (path) => !/[\\/](?:dist|node_modules)$/.test(path) })
  const typescript = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const output = ['--outDir', join(built, 'dist'), '--tsBuildInfoFile', join(built, 'dist', '.tsbuildinfo')]
  await run(process.execPath, [typescript, '-p', join(client, 'tsconfig.json'), ...output])
  await npm(['pack', '--pack-destination', place], built)
  const archive = (await readdir(place)).find((name) => name.endsWith('.tgz')) ?? ''
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}\n')
  await npm(['install', '--no-audit', '--no-fund', join(place, archive)], folder)
  return { folder, remove: () => rm(place, { recursive: true, force: true }) }
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
