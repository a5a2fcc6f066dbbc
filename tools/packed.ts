import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buildPackages } from './build.ts'
import { root } from './files.ts'
import { npm } from './npm.ts'

export const PACKAGES = ['client', 'guard', 'jobs', 'platform', 'cli']

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const isOurs = (dependency: string) => dependency.startsWith('@tomte/')

const manifestOf = async (name: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest

/** Those of ours that a package needs, itself among them. */
async function oursBelow(name: string): Promise<readonly string[]> {
  const { dependencies = {} } = await manifestOf(name)
  const names = Object.keys(dependencies).filter(isOurs)
  const below = await Promise.all(names.map((each) => oursBelow(each.slice('@tomte/'.length))))
  return [...new Set([name, ...below.flat()])]
}

/** Packages as npm would publish them. */
export interface Packed {
  /** Lets npm install some of them, with those of ours that they need, into a new folder, and resolves with the folder. */
  install(names: readonly string[], ...others: readonly string[]): Promise<string>
  remove(): Promise<void>
}

/** Builds and packs the named packages of `packages/`. */
export async function packPackages(names: readonly string[] = PACKAGES): Promise<Packed> {
  await buildPackages(names)
  const place = await mkdtemp(join(tmpdir(), 'tomte-packed-'))
  const workspaces = names.flatMap((name) => ['--workspace', `packages/${name}`])
  await npm(['pack', ...workspaces, '--pack-destination', place], root)
  const archives = await readdir(place)
  const archiveOf = async (name: string) => {
    const start = (await manifestOf(name)).name.replace('@', '').replace('/', '-')
    return join(place, archives.find((file) => new RegExp(`^${start}-\\d`).test(file)) ?? name)
  }
  return {
    async install(wanted, ...others) {
      const folder = await mkdtemp(join(place, 'installed-'))
      await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}\n')
      const ours = new Set((await Promise.all(wanted.map(oursBelow))).flat())
      const files = await Promise.all([...ours].map(archiveOf))
      await npm(['install', '--no-audit', '--no-fund', '--prefer-offline', ...files, ...others], folder)
      return folder
    },
    remove: () => rm(place, { recursive: true, force: true }),
  }
}

/**
 * Makes a folder beside one where everything is installed, in which each of our packages finds what its manifest names and
 * nothing else, and the folder's own programs only the named package, what it needs of ours, and `others`.
 */
export async function installedAlone(everything: string, name: string, ...others: readonly string[]) {
  const folder = await mkdtemp(join(dirname(everything), `${name}-`))
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}\n')
  const link = async (dependency: string, place: string) => {
    const path = join(place, 'node_modules', dependency)
    await mkdir(dirname(path), { recursive: true })
    if (!existsSync(path)) await symlink(join(everything, 'node_modules', dependency), path, 'junction')
  }
  for (const each of await oursBelow(name)) {
    const { name: published, dependencies = {} } = await manifestOf(each)
    const place = join(folder, 'node_modules', published)
    await cp(join(everything, 'node_modules', published), place, { recursive: true })
    for (const dependency of Object.keys(dependencies)) if (!isOurs(dependency)) await link(dependency, place)
  }
  for (const other of others) await link(other, folder)
  return folder
}

/** The `ts` blocks of a package's README, in their order. */
export async function readmeExamples(name: string): Promise<readonly string[]> {
  const text = await readFile(join(root, 'packages', name, 'README.md'), 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
}
