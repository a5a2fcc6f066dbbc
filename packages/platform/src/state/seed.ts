import { isDeepStrictEqual } from 'node:util'
import { joined } from '../store/joined.ts'
import { type ExportedState, exportState, operatorOf } from './export.ts'
import type { Entry } from './shape.ts'
import type { Parent, SeedContext, Seeding } from './seed-context.ts'
import { stateRefused, type StateFile } from './state-file.ts'
import {
  insertApplication,
  insertAssignment,
  insertCertificate,
  insertDomains,
  insertIdentity,
  insertPerson,
  insertPrincipal,
  insertSecret,
  insertTrust,
  insertTenantOf,
  secretDiffers,
} from './insert.ts'

/** One kind of entry: what tells two of them apart, and how one is written. Lists within it are kinds of their own. */
interface Kind {
  readonly list: string
  readonly keys: readonly string[]
  insert(context: SeedContext, entry: Entry, path: string, parent: Parent): Promise<string | void>
  readonly parts?: readonly Kind[]
  /** What the file does not show can differ, too. */
  differs?(context: SeedContext, entry: Entry, existing: Entry): Promise<boolean>
}

const CERTIFICATES: Kind = { list: 'certificates', keys: ['keyId', 'certificate'], insert: insertCertificate }
const SECRETS: Kind = {
  list: 'secrets',
  keys: ['keyId', 'displayName'],
  insert: insertSecret,
  differs: secretDiffers,
}

// Registrations of every tenant come first: a service principal may be of an application in another one.
const FIRST: readonly Kind[] = [
  {
    list: 'applications',
    keys: ['appId'],
    insert: insertApplication,
    parts: [CERTIFICATES, SECRETS, { list: 'federatedCredentials', keys: ['name'], insert: insertTrust }],
  },
  { list: 'managedIdentities', keys: ['appId'], insert: insertIdentity },
]
const THEN: readonly Kind[] = [
  {
    list: 'servicePrincipals',
    keys: ['appId'],
    insert: insertPrincipal,
    parts: [
      { ...CERTIFICATES, insert: (...of) => insertCertificate(...of, true) },
      { ...SECRETS, insert: (...of) => insertSecret(...of, true) },
    ],
  },
  { list: 'people', keys: ['userPrincipalName'], insert: insertPerson },
]
const LAST: readonly Kind[] = [
  { list: 'assignments', keys: ['principal', 'resource', 'role'], insert: insertAssignment },
]

/**
 * Writes what a state file names and is not there yet, in one transaction. What is there and says the same stays; what is not in the
 * file stays, too, so that a seed can be given at every start.
 *
 * @throws PlatformError `seed_contradicts` with every path at which something else is there; then nothing is written.
 */
export async function seedState(seeding: Seeding, file: StateFile): Promise<void> {
  await seeding.db.transaction().execute(async (transaction) => {
    const db = joined(transaction)
    const there = await exportState(db)
    const faults: string[] = []
    const operator = await operatorOf(db)
    for (const [index, tenant] of file.tenants.entries())
      await seedTenant(
        { ...seeding, db, faults, tenantId: String(tenant['id']) },
        { there, tenant, operator },
        index,
      )
    for (const kinds of [FIRST, THEN, LAST])
      for (const [index, tenant] of file.tenants.entries()) {
        const context = { ...seeding, db, faults, tenantId: String(tenant['id']) }
        const existing = tenantOf(there, context.tenantId)
        for (const kind of kinds)
          await seedList(context, kind, { wanted: tenant, existing, path: `$.tenants[${index}]` })
      }
    if (faults.length > 0)
      throw stateRefused(
        'Cannot use the seed, as what it names must not be there otherwise',
        faults,
        'seed_contradicts',
        'Correct the file, or give an empty data folder; nothing was written',
      )
  })
}

const tenantOf = (there: ExportedState, id: string): Entry =>
  (there.tenants as readonly Entry[]).find((tenant) => tenant['id'] === id) ?? {}

async function seedTenant(
  context: SeedContext,
  {
    there,
    tenant,
    operator,
  }: { readonly there: ExportedState; readonly tenant: Entry; readonly operator: string },
  index: number,
): Promise<void> {
  const existing = tenantOf(there, context.tenantId)
  if (existing['id'] === undefined) return insertTenantOf(context, tenant, `$.tenants[${index}]`, operator)
  const path = `$.tenants[${index}]`
  if (existing['displayName'] !== tenant['displayName'])
    context.faults.push(`${path}.displayName: another value is there`)
  const [[known, ...more], [domain, ...others]] = [domainsOf(existing), domainsOf(tenant)]
  if (known !== domain) context.faults.push(`${path}.domains[0]: another value is there`)
  await insertDomains(
    context,
    others.filter((name) => !more.includes(name)),
    path,
  )
}

const domainsOf = (tenant: Entry): readonly string[] =>
  (tenant['domains'] as readonly string[]).map((name) => name.toLowerCase())

interface Place {
  readonly wanted: Entry
  readonly existing: Entry
  readonly path: string
  readonly parent?: Parent
}

async function seedList(context: SeedContext, kind: Kind, place: Place): Promise<void> {
  const known = entriesOf(place.existing, kind.list)
  for (const [index, entry] of entriesOf(place.wanted, kind.list).entries()) {
    const path = `${place.path}.${kind.list}[${index}]`
    const existing = known.find((one) => isSame(kind, entry, one))
    let id = textOf(existing?.['id'])
    if (existing) await compare(context, kind, { wanted: entry, existing, path })
    else id = (await kind.insert(context, entry, path, place.parent ?? { id: '', appId: '' })) ?? ''
    const parent = { id, appId: textOf(entry['appId']) }
    for (const part of kind.parts ?? [])
      await seedList(context, part, { wanted: entry, existing: existing ?? {}, path, parent })
  }
}

/** The first key that both have decides, so that an entry may be named by its id or by its name. */
function isSame({ keys, list }: Kind, wanted: Entry, existing: Entry): boolean {
  if (list === 'assignments') return keys.every((key) => wanted[key] === existing[key])
  const key = keys.find((name) => wanted[name] !== undefined)
  return key !== undefined && wanted[key] === existing[key]
}

const NOT_KEPT = ['secretText', 'secretEnv', 'passwordEnv', 'passwordHash']

async function compare(context: SeedContext, kind: Kind, { wanted, existing, path }: Place): Promise<void> {
  const parts = (kind.parts ?? []).map(({ list }) => list)
  for (const [name, value] of Object.entries(wanted))
    if (!parts.includes(name) && !NOT_KEPT.includes(name) && !isDeepStrictEqual(value, existing[name]))
      context.faults.push(`${path}.${name}: another value is there`)
  if (await kind.differs?.(context, wanted, existing)) context.faults.push(`${path}: another secret is there`)
}

const entriesOf = (entry: Entry, list: string): readonly Entry[] => (entry[list] ?? []) as readonly Entry[]

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
