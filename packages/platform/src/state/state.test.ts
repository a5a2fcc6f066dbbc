// The state as a file: what an export holds and never holds, and that a seed makes the same state again.
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { systemNow } from '../clock.ts'
import { GRAPH_APP_ID, GRAPH_ROLES, GRAPH_TENANT_ID } from '../registration/graph-application.ts'
import { matchesSecret, matchesShortSecret } from '../registration/client-secret.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { makeSelfSigned } from '../tls/certificates.ts'
import { temporaryFolder } from '../test-support.ts'
import { exportState } from './export.ts'
import { seedState } from './seed.ts'
import { readStateFile } from './state-file.ts'

const NOW_MS = Date.UTC(2026, 8, 21)
const TENANT = '11111111-aaaa-4aaa-8aaa-000000000001'
const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'
const LONG_SECRET = 'a-secret-of-more-than-thirty-two-characters'
const SHORT_SECRET = 'short'

let certificate: string
before(async () => {
  const made = await makeSelfSigned('seeded', {
    notBeforeMs: systemNow(),
    notAfterMs: systemNow() + 86_400_000,
  })
  certificate = new X509Certificate(made.certificate).raw.toString('base64')
})

let folders: string[] = []
let open: Database[] = []
let db: Database
beforeEach(async () => {
  db = await emptyDatabase()
})
afterEach(async () => {
  for (const one of open) await one.destroy()
  open = []
})
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
  folders = []
})

/** A database with nothing but Graph in it, as every start makes it. */
async function emptyDatabase(): Promise<Database> {
  const folder = await temporaryFolder()
  folders.push(folder)
  const database = await openDatabase(folder)
  open.push(database)
  await database
    .insertInto('application')
    .values({
      id: '33333333-cccc-4ccc-8ccc-000000000003',
      app_id: GRAPH_APP_ID,
      tenant_id: GRAPH_TENANT_ID,
      display_name: 'Microsoft Graph',
      sign_in_audience: 'AzureADMultipleOrgs',
      identifier_uris: '[]',
      app_roles: '[]',
      required_resource_access: '[]',
      requested_access_token_version: null,
      created_at_ms: NOW_MS,
    })
    .execute()
  return database
}

const seed = (database: Database, file: unknown, environment: Record<string, string> = {}) =>
  seedState({ db: database, nowMs: NOW_MS, environment }, readStateFile(file))

/** A small state, with changes to its only tenant and application. */
const state = (application: object = {}, tenant: object = {}) => ({
  version: 1,
  tenants: [
    {
      id: TENANT,
      displayName: 'Contoso',
      domains: ['contoso.example', 'contoso.test'],
      applications: [{ appId: CLIENT, displayName: 'nightly-sync', ...application }],
      servicePrincipals: [{ appId: CLIENT }],
      assignments: [{ principal: CLIENT, resource: GRAPH_APP_ID, role: GRAPH_ROLES['User.Read.All'].id }],
      ...tenant,
    },
  ],
})

