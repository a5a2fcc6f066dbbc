// The rules of the house as functions of a file's path and text, so that tidy.test.ts can show of each that it holds
// for the repository, and that it can fail. What a linter can say is in .oxlintrc.json instead.
import { scan } from './scan.ts'

/** A rule gives one sentence for each breach; an empty list is a file in order. */
export type Rule = (path: string, text: string) => string[]

const isSource = (path: string): boolean => /\.(ts|js)$/.test(path)
const isTest = (path: string): boolean => /(\.test|test-support)\.ts$/.test(path)
const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length

function breaches(path: string, text: string, pattern: RegExp, message: (found: string) => string): string[] {
  return [...text.matchAll(pattern)].map(
    (match) => `${path}:${lineOf(text, match.index)}: ${message(match[1] ?? match[0])}`,
  )
}

/** Which package may import which (design: OAuth roles do not share wire code). */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  client: [],
  guard: [],
  jobs: ['@tomte/client'],
  platform: ['@tomte/guard'],
  cli: ['@tomte/client', '@tomte/jobs', '@tomte/platform'],
}

const IMPORT = /(?:\bfrom|\bimport\s*\(?)\s*['"]([^'"]+)['"]/g

/** Lists what a source imports, with the lines, leaving out what comments and quoted text mention. */
function importsOf(text: string): { line: number; name: string }[] {
  const { code, quoted } = scan(text)
  return [...quoted.matchAll(IMPORT)]
    .filter((match) => code.slice(match.index, match.index + 4).trim() !== '')
    .map((match) => ({ line: lineOf(text, match.index), name: match[1] ?? '' }))
}

const isOurs = (name: string): boolean => name.startsWith('@tomte/') || /^tomte(\/|$)/.test(name)

/** Resolves a relative import to a path from the root. */
function target(path: string, name: string): string {
  return new URL(name, `file:///${path}`).pathname.slice(1)
}

/** Packages import along the arrows alone, by published entries, and relative imports stay in their own package. */
export function importDirection(entries: ReadonlySet<string>): Rule {
  return (path, text) => {
    const [area = '', part = ''] = path.split('/')
    if (!isSource(path) || !['packages', 'examples', 'conformance'].includes(area)) return []
    const home = area === 'conformance' ? 'conformance/' : `${area}/${part}/`
    return importsOf(text).flatMap(({ line, name }) => {
      const why = name.startsWith('.') ? leaves(path, name, home) : refuses(area, part, name, entries)
      return why === undefined ? [] : [`${path}:${line}: must not import '${name}': ${why}`]
    })
  }
}

const leaves = (path: string, name: string, home: string): string | undefined =>
  target(path, name).startsWith(home) ? undefined : `it is outside of ${home}`

function refuses(area: string, part: string, name: string, entries: ReadonlySet<string>): string | undefined {
  if (!isOurs(name)) return undefined
  if (!entries.has(name)) return 'it is not a published entry'
  const allowed = area === 'packages' ? (ARROWS[part] ?? []) : undefined
  if (allowed?.some((arrow) => name === arrow || name.startsWith(`${arrow}/`)) === false) {
    return `packages/${part} may import ${allowed.join(', ') || 'none of our packages'}`
  }
  return undefined
}

/** A package names in its own package.json all that it imports; only inside the workspace would it work without. */
export function declaredImports(declared: ReadonlyMap<string, ReadonlySet<string>>): Rule {
  return (path, text) => {
    const folder = /^packages\/[^/]+(?=\/src\/)/.exec(path)?.[0]
    if (folder === undefined || !isSource(path) || isTest(path)) return []
    return importsOf(text).flatMap(({ line, name }) => {
      if (name.startsWith('.') || name.startsWith('node:')) return []
      const wanted = name.split('/', name.startsWith('@') ? 2 : 1).join('/')
      if (declared.get(folder)?.has(wanted)) return []
      return [`${path}:${line}: imports '${name}', which ${folder}/package.json does not name`]
    })
  }
}

/** A barrel hides where a thing lives; a drawer for leftovers hides what it is. */
export const plainNames: Rule = (path) => {
  if (/(^|\/)index\.[cm]?[jt]s$/.test(path))
    return [`${path}: is a barrel; name the file after what it holds`]
  const drawer = /(?:^|\/)(utils?|helpers?|common|shared)(?:[./]|$)/i.exec(path)?.[1]
  return drawer === undefined ? [] : [`${path}: '${drawer}' names no thing; name it after what it holds`]
}

const ANY = /(?:[:<|&,(?]|=>|\bas|\bextends|\bsatisfies|\btype \w+ =)\s*(any)\b(?=\s*(?:[\])>,;|&=}{[]|$))/gm
const SILENCED = /@ts-(?:ignore|nocheck)/g

/** The compiler must be allowed to see everything. */
export const noAny: Rule = (path, text) => {
  if (!isSource(path)) return []
  const { code, comments } = scan(text)
  return [
    ...breaches(path, code, ANY, () => "has the type 'any'; take 'unknown' and check it"),
    ...breaches(path, comments, SILENCED, (found) => `silences the compiler with ${found}`),
  ]
}

const BANNED: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bDate\.now\b/g, 'take a Clock'],
  [/\bnew Date\(\s*\)/g, 'take a Clock'],
  [/\bMath\.random\b/g, 'take randomness as an argument'],
  [/\bprocess\.env\b/g, 'read the environment in config.ts'],
  [/(?:(?<![.\w])|\bglobalThis\.)set(?:Timeout|Interval)\b/g, 'take a Clock and call its sleep'],
]

