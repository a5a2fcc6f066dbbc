import { DrillError } from '../drill/fault.ts'
import { readScript, type ScriptedFault } from '../drill/script.ts'
import { USER } from '../directory/properties.ts'
import { GROUP } from '../directory/group-properties.ts'
import type { ObjectType } from '../directory/object-type.ts'
import { PlatformError } from '../errors.ts'
import { type Entry, type Field, readEntry, type Shape } from './shape.ts'

const SECRET = {
  keyId: { type: 'guid', otherwise: undefined },
  displayName: { type: 'text', otherwise: null },
  hint: { type: 'text', otherwise: '' },
  startDateTime: { type: 'time', otherwise: undefined },
  endDateTime: { type: 'time', otherwise: undefined },
  secretText: { type: 'name', otherwise: undefined },
  secretEnv: { type: 'name', otherwise: undefined },
} as const satisfies Shape

const CERTIFICATE = {
  keyId: { type: 'guid', otherwise: undefined },
  displayName: { type: 'text', otherwise: null },
  certificate: { type: 'name', otherwise: undefined },
} as const satisfies Shape

/** DER in base64 is longer than a name may be. */
const CERTIFICATE_TEXT = { ...CERTIFICATE, certificate: { type: 'text' } } as const satisfies Shape

const FEDERATED = {
  id: { type: 'guid', otherwise: undefined },
  name: { type: 'name' },
  issuer: { type: 'text' },
  subject: { type: 'text' },
  audience: { type: 'text' },
  description: { type: 'text', otherwise: null },
} as const satisfies Shape

const APPLICATION = {
  appId: { type: 'guid' },
  id: { type: 'guid', otherwise: undefined },
  displayName: { type: 'name' },
  signInAudience: { type: 'name', otherwise: 'AzureADMyOrg' },
  identifierUris: { type: 'texts', otherwise: [] },
  redirectUris: { type: 'texts', otherwise: [] },
  appRoles: { type: 'json', otherwise: [] },
  requiredResourceAccess: { type: 'json', otherwise: [] },
  requestedAccessTokenVersion: { type: 'number or null', otherwise: null },
  properties: { type: 'json', otherwise: {} },
  isDisabled: { type: 'flag', otherwise: false },
  certificates: { type: [CERTIFICATE_TEXT], otherwise: [] },
  secrets: { type: [SECRET], otherwise: [] },
  federatedCredentials: { type: [FEDERATED], otherwise: [] },
  owners: { type: 'texts', otherwise: [] },
} as const satisfies Shape

const IDENTITY = {
  appId: { type: 'guid' },
  id: { type: 'guid', otherwise: undefined },
  name: { type: 'name' },
  kind: { type: 'name' },
  resourceId: { type: 'name' },
  owners: { type: 'texts', otherwise: [] },
} as const satisfies Shape

const PRINCIPAL = {
  appId: { type: 'guid' },
  id: { type: 'guid', otherwise: undefined },
  accountEnabled: { type: 'flag', otherwise: true },
  appRoleAssignmentRequired: { type: 'flag', otherwise: false },
  properties: { type: 'json', otherwise: {} },
  risk: { type: 'text', otherwise: null },
  certificates: { type: [CERTIFICATE_TEXT], otherwise: [] },
  secrets: { type: [SECRET], otherwise: [] },
  owners: { type: 'texts', otherwise: [] },
} as const satisfies Shape

const ASSIGNMENT = {
  principal: { type: 'guid' },
  resource: { type: 'guid' },
  role: { type: 'guid' },
} as const satisfies Shape

const DIRECTORY_ROLE = {
  principal: { type: 'name' },
  role: { type: 'guid' },
} as const satisfies Shape

const FIELD_TYPES = { text: 'text', texts: 'texts', flag: 'flag', instant: 'time' } as const

/** What the directory lets be set of an object, each as a field that may be left out. */
const settable = ({ properties }: ObjectType): Shape =>
  Object.fromEntries(
    Object.entries(properties)
      .filter(([, { readOnly }]) => readOnly === undefined)
      .map(([name, { type }]): [string, Field] => [name, { type: FIELD_TYPES[type], otherwise: undefined }]),
  )