describe('a seed', () => {
  it('makes tenants, registrations, credentials, grants, identities and people', async () => {
    const trust = { name: 'cluster', issuer: 'https://i.example', subject: 's', audience: 'api://x' }
    const identity = {
      appId: '44444444-dddd-4ddd-8ddd-000000000004',
      name: 'machine',
      kind: 'system',
      resourceId: '/subscriptions/x',
    }
    const person = { userPrincipalName: 'adele@contoso.example', displayName: 'Adele' }
    await seed(
      db,
      state(
        {
          certificates: [{ certificate }],
          secrets: [{ displayName: 'ci', secretEnv: 'CI_SECRET' }],
          federatedCredentials: [trust],
        },
        {
          managedIdentities: [identity],
          people: [{ ...person, administrator: true, passwordEnv: 'PASSWORD' }],
        },
      ),
      { CI_SECRET: LONG_SECRET, PASSWORD: 'twelve-letters-and-more' },
    )
    const { tenants } = await exportState(db)
    const [tenant] = tenants as readonly Record<string, readonly Record<string, unknown>[]>[]
    const [application = {}] = tenant?.['applications'] ?? []
    const [kept] = application['secrets'] as readonly Record<string, unknown>[]
    assert.equal(tenants.length, 1)
    assert.deepEqual(tenant?.['domains'], ['contoso.example', 'contoso.test'])
    assert.deepEqual([kept?.['displayName'], kept?.['hint']], ['ci', 'a-s'])
    assert.equal((application['certificates'] as object[]).length, 1)
    assert.equal((application['federatedCredentials'] as object[]).length, 1)
    assert.equal(tenant?.['servicePrincipals']?.length, 1)
    assert.equal(tenant?.['managedIdentities']?.[0]?.['name'], 'machine')
    assert.deepEqual(tenant?.['assignments'], state().tenants[0]?.assignments)
    assert.equal(tenant?.['people']?.[0]?.['administrator'], true)
  })

  it('given again changes nothing, and adds what is new', async () => {
    await seed(db, state({ secrets: [{ displayName: 'ci', secretText: SHORT_SECRET }] }))
    const first = await exportState(db)
    await seed(db, state({ secrets: [{ displayName: 'ci', secretText: SHORT_SECRET }] }))
    assert.deepEqual(await exportState(db), first)
    const more = state({}, { people: [{ userPrincipalName: 'a@contoso.example', displayName: 'A' }] })
    await seed(db, more)
    const [tenant] = (await exportState(db)).tenants as readonly { readonly people: object[] }[]
    assert.equal(tenant?.people.length, 1)
  })

  it('that contradicts what is there is refused with every path, and writes nothing', async () => {
    await seed(db, state({ secrets: [{ displayName: 'ci', secretText: LONG_SECRET }] }))
    const before = await exportState(db)
    const other = state(
      { displayName: 'other', isDisabled: true, secrets: [{ displayName: 'ci', secretText: SHORT_SECRET }] },
      { displayName: 'Fabrikam', people: [{ userPrincipalName: 'a@contoso.example', displayName: 'A' }] },
    )
    await assert.rejects(seed(db, other), {
      name: 'PlatformError',
      code: 'seed_contradicts',
      message:
        'Cannot use the seed, as what it names must not be there otherwise: ' +
        '$.tenants[0].displayName: another value is there; ' +
        '$.tenants[0].applications[0].displayName: another value is there; ' +
        '$.tenants[0].applications[0].isDisabled: another value is there; ' +
        '$.tenants[0].applications[0].secrets[0]: another secret is there',
      hint: 'Correct the file, or give an empty data folder; nothing was written',
    })
    assert.deepEqual(await exportState(db), before)
  })

  const tenant = state().tenants[0]
  for (const [what, file, fault] of [
    ['is no object', 7, '$: an object is needed'],
    ['has another version', { ...state(), version: 2 }, '$.version: 1 is needed'],
    ['has no tenants', { version: 1 }, '$.tenants: it is missing'],
    [
      'has a tenant without a domain',
      { version: 1, tenants: [{ ...tenant, domains: [] }] },
      '$.tenants[0].domains: one is needed',
    ],
    [
      'misspells a property',
      state({ displayname: 'x' }),
      '$.tenants[0].applications[0].displayname: no such property is known here',
    ],
    [
      'has an id that is none',
      state({ id: 'x' }),
      '$.tenants[0].applications[0].id: a GUID in small letters is needed',
    ],
    [
      'has a time that is none',
      state({ secrets: [{ endDateTime: 'soon' }] }),
      '$.tenants[0].applications[0].secrets[0].endDateTime: an instant, as 2026-09-21T14:00:00Z is needed',
    ],
    ['has an object for a list', state({}, { people: {} }), '$.tenants[0].people: a list is needed'],
    [
      'has a prototype',
      JSON.parse('{"version":1,"tenants":[],"__proto__":{}}'),
      '$.__proto__: no such property is known here',
    ],
  ] as const) {
    it(`that ${what} is refused by the path of the fault`, async () => {
      await assert.rejects(async () => seed(db, file), {
        code: 'seed_invalid',
        message: `Cannot use the seed, as it must be a state file: ${fault}`,
      })
    })
  }

  for (const [what, application, more, fault] of [
    [
      'a variable that is not set',
      { secrets: [{ secretEnv: 'NONE' }] },
      {},
      'applications[0].secrets[0].secretEnv: the environment has no such variable',
    ],
    [
      'no certificate',
      { certificates: [{ certificate: 'AAAA' }] },
      {},
      'applications[0].certificates[0].certificate: a DER certificate of an RSA key in base64 is needed',
    ],
    [
      'an unknown application',
      {},
      { servicePrincipals: [{ appId: TENANT }], assignments: [] },
      'servicePrincipals[0].appId: no such application is in the file or there',
    ],
    [
      'a grant to nobody',
      {},
      { servicePrincipals: [] },
      'assignments[0].principal: no service principal of it is in the tenant',
    ],
  ] as const) {
    it(`with ${what} is refused by its path`, async () => {
      await assert.rejects(seed(db, state(application, more)), {
        code: 'seed_contradicts',
        message: `Cannot use the seed, as what it names must not be there otherwise: $.tenants[0].${fault}`,
      })
      assert.deepEqual((await exportState(db)).tenants, [])
    })
  }
})

