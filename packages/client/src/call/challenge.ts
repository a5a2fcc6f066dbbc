import { withCapabilities } from '../token/declared-claims.ts'

const HEADER_CHARACTERS_MAX = 16 * 1024
// RFC 9110 §5.6.2 to §5.6.4: what a scheme, a name and a value are made of.
const TOKEN = /[!#$%&'*+.^_`|~\w-]+/y
const QUOTED = /"((?:[\t !#-[\]-~\u0080-\uffff]|\\[\t -~\u0080-\uffff])*)"/y
const TOKEN68 = /[\w.~+/-]+=*(?=[\t ]*(?:,|$))/y
const BLANK = /[\t ]*/y
const EQUALS = /[\t ]*=[\t ]*/y

/** One challenge of `WWW-Authenticate`. */
export interface Challenge {
  /** In small letters. */
  readonly scheme: string
  /** Names in small letters. */
  readonly parameters: ReadonlyMap<string, string>
}

/**
 * Reads `WWW-Authenticate` (RFC 9110 §11.6.1), several headers or several challenges in one.
 *
 * @returns nothing at all if any part breaks the grammar, names a parameter twice or is too long: a header that two
 * readers could read differently is not acted upon.
 */
export function readChallenges(headers: string | readonly string[] | undefined): readonly Challenge[] {
  const challenges: Challenge[] = []
  for (const header of [headers ?? []].flat()) {
    const found = header.length > HEADER_CHARACTERS_MAX ? undefined : new ChallengeReader(header).read()
    if (found === undefined) return []
    challenges.push(...found)
  }
  return challenges
}

class ChallengeReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): Challenge[] | undefined {
    const challenges: Challenge[] = []
    for (;;) {
      this.#take(BLANK)
      // Empty elements of a list mean nothing (RFC 9110 §5.6.1.2).
      while (this.#text[this.#at] === ',') this.#skip()
      if (this.#at === this.#text.length) return challenges
      const challenge = this.#challenge()
      if (challenge === undefined) return undefined
      challenges.push(challenge)
      if (this.#at < this.#text.length && this.#text[this.#at] !== ',') return undefined
    }
  }

  #challenge(): Challenge | undefined {
    const scheme = this.#take(TOKEN)?.[0].toLowerCase()
    if (scheme === undefined) return undefined
    const parameters = new Map<string, string>()
    const spaced = this.#take(BLANK)?.[0] !== ''
    if (!spaced || this.#take(TOKEN68)) return { scheme, parameters }
    for (;;) {
      const before = this.#at
      const parameter = this.#parameter()
      if (parameter === 'none') {
        this.#at = before
        return { scheme, parameters }
      }
      if (parameter === undefined || parameters.has(parameter.name)) return undefined
      parameters.set(parameter.name, parameter.value)
      this.#take(BLANK)
      const comma = this.#at
      if (this.#text[comma] !== ',') return { scheme, parameters }
      while (this.#text[this.#at] === ',') this.#skip()
      // What follows the comma is the next parameter, or the next challenge.
      if (!this.#parameterFollows()) {
        this.#at = comma
        return { scheme, parameters }
      }
    }
  }

  #parameterFollows(): boolean {
    const before = this.#at
    const follows = this.#take(TOKEN) !== undefined && this.#take(EQUALS) !== undefined
    this.#at = before
    return follows
  }

  #parameter(): { readonly name: string; readonly value: string } | 'none' | undefined {
    const name = this.#take(TOKEN)?.[0].toLowerCase()
    if (name === undefined) return 'none'
    if (!this.#take(EQUALS)) return undefined
    const quoted = this.#take(QUOTED)?.[1]
    const value = quoted === undefined ? this.#take(TOKEN)?.[0] : quoted.replaceAll(/\\(.)/g, '$1')
    return value === undefined ? undefined : { name, value }
  }

  #skip(): void {
    this.#at += 1
    this.#take(BLANK)
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (!found) return undefined
    this.#at = pattern.lastIndex
    return found
  }
}

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

/**
 * Returns the claims that an API demands of a token by `error="insufficient_claims"`, as JSON text for the token request
 * (wire.md §11), with the capability to be challenged again; `undefined` if it demands none that can be understood. Nothing else of the challenge is
 * heeded: where tokens come from is never the API's to say.
 */
export function challengedClaims(headers: string | readonly string[] | undefined): string | undefined {
  for (const { scheme, parameters } of readChallenges(headers)) {
    const claims = parameters.get('claims')
    if (scheme !== 'bearer' || parameters.get('error') !== 'insufficient_claims' || claims === undefined)
      continue
    if (!BASE64.test(claims)) return undefined
    return withCapabilities(Buffer.from(claims, 'base64').toString('utf8'), ['cp1'])
  }
  return undefined
}
