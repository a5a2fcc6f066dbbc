// Finds what the entries of a package export and where each export is declared, for the rule that each has a comment.
import { posix } from 'node:path'

export interface Declaration {
  readonly name: string
  readonly path: string
  readonly documented: boolean
}

type Read = (path: string) => string

const LIST = /^export\s+(?:type\s+)?\{([^}]*)\}(?:\s*from\s*'(\.[^']+)')?/gm
const STAR = /^export\s+\*\s+from\s+'(\.[^']+)'/gm
const DECLARED =
  /^export\s+(?:declare\s+)?(?:async\s+)?(?:abstract\s+)?(?:function\*?|class|const|let|type|interface)\s+([\w$]+)/gm
const IMPORTED = /^import\s+(?:type\s+)?\{([^}]*)\}\s*from\s*'(\.[^']+)'/gm

/** Gives everything that a file exports, each as declared in the file that it comes from. */
export function publicApi(path: string, read: Read): Declaration[] {
  const text = read(path)
  const declared = [...text.matchAll(DECLARED)].map((match) => declaration(path, text, match[1] ?? ''))
  const stars = [...text.matchAll(STAR)].flatMap((match) => publicApi(beside(path, match[1]), read))
  const lists = [...text.matchAll(LIST)].flatMap(([, names = '', from]) =>
    namesIn(names).map(({ name }) => find(from === undefined ? path : beside(path, from), name, read)),
  )
  const all = [...declared, ...stars, ...lists.filter((each) => each !== undefined)]
  return [...new Map(all.map((each) => [`${each.path} ${each.name}`, each])).values()]
}

const beside = (path: string, name = ''): string => posix.join(posix.dirname(path), name)

/** Reads `a, type B, c as d` as the names in the file that they come from, and the names they get. */
function namesIn(list: string): { name: string; as: string }[] {
  const plain = list.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '')
  return plain.split(',').flatMap((each) => {
    const [, name, as] = /^\s*(?:type\s+)?([\w$]+)(?:\s+as\s+([\w$]+))?\s*$/.exec(each) ?? []
    return name === undefined ? [] : [{ name, as: as ?? name }]
  })
}

/** Follows a name through the files that pass it on, to the one that declares it. */
function find(path: string, name: string, read: Read): Declaration | undefined {
  const text = read(path)
  if (declarationOf(name).test(text)) return declaration(path, text, name)
  for (const [, names = '', from] of [...text.matchAll(LIST), ...text.matchAll(IMPORTED)]) {
    const passed = namesIn(names).find(({ as }) => as === name)
    if (passed && from !== undefined) return find(beside(path, from), passed.name, read)
  }
  const stars = [...text.matchAll(STAR)].map((match) => find(beside(path, match[1]), name, read))
  return stars.find((each) => each !== undefined)
}

const declarationOf = (name: string): RegExp =>
  new RegExp(
    `^(?:export\\s+)?(?:declare\\s+)?(?:async\\s+)?(?:abstract\\s+)?(?:function\\*?|class|const|let|type|interface)\\s+${name.replaceAll('$', '\\$')}(?![\\w$])`,
    'm',
  )

// A blank line between the two would leave editors without the comment.
const ENDS_WITH_COMMENT = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/[ \t]*\r?\n$/

function declaration(path: string, text: string, name: string): Declaration {
  const index = declarationOf(name).exec(text)?.index ?? 0
  return { name, path, documented: ENDS_WITH_COMMENT.test(text.slice(0, index)) }
}
