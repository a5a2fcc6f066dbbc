// The rules of the house, as tests: a rule that no tool checks is a wish. Each rule comes with a test that it can fail.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readText, repositoryFiles } from './files.ts'
import { publicApi } from './public-api.ts'
import { scan } from './scan.ts'
import {
  declaredImports,
  effectsAtTheEdge,
  importDirection,
  noAbandonedCode,
  noAny,
  plainNames,
  portable,
  type Rule,
} from './tidy-rules.ts'

interface Manifest {
  name: string
  exports?: Record<string, { '@tomte/source': string }>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const paths = repositoryFiles()
const texts = new Map(
  paths.map((path) => [path, readText(path)] as const).filter(([, text]) => !text.includes('\0')),
)
const folders = [...new Set(paths.flatMap((path) => /^packages\/[^/]+(?=\/package\.json$)/.exec(path) ?? []))]
const manifests = new Map(folders.map((folder) => [folder, manifest(folder)]))

function manifest(folder: string): Manifest {
  return JSON.parse(readText(`${folder}/package.json`)) as Manifest
}

const entries = new Set(
  [...manifests.values()].flatMap(({ name, exports = {} }) =>
    Object.keys(exports).map((entry) => name + entry.slice(1)),
  ),
)

const declared = new Map(
  [...manifests].map(([folder, { dependencies, peerDependencies, optionalDependencies }]) => [
    folder,
    new Set(Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })),
  ]),
)

/** Holds a rule to every file of the repository. */
function holds(rule: Rule): void {
  const found = [...texts].flatMap(([path, text]) => rule(path, text))
  assert.equal(found.length, 0, `\n${found.join('\n')}\n`)
}

/** Shows that a rule lets the first sources pass and finds exactly one breach in each of the others. */
function tells(rule: Rule, good: readonly [string, string][], bad: readonly [string, string][]): void {
  for (const [path, text] of good) assert.deepEqual(rule(path, text), [], `${path}: ${text}`)
  for (const [path, text] of bad) assert.equal(rule(path, text).length, 1, `${path}: ${text}`)
}

describe('importDirection', () => {
  it('holds: packages import along the arrows of the design, by published entries alone', () => {
    holds(importDirection(entries))
  })

  it('fails on an arrow that is not in the design, on a deep path and on leaving the own package', () => {
    const known = new Set([
      '@tomte/client',
      '@tomte/client/tokens',
      '@tomte/guard',
      '@tomte/platform',
      'tomte',
    ])
    tells(
      importDirection(known),
      [
        ['packages/platform/src/a.ts', "import { guard } from '@tomte/guard'"],
        ['packages/jobs/src/a.ts', "import { b } from '@tomte/client/tokens'\nimport { c } from './c.ts'"],
        [
          'packages/client/src/a.ts',
          "// import x from '@tomte/guard'\nconst hint = \"import y from '@tomte/guard'\"",
        ],
        ['examples/one/start.ts', "import { main } from 'tomte'"],
        ['tools/a.ts', "import { b } from '../packages/client/src/b.ts'"],
      ],
      [
        ['packages/guard/src/a.ts', "import { b } from '@tomte/client'"],
        ['packages/client/src/a.ts', "export { b } from '@tomte/guard'"],
        ['packages/client/src/a.ts', "import type { b } from '@tomte/client'"],
        ['packages/platform/src/a.ts', "const b = await import('@tomte/client')"],
        ['packages/jobs/src/a.ts', "import '@tomte/client/src/b.ts'"],
        ['packages/jobs/src/a.ts', "import {\n  b,\n} from '../../client/src/b.ts'"],
        ['examples/one/start.ts', "import { b } from '@tomte/client/deep'"],
        ['examples/one/start.ts', "import { b } from '../two/b.ts'"],
        ['conformance/a.test.ts', "import { b } from '../packages/client/src/mod.ts'"],
      ],
    )
  })
})

describe('declaredImports', () => {
  it('holds: a package names in its package.json what it imports', () => {
    holds(declaredImports(declared))
  })

  it('fails on a package that is there only because another one needs it', () => {
    tells(
      declaredImports(new Map([['packages/jobs', new Set(['kysely', '@tomte/client'])]])),
      [
        ['packages/jobs/src/a.ts', "import 'kysely/x'\nimport '@tomte/client/tokens'\nimport 'node:fs'"],
        ['packages/jobs/src/a-test-support.ts', "import { b } from 'zod'"],
      ],
      [
        ['packages/jobs/src/a.ts', "import { b } from 'zod'"],
        ['packages/guard/src/a.ts', "import { b } from '@scope/b/c'"],
      ],
    )
  })
})

describe('plainNames', () => {
  it('holds: no barrels, and no drawers such as utils', () => {
    holds(plainNames)
  })

  it('fails on an index file and on every name of a drawer', () => {
    const drawers = ['utils.ts', 'util/a.ts', 'helpers.test.ts', 'common/a.ts', 'shared.ts']
    tells(
      plainNames,
      [['packages/client/src/token/cached.ts', '']],
      ['index.ts', ...drawers].map((name) => [`packages/client/src/${name}`, '']),
    )
  })
})

describe('noAny', () => {
  it('holds: no any, and nothing hidden from the compiler', () => {
    holds(noAny)
  })

  it('fails on the type any in each place that a type can have', () => {
    const bad = [
      'let a: any',
      'a as any',
      'Map<string, any>',
      'const a: any[] = []',
      'type A = any',
      'f<any>()',
    ]
    const samples = [...bad, '(a: any) => a', '// @ts-ignore', '/* @ts-nocheck */']
    tells(
      noAny,
      [['a.ts', "// any: any\nconst any = { any: 1 }\nPromise.any([])\nconst text = 'a: any'"]],
      samples.map((text) => ['a.ts', text]),
    )
  })
})

