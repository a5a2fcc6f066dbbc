// Tells code, comments and quoted text of a TypeScript file apart, so that a rule about code is not set off by a
// sentence that mentions it. A full parser is not needed for that, and TypeScript 7 offers none inside the process.

/** The same text three times, with line breaks kept and all but one sort of characters replaced by spaces. */
export interface Scan {
  /** The code without comments and without what is inside of quotes. */
  readonly code: string
  /** The code without comments, with its quoted text. */
  readonly quoted: string
  readonly comments: string
}

type Sort = 'code' | 'text' | 'comment'

const REGEX_MAY_FOLLOW = /(?:^|[=(,:[!&|?{};+*%~^<>-]|\b(?:return|typeof|case|in|of|void|await|yield))\s*$/
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y
// Where nothing else can begin.
const PLAIN = /[^/'"`{}]+/y
const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:\\[\s\S]|[^'\\\n])*'?|"(?:\\[\s\S]|[^"\\\n])*"?/y
const TEMPLATE = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{|$)/y

// Each rule asks for the same files again.
const scanned = new Map<string, Scan>()

/** Splits a source into code, comments and quoted text. */
export function scan(text: string): Scan {
  const known = scanned.get(text) ?? render(piecesOf(text))
  scanned.set(text, known)
  return known
}

function piecesOf(text: string): readonly (readonly [Sort, string])[] {
  const pieces: [Sort, string][] = []
  // One number per template that is open: how many braces are open in the code that it embeds.
  const braces: number[] = []
  let position = 0
  const take = (sort: Sort, length: number): void => {
    pieces.push([sort, text.slice(position, position + length)])
    position += length
  }
  while (position < text.length) {
    const character = text[position] ?? ''
    const plain = matchAt(PLAIN, text, position)
    const token = plain === undefined ? matchAt(TOKEN, text, position) : undefined
    if (plain !== undefined) take('code', plain.length)
    else if (token !== undefined) take(token.startsWith('/') ? 'comment' : 'text', token.length)
    else if (character === '`') takeTemplate(1)
    else if (character === '}' && braces.at(-1) === 0) {
      braces.pop()
      takeTemplate(1)
    } else {
      const before = text.slice(Math.max(0, position - 40), position)
      const regex =
        character === '/' && REGEX_MAY_FOLLOW.test(before) ? matchAt(REGEX, text, position) : undefined
      const depth = braces.length - 1
      if (depth >= 0 && character === '{') braces[depth] = (braces[depth] ?? 0) + 1
      if (depth >= 0 && character === '}') braces[depth] = (braces[depth] ?? 0) - 1
      take(regex === undefined ? 'code' : 'text', regex?.length ?? 1)
    }
  }
  return pieces

  function takeTemplate(from: number): void {
    const chunk = matchAt(TEMPLATE, text, position + from) ?? ''
    if (chunk.endsWith('${')) braces.push(0)
    take('text', from + chunk.length)
  }
}

function matchAt(pattern: RegExp, text: string, position: number): string | undefined {
  pattern.lastIndex = position
  return pattern.exec(text)?.[0]
}

function render(pieces: readonly (readonly [Sort, string])[]): Scan {
  const only = (...sorts: Sort[]): string =>
    pieces.map(([sort, text]) => (sorts.includes(sort) ? text : text.replace(/[^\n]/g, ' '))).join('')
  return { code: only('code'), quoted: only('code', 'text'), comments: only('comment') }
}
