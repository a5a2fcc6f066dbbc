import { fold } from '../directory/folding.ts'
import { CERTIFICATE_AUTHORITIES } from '../policy/certificate-authorities.ts'
import { joined } from '../store/joined.ts'
import { type ExportedState, exportState, operatorOf } from './export.ts'
import type { Entry } from './shape.ts'
import { agrees } from './agrees.ts'
import { type Parent, type SeedContext, type Seeding, textIn } from './seed-context.ts'
import { stateRefused, type StateFile } from './state-file.ts'
import {
  insertApplication,
  insertAssignment,
  insertDirectoryRole,
  insertDomains,
  insertIdentity,
  insertPrincipal,
  insertTenantOf,
} from './insert.ts'
import { insertCertificate, insertSecret, insertTrust, secretDiffers } from './insert-credentials.ts'
import { insertGroup, insertPerson } from './insert-directory.ts'
import { insertPolicy, policyDiffers } from './insert-policy.ts'
import { LINK_LISTS, type Placed, seedLinks } from './links.ts'

/** One kind of entry: what tells two of them apart, and how one is written. Lists within it are kinds of their own. */
interface Kind {
  readonly list: string
  readonly keys: readonly string[]
  /** Which entries of the list are meant; all, if it does not say. */
  includes?(entry: Entry): boolean
  insert(context: SeedContext, entry: Entry, path: string, parent: Parent): Promise<string | void>
  readonly parts?: readonly Kind[]
  /** What cannot be compared as it stands can differ, too. */
  readonly what?: string
  differs?(context: SeedContext, entry: Entry, existing: Entry): Promise<boolean>
}

const CERTIFICATES: Kind = { list: 'certificates', keys: ['keyId', 'certificate'], insert: insertCertificate }
const SECRETS: Kind = {
  list: 'secrets',
  keys: ['keyId', 'displayName'],
  insert: insertSecret,
  what: 'secret',
  differs: secretDiffers,
}

const POLICIES: Kind = {
  list: 'policies',
  keys: ['id'],
  insert: insertPolicy,
  what: 'policy',
  differs: policyDiffers,
}
const holdsAuthorities = (entry: Entry) => entry['kind'] === CERTIFICATE_AUTHORITIES

// Registrations of every tenant come first: a service principal may be of an application in another one. They name authorities.
const FIRST: readonly Kind[] = [
  { ...POLICIES, includes: holdsAuthorities },
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
  { list: 'groups', keys: ['id', 'mailNickname'], insert: insertGroup },
  { ...POLICIES, includes: (entry) => !holdsAuthorities(entry) },
]
const LAST: readonly Kind[] = [
  { list: 'assignments', keys: ['principal', 'resource', 'role'], insert: insertAssignment },
  { list: 'directoryRoles', keys: ['principal', 'role'], insert: insertDirectoryRole },
]

/**
 * Writes what a state file names and is not there yet, in one transaction. What is there and says the same stays; what is not in the
 * file stays, too, so that a seed can be given at every start.
 *
 * @throws PlatformError `seed_contradicts` with every path at which something else is there or cannot be; then nothing is written.
 */
export async function seedState(seeding: Seeding, file: StateFile): Promise<void> {
  await seeding.db.transaction().execute(async (transaction) => {
    const faults: string[] = []
    try {
      await seedTenants({ ...seeding, db: joined(transaction), faults }, file)
    } catch (error) {
      // A statement that fails ends a transaction of PostgreSQL: what came before it says why.
      if (faults.length === 0) throw error
    }
    if (faults.length > 0)
      throw stateRefused(
        'Cannot use the seed, as each entry must be valid and not be there otherwise',
        faults,
        'seed_contradicts',
        'Correct the file, or give an empty data folder; nothing was written',
      )
  })
}

