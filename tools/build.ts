// Builds what is published, into each package's dist: the compiler checks the types and writes the declarations, and the
// JavaScript of the others. The client's JavaScript is bundled by entry: a program that wants one token should not wait
// for the reading of fifty small files (docs/decisions/0011-the-client-is-published-in-few-files.md).
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { binary, runNode } from './binary.ts'
import { root } from './files.ts'

const BUNDLED = ['client'] as const

interface Manifest {
  readonly engines: { readonly node: string }
  readonly exports: Readonly<Record<string, { readonly '@tomte/source': string } | string>>
}

/** Builds the named packages of `packages/` and those that they need; by default all. @throws Error if the compiler or the bundler finds a fault; what they say is on standard error. */
export async function buildPackages(names?: readonly string[]): Promise<void> {
  // What was bundled before has names that nobody needs any more.
  for (const name of BUNDLED) await rm(join(root, 'packages', name, 'dist'), { recursive: true, force: true })
  const projects = names?.map((name) => `packages/${name}`) ?? ['tsconfig.build.json']
  const code = runNode(binary('tsc', '-b', ...projects))
  if (code !== 0) throw new Error(`Cannot build: the compiler ended with code ${code}`)
  for (const name of BUNDLED) await bundle(join(root, 'packages', name))
}

/** One file for each entry, one for what entries share, and one for each part that is loaded by its first use. */
async function bundle(folder: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  const sources = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [join(folder, entry['@tomte/source'])],
  )
  await build({
    entryPoints: sources,
    outdir: join(folder, 'dist'),
    outbase: join(folder, 'src'),
    chunkNames: 'parts/[name]-[hash]',
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: `node${manifest.engines.node.replace('>=', '')}`,
    logLevel: 'warning',
  })
}

if (import.meta.main) await buildPackages()
