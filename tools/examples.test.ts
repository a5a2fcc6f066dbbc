// Why: an example that does not compile teaches something wrong, and nobody notices until a newcomer tries it. Every `ts`
// block of a doc comment and of a Markdown page is compiled here as a module of its own, against the published entries.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { binary } from './binary.ts'
import { repositoryFiles, root } from './files.ts'

interface Example {
  readonly file: string
  readonly line: number
  readonly code: string
}

/** The `ts` blocks of a page or of the doc comments of a source file. */
export function examplesIn(file: string, text: string): readonly Example[] {
  return [...text.matchAll(/^( \*|\s+\*)? ?```ts\n([\s\S]*?)^(?:\s*\*)? ?```$/gm)].map((match) => ({
    file,
    line: text.slice(0, match.index).split('\n').length + 1,
    code: (match[2] ?? '').replaceAll(/^\s*\* ?/gm, (prefix) => (match[1] ? '' : prefix)),
  }))
}

describe('examples in the documentation', () => {
  it('are found in a doc comment and in a page', () => {
    const comment = '/**\n * Does it.\n *\n * ```ts\n * const a = 1\n * ```\n */\n'
    assert.deepEqual(examplesIn('a.ts', comment), [{ file: 'a.ts', line: 5, code: 'const a = 1\n' }])
    assert.deepEqual(examplesIn('a.md', 'x\n```ts\nlet b = 2 * 3\n```\n'), [
      { file: 'a.md', line: 3, code: 'let b = 2 * 3\n' },
    ])
  })

  it('compile, but for one that is wrong', async () => {
    const files = repositoryFiles().filter((file) =>
      /\.md$|^packages\/[^/]+\/src\/.*(?<!\.test)\.ts$/.test(file),
    )
    const examples = (
      await Promise.all(files.map(async (file) => examplesIn(file, await readFile(join(root, file), 'utf8'))))
    ).flat()
    assert.ok(examples.length >= 8, `found only ${examples.length} examples`)
    // Compiled together, as the compiler spends its time on the packages that they import.
    const wrong = { file: 'wrong.md', line: 7, code: "import { nothing } from '@tomte/client'\n" }
    const errors = await compile([...examples, wrong])
    assert.deepEqual(
      errors.filter((error) => !error.startsWith('wrong.md:')),
      [],
    )
    assert.equal(errors.length, 1)
    assert.match(errors[0] ?? '', /^wrong\.md:7: .*nothing/)
  })
})

async function compile(examples: readonly Example[]): Promise<readonly string[]> {
  // Below node_modules, so that the packages are found by their names as a user finds them.
  const folder = join(root, 'node_modules', `.tomte-examples-${process.pid}`)
  await mkdir(folder, { recursive: true })
  try {
    await Promise.all(examples.map(({ code }, index) => writeFile(join(folder, `${index}.ts`), code)))
    const compilerOptions = {
      noEmit: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      customConditions: ['@tomte/source'],
      allowImportingTsExtensions: true,
      typeRoots: [join(root, 'node_modules', '@types')],
    }
    const config = {
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions,
      files: examples.map((_, index) => `${index}.ts`),
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const { stdout } = await run(folder)
    return stdout.split('\n').flatMap((line) => {
      const found = /(\d+)\.ts\((\d+),\d+\): (error .*)/.exec(line)
      const example = examples[Number(found?.[1])]
      return found && example ? [`${example.file}:${example.line + Number(found[2]) - 1}: ${found[3]}`] : []
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function run(folder: string): Promise<{ readonly stdout: string }> {
  try {
    return await promisify(execFile)(process.execPath, binary('tsc', '-p', folder, '--pretty', 'false'))
  } catch (error) {
    return error as { readonly stdout: string }
  }
}