describe('an export', () => {
  it('holds no secret, no hash of one and no key', async () => {
    await seed(
      db,
      state({ secrets: [{ secretText: LONG_SECRET }, { displayName: 'b', secretText: SHORT_SECRET }] }),
    )
    const rows = await db.selectFrom('password_credential').select('secret_hash').execute()
    const text = JSON.stringify(await exportState(db))
    const fast = createHash('sha256').update(SHORT_SECRET).digest()
    for (const secret of [LONG_SECRET, ...rows.map((row) => row.secret_hash), 'scrypt:'])
      assert.ok(!text.includes(secret), 'a secret is in the export')
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      assert.ok(!text.includes(fast.toString(encoding)))
    assert.ok(!text.includes('PRIVATE KEY'))
  })

  it('seeded into an empty folder is the same export again', async () => {
    for (let seedNumber = 1; seedNumber <= 12; seedNumber++) {
      const source = await emptyDatabase()
      await seed(source, randomState(seeded(seedNumber), certificate))
      const exported = await exportState(source)
      const copy = await emptyDatabase()
      await seed(copy, JSON.parse(JSON.stringify(exported)))
      assert.deepEqual(await exportState(copy), exported, `seed ${seedNumber}`)
    }
  })

  it('shows a secret that opens nothing when it is seeded again', async () => {
    await seed(db, state({ secrets: [{ secretText: LONG_SECRET }] }))
    const copy = await emptyDatabase()
    await seed(copy, JSON.parse(JSON.stringify(await exportState(db))))
    const rows = await copy.selectFrom('password_credential').select('secret_hash').execute()
    assert.equal(rows.length, 1)
    for (const text of [LONG_SECRET, '']) {
      assert.deepEqual(matchesSecret(text, rows), [])
      assert.deepEqual(await matchesShortSecret(text, rows), [])
    }
  })
})

describe('a short secret', () => {
  it('is kept by scrypt, and opens by its own text alone, the second time too', async () => {
    await seed(db, state({ secrets: [{ secretText: SHORT_SECRET }] }))
    const rows = await db.selectFrom('password_credential').select('secret_hash').execute()
    assert.match(rows[0]?.secret_hash ?? '', /^scrypt:[\w-]{22}\.[\w-]{43}$/)
    for (let time = 0; time < 2; time++) {
      assert.equal((await matchesShortSecret(SHORT_SECRET, rows)).length, 1)
      assert.deepEqual(await matchesShortSecret('Short', rows), [])
      assert.deepEqual(matchesSecret(SHORT_SECRET, rows), [])
    }
  })
})

/** A generator of numbers from 0 to 1 (mulberry32). */
function seeded(start: number): () => number {
  let value = start
  return () => {
    value = (value + 0x6d2b79f5) | 0
    let mixed = Math.imul(value ^ (value >>> 15), 1 | value)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Any state: names with quotes, accents and emoji, and lists of any length. */
function randomState(random: () => number, der: string) {
  let ids = 0
  const guid = () => `55555555-eeee-4eee-8eee-${String(++ids).padStart(12, '0')}`
  const count = (most: number) => Math.floor(random() * (most + 1))
  const some = <T>(most: number, make: (index: number) => T) =>
    Array.from({ length: count(most) }, (_, index) => make(index))
  const NAMES = ['nightly', "O'Brien", '"quoted"', 'Ærøskøbing', '😀', '<b>', 'a\\b', '-'] as const
  const name = () => `${NAMES[Math.floor(random() * NAMES.length)]} ${count(999)}`
  const flag = () => random() < 0.5
  const applicationOf = (tenant: number) => ({
    appId: guid(),
    displayName: name(),
    signInAudience: flag() ? 'AzureADMyOrg' : 'AzureADMultipleOrgs',
    identifierUris: some(2, (index) => `api://${tenant}-${ids}-${index}`),
    redirectUris: some(2, () => 'https://localhost/x'),
    appRoles: some(2, () => ({ id: guid(), value: name() })),
    requestedAccessTokenVersion: flag() ? 2 : null,
    isDisabled: flag(),
    certificates: some(1, () => ({ certificate: der, displayName: name() })),
    secrets: some(2, () => ({
      keyId: guid(),
      displayName: name(),
      secretText: `${name()}${'x'.repeat(40)}`,
    })),
    federatedCredentials: some(2, (index) => ({
      name: `trust-${index}`,
      issuer: 'https://issuer.example',
      subject: `${name()} ${index}`,
      audience: 'api://x',
      description: flag() ? null : name(),
    })),
  })
  const tenants = Array.from({ length: 1 + count(2) }, (_, number) => {
    const applications = some(4, () => applicationOf(number))
    const present = applications.filter(flag)
    return {
      id: guid(),
      displayName: name(),
      domains: [`tenant-${number}.example`, ...some(2, (index) => `more-${number}-${index}.example`)],
      applications,
      managedIdentities: some(1, () => ({
        appId: guid(),
        name: 'machine',
        kind: 'system',
        resourceId: `/x/${guid()}`,
      })),
      servicePrincipals: present.map(({ appId }) => ({
        appId,
        accountEnabled: flag(),
        appRoleAssignmentRequired: flag(),
        secrets: some(1, () => ({ displayName: name(), secretText: `${name()}${'x'.repeat(40)}` })),
      })),
      assignments: present.filter(flag).map(({ appId }) => ({
        principal: appId,
        resource: GRAPH_APP_ID,
        role: GRAPH_ROLES['User.Read.All'].id,
      })),
      people: some(3, (index) => ({
        userPrincipalName: `p${index}@tenant-${number}.example`,
        displayName: name(),
        accountEnabled: flag(),
      })),
    }
  })
  return { version: 1, tenants }
}