describe('effectsAtTheEdge', () => {
  it('holds: time, randomness and the environment are arguments', () => {
    holds(effectsAtTheEdge)
  })

  it('fails on each of them outside of the files that hand them in', () => {
    const effects = [
      'Date.now()',
      'new Date()',
      'Math.random()',
      'process.env',
      'setTimeout(f)',
      'setInterval(f)',
    ]
    tells(
      effectsAtTheEdge,
      [
        ['packages/client/src/a.ts', '// Date.now()\nnew Date(nowMs)\nsocket.setTimeout(5)'],
        ...effects.map((text): [string, string] => ['packages/client/src/clock.ts', text]),
        ['packages/cli/src/a.ts', 'process.env'],
        ['packages/client/src/a.test.ts', 'Date.now()'],
      ],
      [...effects, 'const a = `${Date.now()}`'].map((text) => ['packages/client/src/a.ts', text]),
    )
  })
})

describe('portable', () => {
  it('holds: no file names a folder of one machine or a package registry', () => {
    holds(portable)
  })

  it('fails on a folder, on a registry and on a download address', () => {
    tells(
      portable,
      [
        ['a.md', 'https://example.com/home/page and ./work/a and /var/lib/tomte'],
        ['package-lock.json', '"resolved": "packages/client"'],
      ],
      [
        ['a.md', `see ${'/'}work/main`],
        ['a.ts', `const a = '${'/'}root/x'`],
        ['a.json', ['registry', 'npmjs', 'org'].join('.')],
        ['package-lock.json', '"resolved": "https://example.com/a.tgz"'],
      ],
    )
  })
})

describe('noAbandonedCode', () => {
  it('holds: no code is kept in comments', () => {
    holds(noAbandonedCode)
  })

  it('fails on a statement in a comment', () => {
    const abandoned = ["// const a = read('b')", '// await run(b)', '// }', "// import { a } from './a.ts'"]
    tells(
      noAbandonedCode,
      [['a.ts', "// Import and export by hand.\nconst a = '// const b = 1'\n/** const c = 2 */"]],
      abandoned.map((text) => ['a.ts', text]),
    )
  })
})

describe('publicApi', () => {
  it('holds: everything that an entry of a package exports has a comment above its declaration', () => {
    const sources = [...manifests].flatMap(([folder, { exports = {} }]) =>
      Object.values(exports).map((entry) => `${folder}/${entry['@tomte/source'].slice(2)}`),
    )
    const bare = sources
      .flatMap((entry) => publicApi(entry, readText))
      .filter(({ documented }) => !documented)
    const found = [...new Set(bare.map(({ path, name }) => `${path}: ${name} has no comment above it`))]
    assert.equal(found.length, 0, `\n${found.join('\n')}\n`)
  })

  it('fails on exports without one, wherever they are declared', () => {
    const files: Record<string, string> = {
      'src/mod.ts':
        "export { a, type B as C } from './a.ts'\nexport * from './d.ts'\nimport { e } from './d.ts'\nexport { e }\n",
      'src/a.ts':
        '/** Documented. */\nexport function a(): void {}\n\n/* Not documentation. */\nexport type B = string\n',
      'src/d.ts': '/** Far away. */\n\nexport const d = 1\n\n/** Documented. */\nconst e = 2\nexport { e }\n',
    }
    const found = publicApi('src/mod.ts', (path) => files[path] ?? '')
    assert.deepEqual(found.map(({ name, path, documented }) => `${name} ${path} ${documented}`).sort(), [
      'B src/a.ts false',
      'a src/a.ts true',
      'd src/d.ts false',
      'e src/d.ts true',
    ])
  })
})

/** Gives the names of which a text says nothing. */
const unmentioned = (names: readonly string[], text: string): string[] =>
  names.filter((name) => !new RegExp(`(?<![\\w@/-])${name}(?![\\w-])`).test(text))

describe('unmentioned', () => {
  it('holds: ARCHITECTURE.md names every folder of every package', () => {
    const sources = paths.flatMap((path) => /^packages\/[^/]+\/src\/([^/]+)\//.exec(path)?.[1] ?? [])
    const missing = unmentioned(
      [...new Set(sources)].map((folder) => `${folder}/`),
      readText('ARCHITECTURE.md'),
    )
    assert.deepEqual(missing, [])
  })

  it('holds: a decision note names every dependency of the client and the guard', () => {
    const notes = paths.filter((path) => /^docs\/decisions\/.*\.md$/.test(path))
    const names = ['client', 'guard'].flatMap((part) => [...(declared.get(`packages/${part}`) ?? [])])
    assert.deepEqual(unmentioned(names, notes.map(readText).join('\n')), [])
  })

  it('fails on a name that is only a part of another', () => {
    assert.deepEqual(unmentioned(['token/', 'undici'], 'token/ and undici'), [])
    assert.deepEqual(unmentioned(['call/', 'undici'], 'recall/ and undici-types'), ['call/', 'undici'])
  })
})

describe('scan', () => {
  it('tells code from comments, quoted text, templates and regular expressions', () => {
    const text = "a('b') // c\nd(`e ${f({ g: `h` })} i`, /j\\/'/) /* k */"
    assert.equal(scan(text).code.replace(/\s+/g, ' ').trim(), 'a( ) d( f({ g: }) , )')
    assert.equal(scan(text).comments.replace(/\s+/g, ' ').trim(), '// c /* k */')
    assert.equal(scan(text).quoted.split('\n')[0], "a('b')     ")
  })
})
