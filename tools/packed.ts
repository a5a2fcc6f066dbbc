import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPackages } from './build.ts'
import { root } from './files.ts'
import { npm } from './npm.ts'

const PACKAGES = ['client', 'guard', 'jobs', 'platform', 'cli']

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
}

const manifestOf = async (name: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest

/** Those of ours that a package needs, itself among them. */
async function oursBelow(name: string): Promise<readonly string[]> {
  const { dependencies = {} } = await manifestOf(name)
  const names = Object.keys(dependencies).filter((each) => each.startsWith('@tomte/'))
  const below = await Promise.all(names.map((each) => oursBelow(each.slice('@tomte/'.length))))
  return [...new Set([name, ...below.flat()])]
}

/** Packages as npm would publish them. */
export interface Packed {
  /** Installs one of them, with those of ours that it needs, into a new folder, and resolves with the folder. */
  install(name: string, ...others: readonly string[]): Promise<string>
  remove(): Promise<void>
}

/** Builds and packs the named packages of `packages/`. */
export async function packPackages(names: readonly string[] = PACKAGES): Promise<Packed> {
  await buildPackages(names)
  const place = await mkdtemp(join(tmpdir(), 'tomte-packed-'))
  const archives = new Map<string, string>()
  for (const name of names) {
    const folder = join(place, 'archives', name)
    await mkdir(folder, { recursive: true })
    await npm(['pack', '--pack-destination', folder], join(root, 'packages', name))
    archives.set(name, join(folder, (await readdir(folder))[0] ?? ''))
  }
  return {
    async install(name, ...others) {
      const folder = join(place, 'installed', name)
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}\n')
      const ours = (await oursBelow(name)).map((each) => archives.get(each) ?? each)
      await npm(['install', '--no-audit', '--no-fund', ...ours, ...others], folder)
      return folder
    },
    remove: () => rm(place, { recursive: true, force: true }),
  }
}

/** The `ts` blocks of a package's README, in their order. */
export async function readmeExamples(name: string): Promise<readonly string[]> {
  const text = await readFile(join(root, 'packages', name, 'README.md'), 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
}
