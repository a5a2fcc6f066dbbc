import { nearest } from './nearest.ts'
import type { Choice, List, Named, OneOf, Rule, Section, Text, Whole } from './shape.ts'

/** One thing that is wrong with a configuration. Neither half repeats a value: it may be a secret in the wrong place. */
export interface Fault {
  /** Such as `identity.credentials[0].secretFile`. */
  readonly path: string
  readonly said: string
}

/** Finds every fault of a value; none, and the value is what the rule describes. */
export function faultsIn(value: unknown, rule: Rule, path = ''): readonly Fault[] {
  const refuse = (needed: string, found = foundType(value)): readonly Fault[] => [
    { path, said: `${needed} is needed, found ${found}` },
  ]
  switch (rule.kind) {
    case 'text':
      return fitsText(value, rule) ? [] : refuse(rule.needed)
    case 'choice':
      return fitsChoice(value, rule) ? [] : refuse(`one of ${rule.choices.join(', ')}`)
    case 'flag':
      return typeof value === 'boolean' ? [] : refuse('true or false')
    case 'whole':
      return fitsWhole(value, rule) ? [] : refuse(`a whole number from ${rule.min} to ${rule.max}`)
    case 'list':
      return Array.isArray(value) ? faultsInList(value, rule, path) : refuse('a list')
    case 'named':
      return isObject(value) ? faultsInNamed(value, rule, path) : refuse('an object')
    case 'section':
      return isObject(value) ? faultsInSection(value, rule, path) : refuse('an object')
    case 'oneOf':
      return isObject(value) ? faultsInOneOf(value, rule, path) : refuse('an object')
  }
}

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** As JSON Schema counts: characters, not the halves that UTF-16 makes of some. */
const fitsText = (value: unknown, { pattern, lengthMax }: Text) =>
  typeof value === 'string' && Array.from(value).length <= lengthMax && new RegExp(pattern, 'u').test(value)

const fitsChoice = (value: unknown, { choices }: Choice) =>
  typeof value === 'string' && choices.includes(value)

const fitsWhole = (value: unknown, { min, max }: Whole) =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max

function faultsInList(value: readonly unknown[], { of, itemsMax }: List, path: string): readonly Fault[] {
  if (value.length > itemsMax)
    return [{ path, said: `a list of at most ${itemsMax} is needed, found ${value.length}` }]
  return Array.from(value).flatMap((item, index) => faultsIn(item, of, `${path}[${index}]`))
}

function faultsInNamed(value: Fields, { name, of, namesMax }: Named, path: string): readonly Fault[] {
  const entries = present(value)
  if (entries.length > namesMax)
    return [{ path, said: `at most ${namesMax} names are allowed, found ${entries.length}` }]
  return entries.flatMap(([key, item]) =>
    fitsText(key, name)
      ? faultsIn(item, of, below(path, key))
      : [{ path: below(path, key), said: `${name.needed} is needed as the key` }],
  )
}

function faultsInSection(value: Fields, { keys, required }: Section, path: string): readonly Fault[] {
  const entries = present(value)
  const missing = required.filter((key) => !entries.some(([name]) => name === key))
  return [
    ...entries.flatMap(([key, item]) => {
      const rule = Object.hasOwn(keys, key) ? keys[key] : undefined
      return rule ? faultsIn(item, rule, below(path, key)) : [unknownKey(key, Object.keys(keys), path)]
    }),
    ...missing.map((key) => ({ path: below(path, key), said: 'a value is needed, found none' })),
  ]
}

function faultsInOneOf(value: Fields, { by }: OneOf, path: string): readonly Fault[] {
  const choices = Object.keys(by)
  const names = present(value).map(([name]) => name)
  const chosen = choices.filter((key) => names.includes(key))
  const section = chosen.length === 1 ? by[chosen[0] ?? ''] : undefined
  if (section) return faultsInSection(value, section, path)
  if (chosen.length > 1)
    return [{ path, said: `exactly one of ${choices.join(', ')} is needed, found ${chosen.join(' and ')}` }]
  const known = Object.values(by).flatMap(({ keys }) => Object.keys(keys))
  const strange = names.filter((name) => !known.includes(name))
  if (strange.length > 0) return strange.map((name) => unknownKey(name, known, path))
  return [{ path, said: `one of ${choices.join(', ')} is needed, found none` }]
}

/** A key without a value, which code may have, is no key. */
const present = (value: Fields) => Object.entries(value).filter(([, item]) => item !== undefined)

const SECRET_KEY = /secret|password|passphrase|private_?key|token|assertion|^pem$|^pfx$/i
const IN_ITS_PLACE = /(File|Env)$/

function unknownKey(key: string, known: readonly string[], path: string): Fault {
  const elsewhere = [...new Set(known.filter((name) => IN_ITS_PLACE.test(name)))]
  const meant = nearest(key, known)
  if (SECRET_KEY.test(key) && !(meant !== undefined && IN_ITS_PLACE.test(key))) {
    const where = elsewhere.length === 0 ? '' : ` (${elsewhere.join(', ')})`
    return {
      path: below(path, key),
      said: `no secret may stand in a configuration, put it into a file or the environment${where}`,
    }
  }
  const suggestion =
    meant === undefined ? `known are ${[...new Set(known)].join(', ')}` : `did you mean ${meant}?`
  return { path: below(path, key), said: `unknown key, ${suggestion}` }
}

const KEY_CHARACTERS_MAX = 60

function below(path: string, key: string): string {
  const short = key.length > KEY_CHARACTERS_MAX ? `${key.slice(0, KEY_CHARACTERS_MAX)}…` : key
  if (!/^[$\w-]+…?$/.test(short)) return `${path}[${JSON.stringify(short)}]`
  return path === '' ? short : `${path}.${short}`
}

function foundType(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return 'another text'
  if (typeof value === 'number') return 'another number'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