const AT_THE_EDGE =
  /^(packages\/cli|scripts|tools|bench|drills|conformance|\.ci)\/|(^|\/)(clock|config)\.ts$|(\.test|test-support)\.ts$|^examples\/[^/]+\/(start|provision)\.ts$/

/** Time, randomness and the environment are arguments, read at the edge of the program alone. */
export const effectsAtTheEdge: Rule = (path, text) => {
  if (!isSource(path) || AT_THE_EDGE.test(path)) return []
  const { code } = scan(text)
  return BANNED.flatMap(([pattern, instead]) =>
    breaches(path, code, pattern, (found) => `uses ${found}; ${instead}`),
  )
}

// Written in pieces, so that these files keep the rules that they check.
const MACHINE_FOLDERS = new RegExp(
  `(?<![\\w.~%}-])/(?:${['work', 'root', 'home', 'opt/nodes'].join('|')})/[\\w.-]*`,
  'g',
)
const REGISTRIES = new RegExp(
  `\\b${['registry', '(?:npmjs|yarnpkg|npmmirror)', '(?:org|com)'].join('\\.')}\\b`,
  'g',
)
const DOWNLOADS = /"resolved": "https?:[^"]*"/g

/** What is committed works on every machine, and names neither ours nor the place that packages came from. */
export const portable: Rule = (path, text) => [
  ...breaches(path, text, MACHINE_FOLDERS, (found) => `names the folder ${found} of one machine`),
  ...breaches(path, text, REGISTRIES, (found) => `names the package registry ${found}`),
  ...(path.endsWith('package-lock.json')
    ? breaches(path, text, DOWNLOADS, () => 'has a download address; see omit-lockfile-registry-resolved')
    : []),
]

const ABANDONED =
  /^[ \t]*\/\/[ \t]*((?:(?:const|let)\s+[\w{[][^=]*=\s|import\s.*\sfrom\s'|export\s+(?:const|function|class)\s|(?:await\s+)?[\w.]+\([^()]*\);?[ \t]*$|[})\]]+[,;]?[ \t]*$).*)/gm

/** Code that nobody runs is kept by git, not by a comment. */
export const noAbandonedCode: Rule = (path, text) =>
  isSource(path)
    ? breaches(path, scan(text).comments, ABANDONED, () => 'has code in a comment; delete it')
    : []
