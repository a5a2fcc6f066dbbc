// Wild headers, the same for the same seed: tokens that were good once, and what a stranger makes of them.
import { encode } from './test-support.ts'

/** Chances that can be repeated (mulberry32). */
export function seeded(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    pick: <T>(list: readonly T[]): T => list[below(list.length)] as T,
    bytes: (length: number) => Buffer.from(Array.from({ length }, () => below(256))),
  }
}

type Chance = ReturnType<typeof seeded>

/** What the makers of wild headers start from: good tokens, whose changed forms must all be refused. */
export interface Stock {
  readonly tokens: readonly string[]
  readonly claims: readonly object[]
}

type Maker = (chance: Chance, stock: Stock) => string

const parts = (token: string) => token.split('.') as [string, string, string]

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'a',
  '*',
  [],
  {},
  [[]],
  ['RS256'],
  'none',
  'HS256',
  'RS256',
  'ES256',
  'EdDSA',
  'NONE',
  '__proto__',
  '../key',
  'https://evil.example/keys',
  'https://login.example/{tenantid}/v2.0',
  '\u0000',
  '\u202e',
]
const HEADER_NAMES = [
  'alg',
  'kid',
  'typ',
  'jwk',
  'jku',
  'x5u',
  'x5c',
  'crit',
  'b64',
  'enc',
  'zip',
  '__proto__',
]

const changedJson = ({ pick, below }: Chance, object: object, names: readonly string[]): string => {
  const changed = { ...object, [pick(names)]: pick(VALUES) }
  const text = JSON.stringify(changed)
  return pick([
    text,
    text,
    `${text.slice(0, -1)},"${pick(names)}":${JSON.stringify(pick(VALUES))}}`,
    text.slice(0, below(text.length)),
    `${text}${text}`,
    `[${text}]`,
    text.replaceAll('"', "'"),
  ])
}

const anyCharacter = ({ pick, below }: Chance) =>
  pick([String.fromCharCode(below(128)), String.fromCharCode(below(256)), '.', '=', '-', '_', ' '])

const MAKERS: readonly Maker[] = [
  // Noise.
  (chance) => Array.from({ length: chance.below(60) }, () => anyCharacter(chance)).join(''),
  (chance) => `Bearer ${chance.bytes(chance.below(80)).toString('base64url')}`,
  (chance) =>
    `Bearer ${Array.from({ length: chance.below(5) }, () => chance.bytes(chance.below(60)).toString('base64url')).join('.')}`,
  // A good token with one character changed, put in, or taken out.
  (chance, { tokens }) => {
    const token = chance.pick(tokens)
    const at = chance.below(token.length)
    const more = chance.pick([anyCharacter(chance), ''])
    const changed = token.slice(0, at) + more + token.slice(at + chance.below(2))
    // Blanks around a token change nothing.
    return `Bearer ${tokens.includes(changed.trim()) ? `${token}A` : changed}`
  },
  // Cut, or with more at its end.
  (chance, { tokens }) => {
    const token = chance.pick(tokens)
    return `Bearer ${token.slice(0, chance.below(token.length))}`
  },
  (chance, { tokens }) =>
    `Bearer ${chance.pick(tokens)}${chance.pick(['A', '=', '==', '.', '.e30', '~', 'AAAA'])}`,
  // The parts of two tokens, or in another order.
  (chance, { tokens }) => {
    const [one, two] = [parts(chance.pick(tokens)), parts(chance.pick(tokens))]
    const mixed = chance.pick([
      [one[0], two[1], one[2]],
      [one[0], one[1], two[2]],
      [one[1], one[0], one[2]],
      [one[2], one[1], one[0]],
    ])
    const text = mixed.join('.')
    return `Bearer ${tokens.includes(text) ? `${text}A` : text}`
  },
  // Another header, or other claims, under a signature that was good.
  (chance, { tokens }) => {
    const [header, payload, signature] = parts(chance.pick(tokens))
    const made = JSON.parse(Buffer.from(header, 'base64url').toString()) as object
    return `Bearer ${encode(changedJson(chance, made, HEADER_NAMES))}.${payload}.${chance.pick([signature, '', 'AA'])}A`
  },
  (chance, { tokens, claims }) => {
    const [header, , signature] = parts(chance.pick(tokens))
    const good = chance.pick(claims)
    return `Bearer ${header}.${encode(changedJson(chance, good, Object.keys(good)))}.${signature}A`
  },
  // A signature of noise, of every length.
  (chance, { tokens }) => {
    const [header, payload] = parts(chance.pick(tokens))
    return `Bearer ${header}.${payload}.${chance.bytes(chance.pick([1, 32, 63, 64, 65, 255, 256, 257])).toString('base64url')}`
  },
  // Large and deep.
  (chance) => `Bearer ${chance.pick(['a', '.', 'a.', ' ', '=', 'Bearer ']).repeat(chance.below(12_000))}`,
  (chance, { tokens }) => {
    const [header, , signature] = parts(chance.pick(tokens))
    const depth = chance.below(6000)
    return `Bearer ${header}.${encode('[{"a":'.slice(0, 1 + chance.below(6)).repeat(depth))}.${signature}`
  },
]

/** A header that must not be let in. */
export const wildHeader = (chance: Chance, stock: Stock): string => chance.pick(MAKERS)(chance, stock)
