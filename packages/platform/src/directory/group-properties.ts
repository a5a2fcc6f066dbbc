import { filtering, type ObjectType, type Operator, type Property } from './object-type.ts'

const ALL: readonly Operator[] = ['eq', 'in', 'ge', 'le', 'startsWith']
const EQUAL = filtering(['eq', 'in'])

const text = (column: string, lengthMax: number, more: Partial<Property> = {}): Property => ({
  column,
  type: 'text',
  lengthMax,
  filterColumn: `${column}_key`,
  filtering: filtering(ALL),
  search: 'start',
  byDefault: true,
  ...more,
})

const flag = (column: string, more: Partial<Property> = {}): Property => ({
  column,
  type: 'flag',
  lengthMax: 0,
  byDefault: true,
  filtering: EQUAL,
  ...more,
})

/** The properties of a group that this directory keeps, with Graph's limits (wire.md §13.4). */
export const GROUP: ObjectType = {
  name: 'Group',
  typeName: 'group',
  table: 'directory_group',
  properties: {
    id: {
      column: 'id',
      type: 'text',
      lengthMax: 36,
      readOnly: true,
      byDefault: true,
      filterColumn: 'id',
      filtering: EQUAL,
    },
    classification: text('classification', 64),
    createdDateTime: {
      column: 'created_at_ms',
      type: 'instant',
      lengthMax: 0,
      readOnly: true,
      byDefault: true,
    },
    description: text('description', 1024, { search: 'words' }),
    displayName: text('display_name', 256, {
      required: true,
      filtering: filtering(['eq', 'in', 'startsWith'], ['ge', 'le']),
      ordering: 'always',
      search: 'words',
    }),
    groupTypes: {
      column: 'group_types',
      type: 'texts',
      lengthMax: 32,
      entriesMax: 2,
      choices: ['Unified', 'DynamicMembership'],
      byDefault: true,
      onceOnly: true,
      filterColumn: 'group_types_key',
      filtering: filtering(['eq']),
    },
    isAssignableToRole: flag('is_assignable_to_role', { onceOnly: true }),
    mail: text('mail', 320, { readOnly: true, filtering: filtering(ALL, ['endsWith']) }),
    mailEnabled: flag('mail_enabled', { required: true }),
    mailNickname: text('mail_nickname', 64, { required: true }),
    securityEnabled: flag('security_enabled', { required: true }),
    visibility: {
      column: 'visibility',
      type: 'text',
      lengthMax: 32,
      choices: ['Private', 'Public', 'HiddenMembership'],
      byDefault: true,
    },
  },
}
