// Builds what is published, into each package's dist, with the compiler. The client's files are then joined: a program that
// wants one token should not wait for the reading of sixty small files
// (docs/decisions/0011-the-client-is-published-in-few-files.md).
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { type GetModuleInfo, rollup } from 'rollup'
import { binary, runNode } from './binary.ts'
import { root } from './files.ts'

/** The packages whose files are joined, each with the entry that has to load fast. */
const JOINED: ReadonlyMap<string, string> = new Map([['client', 'tokens']])

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly default: string } | string>>
}

const distOf = (name: string) => join(root, 'packages', name, 'dist')

/**
 * Builds the named packages of `packages/` and those that they need; by default all.
 *
 * @throws Error if the compiler finds a fault, which it says on standard output, or the joining does.
 */
export async function buildPackages(names?: readonly string[]): Promise<void> {
  // What was joined is no longer what the compiler wrote: it has to write it all again.
  for (const name of JOINED.keys()) await rm(distOf(name), { recursive: true, force: true })
  const projects = names?.map((name) => `packages/${name}`) ?? ['tsconfig.build.json']
  const code = runNode(binary('tsc', '-b', ...projects))
  if (code !== 0) throw new Error(`Cannot build: the compiler ended with code ${code}`)
  for (const [name, entry] of JOINED) if (!names || names.includes(name)) await joinFiles(name, entry)
}

/** One file for what the fast entry loads, small ones for the other entries, and one for each part that waits for its use. */
async function joinFiles(name: string, fastEntry: string): Promise<void> {
  const dist = distOf(name)
  const manifest = await readFile(join(root, 'packages', name, 'package.json'), 'utf8')
  const { exports } = JSON.parse(manifest) as Manifest
  const input = Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [join(root, 'packages', name, entry.default)],
  )
  const bundle = await rollup({
    input,
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
    // The compiler's own help for an import of a computed name asks for a `this` that modules do not have, and does without.
    onLog: (level, log, show) => (log.code === 'THIS_IS_UNDEFINED' ? undefined : show(level, log)),
  })
  const fast = join(dist, `${fastEntry}.js`)
  let loadedFirst: ReadonlySet<string> | undefined
  const { output } = await bundle.generate({
    format: 'es',
    chunkFileNames: 'parts/[name].js',
    manualChunks: (id, { getModuleInfo }) => {
      loadedFirst ??= loadedWith(fast, getModuleInfo)
      return loadedFirst.has(id) ? fastEntry : undefined
    },
  })
  await bundle.close()
  const written = await readdir(dist, { recursive: true })
  await Promise.all(written.filter((file) => file.endsWith('.js')).map((file) => rm(join(dist, file))))
  await mkdir(join(dist, 'parts'))
  for (const file of output) if (file.type === 'chunk') await writeFile(join(dist, file.fileName), file.code)
}

/** The modules that importing a module loads, itself among them; what is imported by its first use is not. */
function loadedWith(id: string, infoOf: GetModuleInfo, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(id)) return found
  found.add(id)
  for (const imported of infoOf(id)?.importedIds ?? []) {
    if (isAbsolute(imported)) loadedWith(imported, infoOf, found)
  }
  return found
}

if (import.meta.main) await buildPackages()