async function seedTenants(seeding: Omit<SeedContext, 'tenantId'>, { tenants }: StateFile): Promise<void> {
  const there = await exportState(seeding.db)
  const operator = await operatorOf(seeding.db)
  const placed = new Map<Entry, Placed>()
  const each = async (act: (context: SeedContext, tenant: Entry, index: number) => Promise<void>) => {
    for (const [index, tenant] of tenants.entries())
      await act({ ...seeding, tenantId: String(tenant['id']) }, tenant, index)
  }
  await each((context, tenant, index) => seedTenant(context, { there, tenant, operator }, index))
  for (const kinds of [FIRST, THEN, LAST])
    await each(async (context, wanted, index) => {
      const existing = tenantOf(there, context.tenantId)
      for (const kind of kinds)
        await seedList(context, kind, { wanted, existing, placed, path: `$.tenants[${index}]` })
    })
  await each((context, tenant, index) => seedLinks(context, tenant, placed, `$.tenants[${index}]`))
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
  for (const name of ['displayName', 'refuseRepeatedAssertions'])
    if (tenant[name] !== undefined && existing[name] !== tenant[name])
      context.faults.push(`${path}.${name}: another value is there`)
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
  readonly placed: Map<Entry, Placed>
  readonly path: string
  readonly parent?: Parent
}

async function seedList(context: SeedContext, kind: Kind, place: Place): Promise<void> {
  const known = entriesOf(place.existing, kind.list)
  for (const [index, entry] of entriesOf(place.wanted, kind.list).entries()) {
    if (kind.includes?.(entry) === false) continue
    const path = `${place.path}.${kind.list}[${index}]`
    const existing = known.find((one) => isSame(kind, entry, one))
    let id = textIn(existing ?? {}, 'id')
    if (existing) await compare(context, kind, { wanted: entry, existing, path })
    else id = await insert(context, kind, { entry, path, parent: place.parent ?? { id: '', appId: '' } })
    place.placed.set(entry, { id, existing: existing ?? {} })
    const parent = { id, appId: textIn(entry, 'appId') }
    for (const part of id === '' ? [] : (kind.parts ?? []))
      await seedList(context, part, {
        wanted: entry,
        existing: existing ?? {},
        placed: place.placed,
        path,
        parent,
      })
  }
}

async function insert(
  context: SeedContext,
  kind: Kind,
  { entry, path, parent }: { readonly entry: Entry; readonly path: string; readonly parent: Parent },
): Promise<string> {
  try {
    return (await kind.insert(context, entry, path, parent)) ?? ''
  } catch (error) {
    if (error instanceof Error && /\bconstraint\b/i.test(error.message))
      context.faults.push(`${path}: an id or a name of it is that of something else; give it one of its own`)
    throw error
  }
}

const folded = (value: unknown) => (typeof value === 'string' ? fold(value) : value)

// Entries that are nothing but who has what.
const LINKING = ['assignments', 'directoryRoles']

/** The first key that both have decides, so that an entry may be named by its id or by its name. */
function isSame({ keys, list }: Kind, wanted: Entry, existing: Entry): boolean {
  if (LINKING.includes(list)) return keys.every((key) => folded(wanted[key]) === folded(existing[key]))
  const key = keys.find((name) => wanted[name] !== undefined)
  return key !== undefined && folded(wanted[key]) === folded(existing[key])
}

// A policy is compared as the rules of Graph read it, and a secret by its hash.
const NOT_COMPARED = ['secretText', 'secretEnv', 'passwordEnv', 'passwordHash', 'policy', ...LINK_LISTS]

interface Compared {
  readonly wanted: Entry
  readonly existing: Entry
  readonly path: string
}

async function compare(
  context: SeedContext,
  kind: Kind,
  { wanted, existing, path }: Compared,
): Promise<void> {
  const parts = (kind.parts ?? []).map(({ list }) => list)
  for (const [name, value] of Object.entries(wanted))
    if (!parts.includes(name) && !NOT_COMPARED.includes(name) && !agrees(value, existing[name]))
      context.faults.push(`${path}.${name}: another value is there`)
  if (await kind.differs?.(context, wanted, existing))
    context.faults.push(`${path}: another ${kind.what ?? 'value'} is there`)
}

const entriesOf = (entry: Entry, list: string): readonly Entry[] => (entry[list] ?? []) as readonly Entry[]