const PERSON: Shape = {
  ...settable(USER),
  id: { type: 'guid', otherwise: undefined },
  userPrincipalName: { type: 'name' },
  displayName: { type: 'name' },
  manager: { type: 'name', otherwise: undefined },
  administrator: { type: 'flag', otherwise: undefined },
  passwordHash: { type: 'name', otherwise: undefined },
  passwordEnv: { type: 'name', otherwise: undefined },
}

const GROUP_ENTRY: Shape = {
  ...settable(GROUP),
  id: { type: 'guid', otherwise: undefined },
  displayName: { type: 'name' },
  mailNickname: { type: 'name' },
  members: { type: 'texts', otherwise: [] },
  owners: { type: 'texts', otherwise: [] },
}

const POLICY = {
  id: { type: 'guid' },
  kind: { type: 'name' },
  policy: { type: 'json' },
  applications: { type: 'texts', otherwise: [] },
  servicePrincipals: { type: 'texts', otherwise: [] },
} as const satisfies Shape

/** What may stand in a tenant of a state file, with what each property is when it is left out. */
export const TENANT = {
  id: { type: 'guid' },
  displayName: { type: 'name' },
  domains: { type: 'texts' },
  refuseRepeatedAssertions: { type: 'flag', otherwise: undefined },
  applications: { type: [APPLICATION], otherwise: [] },
  managedIdentities: { type: [IDENTITY], otherwise: [] },
  servicePrincipals: { type: [PRINCIPAL], otherwise: [] },
  assignments: { type: [ASSIGNMENT], otherwise: [] },
  directoryRoles: { type: [DIRECTORY_ROLE], otherwise: [] },
  people: { type: [PERSON], otherwise: [] },
  groups: { type: [GROUP_ENTRY], otherwise: [] },
  policies: { type: [POLICY], otherwise: [] },
} as const satisfies Shape

const FILE = {
  version: { type: 'number or null' },
  tenants: { type: [TENANT] },
  drills: { type: 'json', otherwise: [] },
} as const satisfies Shape

/** A state file that has been checked. */
export interface StateFile {
  readonly tenants: readonly Entry[]
  readonly drills: readonly ScriptedFault[]
}

const FAULTS_MAX = 20

/** Why a state file cannot be used, by the paths in it and never by a value. */
export function stateRefused(attempt: string, faults: readonly string[], code: string, hint: string) {
  const more = faults.length > FAULTS_MAX ? [`and ${faults.length - FAULTS_MAX} more`] : []
  return new PlatformError(`${attempt}: ${[...faults.slice(0, FAULTS_MAX), ...more].join('; ')}`, {
    code,
    hint,
  })
}

/**
 * Reads a state file: JSON, of the kind that `exportState` writes.
 *
 * @throws PlatformError `seed_invalid` with every fault by its path.
 */
export function readStateFile(value: unknown): StateFile {
  const faults: string[] = []
  const file = readEntry(value, FILE, '$', faults)
  if (file['version'] !== undefined && file['version'] !== 1) faults.push('$.version: 1 is needed')
  const { tenants = [], drills = [] } = file
  const script = scriptOf(drills, faults)
  for (const [index, { domains }] of (tenants as readonly Entry[]).entries())
    if (Array.isArray(domains) && domains.length === 0)
      faults.push(`$.tenants[${index}].domains: one is needed`)
  if (faults.length > 0)
    throw stateRefused(
      'Cannot use the seed, as it must be a state file',
      faults,
      'seed_invalid',
      'Correct the file',
    )
  return { tenants: tenants as readonly Entry[], drills: script }
}

function scriptOf(drills: unknown, faults: string[]): readonly ScriptedFault[] {
  try {
    if (Array.isArray(drills)) return readScript(drills)
    faults.push('$.drills: a list is needed')
  } catch (error) {
    if (!(error instanceof DrillError)) throw error
    faults.push(error.message)
  }
  return []
}

/** The tenant that a new data folder starts with: the first of the file. */
export function firstTenantOf({ tenants: [first] }: StateFile) {
  if (!first) return undefined
  const { id, displayName, domains } = first as {
    id: string
    displayName: string
    domains: readonly string[]
  }
  return { id, displayName, domain: (domains[0] ?? '').toLowerCase() }
}
