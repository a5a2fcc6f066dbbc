// Which tests share a process: what they import is then loaded once for all of them, and not once for each. Every file is
// a suite of its own in it, and one suite runs after the other.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './files.ts'

/** A file of tests: its path from the root of the repository, and what stands in it. */
export interface TestFile {
  readonly path: string
  readonly text: string
}

// Few enough that the last process of a run does not keep the others waiting.
const FILES_MAX = 12

/** Folders whose tests run in the process that they stand in; those of all others start processes, and are long. */
const SHARING = [
  'packages/client/',
  'packages/guard/',
  'packages/jobs/',
  'packages/platform/',
  'conformance/',
  'examples/provision-users/job/',
]

// What changes the process for every other test in it.
const CHANGES_ITS_PROCESS =
  /\bsetDefaultCACertificates\b|\bmock\.timers\b|@opentelemetry\/|\bprocess\.env\[[^\]]+\] = /

/** Divides files into processes: first those that have one of their own, as they are the long ones. */
export function testProcesses(files: readonly TestFile[]): readonly (readonly string[])[] {
  const folderOf = ({ path, text }: TestFile) =>
    CHANGES_ITS_PROCESS.test(text) ? undefined : SHARING.find((folder) => path.startsWith(folder))
  const alone = files.filter((file) => folderOf(file) === undefined).map(({ path }) => [path])
  const shared = SHARING.flatMap((folder) => {
    const paths = files.filter((file) => folderOf(file) === folder).map(({ path }) => path)
    return inEqualParts(paths, Math.ceil(paths.length / FILES_MAX))
  })
  return [...alone, ...shared]
}

function inEqualParts(paths: readonly string[], parts: number): string[][] {
  const border = (part: number) => Math.round((part * paths.length) / parts)
  return Array.from({ length: parts }, (_, part) => paths.slice(border(part), border(part + 1)))
}

/** Writes a program for each process into a folder, named so that the test runner, which sorts, keeps their order. */
export function writeTestPrograms(
  folder: string,
  processes: readonly (readonly string[])[],
): Promise<readonly string[]> {
  return Promise.all(
    processes.map(async (paths, index) => {
      const file = join(folder, `${String(index).padStart(4, '0')}.mjs`)
      await writeFile(file, programOf(paths))
      // The runner takes it for a pattern, in which a backslash means something else.
      return file.replaceAll('\\', '/')
    }),
  )
}

function programOf(paths: readonly string[]): string {
  const suites = paths.map((path) => {
    const url = pathToFileURL(join(root, path)).href
    return `describe(${JSON.stringify(path)}, () => import(${JSON.stringify(url)}))\n`
  })
  return `import { describe } from 'node:test'\n${suites.join('')}`
}
