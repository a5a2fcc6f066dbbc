import {
  filtering,
  objectOf,
  type ObjectType,
  type Operator,
  type Property,
  type Row,
  selectedNames,
} from './object-type.ts'

export { fold } from './folding.ts'

const ALL: readonly Operator[] = ['eq', 'in', 'ge', 'le', 'startsWith']
const EQUAL: readonly Operator[] = ['eq', 'in']

// What Graph's table of filters by property of directory objects says (concepts/aad-advanced-queries).
const ALWAYS = filtering(ALL)
const ADVANCED = filtering([], ALL)
const ADDRESS = filtering(ALL, ['endsWith'])

/** A text with a folded copy of its own, and the comparisons it answers to. */
const text = (column: string, lengthMax: number, more: Partial<Property> = {}): Property => ({
  column,
  type: 'text',
  lengthMax,
  filterColumn: `${column}_key`,
  filtering: ALWAYS,
  search: 'start',
  ...more,
})

/** The properties of a user that this directory keeps, with Graph's limits (wire.md §13.4). */
export const USER_PROPERTIES: Readonly<Record<string, Property>> = {
  businessPhones: {
    column: 'business_phones',
    type: 'texts',
    lengthMax: 64,
    byDefault: true,
    filterColumn: 'business_phones_key',
    filtering: filtering(['eq', 'startsWith']),
  },
  displayName: text('display_name', 256, {
    required: true,
    byDefault: true,
    filtering: filtering(['eq', 'in', 'startsWith'], ['ge', 'le']),
    ordering: 'always',
    search: 'words',
  }),
  givenName: text('given_name', 64, { byDefault: true }),
  id: {
    column: 'id',
    type: 'text',
    lengthMax: 36,
    readOnly: true,
    byDefault: true,
    filterColumn: 'id',
    filtering: filtering(EQUAL),
  },
  jobTitle: text('job_title', 128, { byDefault: true }),
  mail: text('mail', 320, { byDefault: true, filtering: ADDRESS }),
  mobilePhone: text('mobile_phone', 64, { byDefault: true, filtering: ADVANCED }),
  officeLocation: text('office_location', 128, { byDefault: true, filtering: ADVANCED }),
  preferredLanguage: text('preferred_language', 10, { byDefault: true, filtering: ADVANCED }),
  surname: text('surname', 64, { byDefault: true }),
  userPrincipalName: text('user_principal_name', 113, {
    required: true,
    byDefault: true,
    filtering: ADDRESS,
    ordering: 'always',
  }),
  accountEnabled: {
    column: 'account_enabled',
    type: 'flag',
    lengthMax: 0,
    required: true,
    filtering: filtering(EQUAL),
  },
  companyName: text('company_name', 64, { filtering: ADVANCED }),
  createdDateTime: {
    column: 'created_at_ms',
    type: 'instant',
    lengthMax: 0,
    readOnly: true,
    filtering: filtering(['eq', 'ge', 'le'], ['in']),
    ordering: 'advanced',
  },
  department: text('department', 64),
  employeeId: text('employee_id', 16, { filtering: filtering(['eq', 'in', 'startsWith'], ['ge', 'le']) }),
  mailNickname: text('mail_nickname', 64, { required: true }),
  usageLocation: text('usage_location', 2),
}

/** People. */
export const USER: ObjectType = {
  name: 'User',
  typeName: 'user',
  table: 'user',
  properties: USER_PROPERTIES,
}

/** The names a `$select` of users asks for, or the default ones. @throws GraphError 400 for a name that does not exist. */
export const selectedProperties = (select: string | undefined): readonly string[] =>
  selectedNames(USER, select)

/** A row as the user object that Graph returns. */
export const userObject = (row: Row, names: readonly string[]): Record<string, unknown> =>
  objectOf(USER, row, names)
