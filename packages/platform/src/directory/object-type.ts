import { badRequest } from '../graph/errors.ts'
import { fold, foldList, LIST_MARK } from './folding.ts'

/** What a property of a directory object may hold. */
export type PropertyType = 'text' | 'flag' | 'texts' | 'instant'

/** The comparisons that `$filter` knows; of a list, each of them is one inside `any()`. */
export type Operator = 'eq' | 'ne' | 'not' | 'in' | 'ge' | 'le' | 'startsWith' | 'endsWith' | 'null'

/** Which comparisons a property answers to: always, or in advanced queries alone. */
export interface Filtering {
  readonly always: readonly Operator[]
  readonly advanced: readonly Operator[]
}

/** One property of a kind of directory object: where it is kept, what it may hold, and how it can be asked for. */
export interface Property {
  readonly column: string
  readonly type: PropertyType
  /** Characters of a text, or of each text of a list. */
  readonly lengthMax: number
  /** Entries of a list. Default 1. */
  readonly entriesMax?: number
  readonly readOnly?: true
  /** May be set at creation, and never again. */
  readonly onceOnly?: true
  /** Must be there at creation, and never null. */
  readonly required?: true
  /** The only values there are. */
  readonly choices?: readonly string[]
  /** Returned when no `$select` asks for anything. */
  readonly byDefault?: true
  /** The column that `$filter` and `$search` compare, folded by {@link fold}. Default: the property's own, as it is. */
  readonly filterColumn?: string
  /** Whether there is no folded copy, so that the database folds it: the letters A to Z at least. */
  readonly unfolded?: true
  readonly filtering?: Filtering
  readonly ordering?: 'always' | 'advanced'
  /** Whether `$search` looks at the start of each word, or of the whole text alone. */
  readonly search?: 'words' | 'start'
}

/** What a `$filter` must know of a kind of object. */
export interface FilteredType {
  /** As Graph's errors name it. */
  readonly name: string
  readonly properties: Readonly<Record<string, Property>>
}

/** A kind of directory object: its names and its properties. */
export interface ObjectType extends FilteredType {
  readonly name: 'User' | 'Group'
  /** As types are named in URLs and in `@odata.type`. */
  readonly typeName: 'user' | 'group'
  readonly table: 'user' | 'directory_group'
}

/** A row of a table of directory objects, by column. */
export type Row = Readonly<Record<string, unknown>>

/** A property that the type has, or none: every object also answers to `toString`. */
export const propertyOf = ({ properties }: FilteredType, name: string): Property | undefined =>
  Object.hasOwn(properties, name) ? properties[name] : undefined

/** 400 for a value that does not fit a property. */
export const invalidValue = (type: ObjectType, name: string) =>
  badRequest(`Invalid value specified for property '${name}' of resource '${type.name}'.`)

/** 400 for a property that must be there. */
export const missingValue = (type: ObjectType, name: string) =>
  badRequest(`A value is required for property '${name}' of resource '${type.name}'.`)

/** The values that properties have in a row. */
export type Columns = Record<string, string | number | null>

/**
 * Turns the properties a client sent into column values.
 *
 * @throws GraphError 400 for any that is unknown or unfit, cannot be set, or is missing at creation.
 */
export function columnsOf(
  type: ObjectType,
  sent: Readonly<Record<string, unknown>>,
  when: 'creation' | 'change' = 'change',
): Columns {
  const columns: Columns = {}
  for (const [name, value] of Object.entries(sent)) {
    const property = propertyOf(type, name)
    if (!property)
      throw badRequest(
        `Property '${name.slice(0, 100)}' does not exist on type 'microsoft.graph.${type.typeName}'.`,
      )
    if (property.readOnly || (property.onceOnly && when === 'change'))
      throw badRequest(`Property '${name}' is read-only and cannot be set.`)
    columns[property.column] = columnValue(type, name, value)
    if (property.filterColumn && property.filterColumn !== property.column)
      columns[property.filterColumn] = keyValue(value, property)
  }
  if (when === 'creation')
    for (const [name, { required }] of Object.entries(type.properties))
      if (required && sent[name] === undefined) throw missingValue(type, name)
  return columns
}

function columnValue(type: ObjectType, name: string, value: unknown): string | number | null {
  const property = type.properties[name] as Property
  if (value === null && !property.required) return property.type === 'texts' ? '[]' : null
  if (property.type === 'flag' && typeof value === 'boolean') return value ? 1 : 0
  if (property.type === 'text' && isText(value, property)) return value
  if (property.type === 'texts' && Array.isArray(value) && value.length <= (property.entriesMax ?? 1)) {
    const fit = value.every((entry) => isText(entry, property) && !entry.includes(LIST_MARK))
    if (fit && new Set(value).size === value.length) return JSON.stringify(value)
  }
  throw invalidValue(type, name)
}

function keyValue(value: unknown, { type }: Property): string | null {
  if (type === 'texts') return foldList(Array.isArray(value) ? (value as string[]) : [])
  return typeof value === 'string' ? fold(value) : null
}

// Empty texts are refused, as Graph refuses them: null is how a property is cleared.
function isText(value: unknown, { lengthMax, choices }: Property): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= lengthMax &&
    !/[\0\p{Cs}]/u.test(value) &&
    choices?.includes(value) !== false
  )
}

/** The names a `$select` asks for, or the default ones. @throws GraphError 400 for a name that does not exist. */
export function selectedNames(type: ObjectType, select: string | undefined): readonly string[] {
  if (select === undefined || select === '*')
    return Object.keys(type.properties).filter((name) => select === '*' || type.properties[name]?.byDefault)
  const names = [...new Set(select.split(',').map((name) => name.trim()))]
  for (const name of names) {
    if (propertyOf(type, name)) continue
    throw badRequest(
      `Could not find a property named '${name.slice(0, 100)}' on type 'microsoft.graph.${type.typeName}'.`,
    )
  }
  return names
}

/** A row as the object that Graph returns. */
export function objectOf(type: ObjectType, row: Row, names: readonly string[]): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const name of names) {
    const property = type.properties[name]
    if (property) object[name] = propertyValue(row[property.column], property.type)
  }
  return object
}

/** A row as an entry of a collection that holds objects of several types. */
export const typedObject = (type: ObjectType, row: Row, names: readonly string[]): object => ({
  '@odata.type': `#microsoft.graph.${type.typeName}`,
  ...objectOf(type, row, names),
})

function propertyValue(value: unknown, type: PropertyType): unknown {
  if (value === null || value === undefined) return null
  if (type === 'instant') return `${new Date(Number(value)).toISOString().slice(0, 19)}Z`
  if (type === 'flag') return value === 1
  if (type === 'texts') return JSON.parse(value as string)
  return value
}

const ADVANCED_EVER: readonly Operator[] = ['ne', 'not', 'null']

/** Which comparisons a property answers to, as Graph documents them: `ne`, `not` and null are always advanced. */
export const filtering = (always: readonly Operator[], advanced: readonly Operator[] = []): Filtering => ({
  always,
  advanced: [...advanced, ...ADVANCED_EVER],
})
