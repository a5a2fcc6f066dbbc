import { badRequest } from '../graph/errors.ts'

/** What a property of a directory object may hold. */
export type PropertyType = 'text' | 'flag' | 'texts'

export interface Property {
  readonly column: string
  readonly type: PropertyType
  /** Characters of a text, or of each text of a list. */
  readonly lengthMax: number
  readonly readOnly?: true
  /** Must be there at creation, and never null. */
  readonly required?: true
  /** Returned when no `$select` asks for anything. */
  readonly byDefault?: true
  /** The column, folded by {@link fold}, that `$filter` compares. */
  readonly filterColumn?: string
}

/** The properties of a user that this directory keeps, with Graph's limits (wire.md §13.4). */
export const USER_PROPERTIES: Readonly<Record<string, Property>> = {
  businessPhones: { column: 'business_phones', type: 'texts', lengthMax: 64, byDefault: true },
  displayName: { column: 'display_name', type: 'text', lengthMax: 256, required: true, byDefault: true },
  givenName: { column: 'given_name', type: 'text', lengthMax: 64, byDefault: true },
  id: { column: 'id', type: 'text', lengthMax: 36, readOnly: true, byDefault: true, filterColumn: 'id' },
  jobTitle: { column: 'job_title', type: 'text', lengthMax: 128, byDefault: true },
  mail: { column: 'mail', type: 'text', lengthMax: 320, byDefault: true },
  mobilePhone: { column: 'mobile_phone', type: 'text', lengthMax: 64, byDefault: true },
  officeLocation: { column: 'office_location', type: 'text', lengthMax: 128, byDefault: true },
  preferredLanguage: { column: 'preferred_language', type: 'text', lengthMax: 10, byDefault: true },
  surname: { column: 'surname', type: 'text', lengthMax: 64, byDefault: true },
  userPrincipalName: {
    column: 'user_principal_name',
    type: 'text',
    lengthMax: 113,
    required: true,
    byDefault: true,
    filterColumn: 'user_principal_name_key',
  },
  accountEnabled: { column: 'account_enabled', type: 'flag', lengthMax: 0, required: true },
  companyName: { column: 'company_name', type: 'text', lengthMax: 64 },
  createdDateTime: { column: 'created_at_ms', type: 'text', lengthMax: 0, readOnly: true },
  department: { column: 'department', type: 'text', lengthMax: 64 },
  employeeId: { column: 'employee_id', type: 'text', lengthMax: 16, filterColumn: 'employee_id_key' },
  mailNickname: { column: 'mail_nickname', type: 'text', lengthMax: 64, required: true },
  usageLocation: { column: 'usage_location', type: 'text', lengthMax: 2 },
}

/** Folds a text as Graph compares it: without regard to case. */
export const fold = (text: string): string => text.normalize('NFC').toLowerCase()

/** Turns the properties a client sent into column values. @throws GraphError 400 for any that is unknown or unfit. */
export function columnsOf(sent: Readonly<Record<string, unknown>>): Record<string, string | number | null> {
  const columns: Record<string, string | number | null> = {}
  for (const [name, value] of Object.entries(sent)) {
    const property = Object.hasOwn(USER_PROPERTIES, name) ? USER_PROPERTIES[name] : undefined
    if (!property)
      throw badRequest(`Property '${name.slice(0, 100)}' does not exist on type 'microsoft.graph.user'.`)
    if (property.readOnly) throw badRequest(`Property '${name}' is read-only and cannot be set.`)
    columns[property.column] = columnValue(name, value, property)
    if (property.filterColumn) columns[property.filterColumn] = typeof value === 'string' ? fold(value) : null
  }
  return columns
}

function columnValue(name: string, value: unknown, property: Property): string | number | null {
  if (value === null && !property.required) return property.type === 'texts' ? '[]' : null
  if (property.type === 'flag' && typeof value === 'boolean') return value ? 1 : 0
  if (property.type === 'text' && isText(value, property.lengthMax)) return value
  if (property.type === 'texts' && Array.isArray(value) && value.length <= 1) {
    if (value.every((entry) => isText(entry, property.lengthMax))) return JSON.stringify(value)
  }
  throw badRequest(`Invalid value specified for property '${name}' of resource 'User'.`)
}

// Empty texts are refused, as Graph refuses them: null is how a property is cleared.
function isText(value: unknown, lengthMax: number): value is string {
  return (
    typeof value === 'string' && value.length > 0 && value.length <= lengthMax && !/[\0\p{Cs}]/u.test(value)
  )
}

/** The names a `$select` asks for, or the default ones. @throws GraphError 400 for a name that does not exist. */
export function selectedProperties(select: string | undefined): readonly string[] {
  if (select === undefined || select === '*') {
    return Object.keys(USER_PROPERTIES).filter((name) => select === '*' || USER_PROPERTIES[name]?.byDefault)
  }
  const names = [...new Set(select.split(',').map((name) => name.trim()))]
  for (const name of names) {
    if (Object.hasOwn(USER_PROPERTIES, name)) continue
    throw badRequest(
      `Could not find a property named '${name.slice(0, 100)}' on type 'microsoft.graph.user'.`,
    )
  }
  return names
}

/** A row as the user object that Graph returns. */
export function userObject(
  row: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  const user: Record<string, unknown> = {}
  for (const name of names) {
    const property = USER_PROPERTIES[name]
    if (property) user[name] = propertyValue(name, row[property.column], property.type)
  }
  return user
}

function propertyValue(name: string, value: unknown, type: PropertyType): unknown {
  if (name === 'createdDateTime') return `${new Date(Number(value)).toISOString().slice(0, 19)}Z`
  if (type === 'flag') return value === 1
  if (type === 'texts') return JSON.parse(String(value))
  return value
}
