/** The first place where a text is no JSON. */
export interface JsonFault {
  readonly line: number
  readonly column: number
  /** What must stand there instead. */
  readonly needed: string
}

type Needed = keyof typeof NEEDED

const NEEDED = {
  value: 'a value',
  'value or ]': "a value or ']'",
  key: 'a key in double quotes',
  'key or }': "a key in double quotes or '}'",
  colon: "':'",
  'rest of {': "',' or '}'",
  'rest of [': "',' or ']'",
  end: 'the end',
} as const

// In a text everything from the blank on may stand, but for the quote and the backslash (RFC 8259 §7).
const TOKEN =
  /("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|([{}[\],:])/y
const BLANKS = /[ \t\n\r]*/y

/**
 * Finds where a text breaks the grammar of JSON (RFC 8259), or `undefined` if it does not. Unlike the messages of
 * `JSON.parse` it repeats nothing of the text, which may hold a secret, and always knows the place.
 */
export function jsonFault(text: string): JsonFault | undefined {
  const open: ('{' | '[')[] = []
  let needed: Needed = 'value'
  for (let at = end(BLANKS, text, 0); ; at = end(BLANKS, text, at)) {
    if (at === text.length && needed === 'end') return undefined
    TOKEN.lastIndex = at
    const [token, string, scalar] = TOKEN.exec(text) ?? []
    const next: Needed | undefined =
      token === undefined ? undefined : after(needed, string ? 'string' : scalar ? 'scalar' : token, open)
    if (token === undefined || next === undefined) return placeOf(text, at, needed)
    needed = next
    at += token.length
  }
}

function end(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  pattern.test(text)
  return Math.max(pattern.lastIndex, at)
}

/** What is needed after a token, or `undefined` if it may not stand here. */
function after(needed: Needed, token: string, open: ('{' | '[')[]): Needed | undefined {
  const rest = (): Needed => (open.length === 0 ? 'end' : `rest of ${open.at(-1) ?? '{'}`)
  const close = (): Needed => {
    open.pop()
    return rest()
  }
  if (needed === 'colon') return token === ':' ? 'value' : undefined
  if (needed === 'rest of {' && token === ',') return 'key'
  if (needed === 'rest of [' && token === ',') return 'value'
  if ((needed === 'rest of {' || needed === 'key or }') && token === '}') return close()
  if ((needed === 'rest of [' || needed === 'value or ]') && token === ']') return close()
  if (needed === 'key' || needed === 'key or }') return token === 'string' ? 'colon' : undefined
  if (needed !== 'value' && needed !== 'value or ]') return undefined
  if (token === 'string' || token === 'scalar') return rest()
  if (token !== '{' && token !== '[') return undefined
  open.push(token)
  return token === '{' ? 'key or }' : 'value or ]'
}

function placeOf(text: string, at: number, needed: Needed): JsonFault {
  const before = text.slice(0, at).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1, needed: NEEDED[needed] }
}
