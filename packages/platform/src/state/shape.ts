/** What may stand in one property of a state file. */
export interface Field {
  readonly type:
    | 'guid'
    | 'text'
    | 'texts'
    | 'flag'
    | 'time'
    | 'number or null'
    | 'json'
    | 'name'
    | readonly [Shape]
  /** What it is when it is left out; a field without one must be there. */
  readonly otherwise?: unknown
}

/** The properties of one kind of entry. */
export type Shape = Readonly<Record<string, Field>>

/** An entry as the file has it, checked. */
export type Entry = Readonly<Record<string, unknown>>

const TEXT_LENGTH_MAX = 100_000
const LIST_MAX = 100_000
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= TEXT_LENGTH_MAX && !value.includes('\0')

/** What each type takes, and what it is called in a fault. */
const TYPES: Readonly<
  Record<Extract<Field['type'], string>, readonly [takes: (value: unknown) => boolean, needed: string]>
> = {
  guid: [(value) => isText(value) && GUID.test(value), 'a GUID in small letters'],
  text: [(value) => value === null || isText(value), 'a text or null'],
  name: [
    (value) => isText(value) && value.trim() !== '' && value.length <= 256,
    'a text of 1 to 256 characters',
  ],
  texts: [
    (value) => Array.isArray(value) && value.length <= LIST_MAX && value.every(isText),
    'a list of texts',
  ],
  flag: [(value) => typeof value === 'boolean', 'true or false'],
  time: [
    (value) => isText(value) && TIME.test(value) && !Number.isNaN(Date.parse(value)),
    'an instant, as 2026-09-21T14:00:00Z',
  ],
  'number or null': [(value) => value === null || Number.isSafeInteger(value), 'a whole number or null'],
  json: [(value) => typeof value === 'object', 'an object, a list or null'],
}

/** Checks one entry and returns it; what is wrong goes to `faults` by its path, and never by its value. */
export function readEntry(value: unknown, shape: Shape, path: string, faults: string[]): Entry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    faults.push(`${path}: an object is needed`)
    return {}
  }
  const entry: Record<string, unknown> = {}
  for (const name of Object.keys(value))
    if (!Object.hasOwn(shape, name))
      faults.push(`${path}.${name.slice(0, 100)}: no such property is known here`)
  for (const [name, field] of Object.entries(shape)) {
    const sent = Object.hasOwn(value, name) ? (value as Entry)[name] : undefined
    if (sent !== undefined) entry[name] = readField(sent, field, `${path}.${name}`, faults)
    else if (!('otherwise' in field)) faults.push(`${path}.${name}: it is missing`)
  }
  return entry
}

function readField(value: unknown, { type }: Field, path: string, faults: string[]): unknown {
  if (typeof type !== 'string') {
    if (Array.isArray(value) && value.length <= LIST_MAX)
      return value.map((one, index) => readEntry(one, type[0], `${path}[${index}]`, faults))
    faults.push(`${path}: a list is needed`)
    return []
  }
  const [takes, needed] = TYPES[type]
  if (!takes(value)) faults.push(`${path}: ${needed} is needed`)
  return value
}
