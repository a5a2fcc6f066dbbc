// The state as a file: what an export holds and never holds, and that a seed makes the same state again.
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import { systemNow } from '../clock.ts'
import { matchesSecret, matchesShortSecret } from '../registration/client-secret.ts'
import type { Database } from '../store/database.ts'
import { certificateMaker } from '../token/certificate-test-support.ts'
import { makeSelfSigned } from '../tls/certificates.ts'
import { exportState } from './export.ts'
import { randomState, seeded } from './random-state-test-support.ts'
import { CLIENT, closeDatabases, emptyDatabase, seed, SHORT_SECRET, state } from './state-test-support.ts'

const LONG_SECRET = 'a-secret-of-more-than-thirty-two-characters'

let certificate: string
before(async () => {
  const made = await makeSelfSigned('seeded', {
    notBeforeMs: systemNow(),
    notAfterMs: systemNow() + 86_400_000,
  })
  certificate = new X509Certificate(made.certificate).raw.toString('base64')
})

let db: Database
beforeEach(async () => {
  db = await emptyDatabase()
})
afterEach(closeDatabases)

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

  it('adds links to what is there, and takes none away', async () => {
    const people = ['a', 'b'].map((name) => ({
      userPrincipalName: `${name}@contoso.example`,
      displayName: name,
    }))
    const names = people.map((person) => person.userPrincipalName)
    const with_ = (owners: readonly string[], members: readonly string[]) =>
      state(
        { owners },
        { people, groups: [{ displayName: 'G', mailNickname: 'g', members, owners: [CLIENT] }] },
      )
    await seed(db, with_(names.slice(0, 1), names.slice(1)))
    await seed(db, with_(names.slice(1), names.slice(0, 1)))
    const [tenant] = (await exportState(db)).tenants as readonly Record<string, Record<string, unknown>[]>[]
    assert.deepEqual(tenant?.['applications']?.[0]?.['owners'], names)
    const [{ members, owners } = {}] = tenant?.['groups'] ?? []
    assert.deepEqual([members, owners, tenant?.['groups']?.length], [names, [CLIENT], 1])
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
        'Cannot use the seed, as each entry must be valid and not be there otherwise: ' +
        '$.tenants[0].displayName: another value is there; ' +
        '$.tenants[0].applications[0].displayName: another value is there; ' +
        '$.tenants[0].applications[0].isDisabled: another value is there; ' +
        '$.tenants[0].applications[0].secrets[0]: another secret is there',
      hint: 'Correct the file, or give an empty data folder; nothing was written',
    })
    assert.deepEqual(await exportState(db), before)
  })
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
      // What was made by hand is as good a second time as what was exported.
      await seed(source, randomState(seeded(seedNumber), certificate))
      assert.deepEqual(await exportState(source), exported, `seed ${seedNumber}, again`)
    }
  })

  it('carries how a tenant proves its clients: names of certificates, their authorities, and assertions that hold once', async () => {
    const { der } = await certificateMaker(systemNow())({ subject: 'CN=Contoso Root', ca: true })
    const authorityId = '66666666-ffff-4fff-8fff-000000000006'
    const authorities = {
      id: authorityId,
      kind: 'certificateBasedApplicationConfigurations',
      policy: {
        displayName: 'Contoso',
        trustedCertificateAuthorities: [{ isRootAuthority: true, certificate: der }],
      },
    }
    const subject = { authorityId, subjectName: 'daemon.contoso.example' }
    const file = state(
      { properties: { trustedCertificateSubjects: [subject] } },
      { refuseRepeatedAssertions: true, policies: [authorities] },
    )
    await seed(db, file)
    const exported = await exportState(db)
    const [tenant] = exported.tenants as readonly Record<string, Record<string, unknown>[]>[]
    assert.equal(tenant?.['refuseRepeatedAssertions'], true)
    assert.deepEqual(tenant?.['applications']?.[0]?.['properties'], { trustedCertificateSubjects: [subject] })
    const [{ policy, kind } = {}] = tenant?.['policies'] ?? []
    const [authority] =
      (policy as Record<string, Record<string, unknown>[]>)['trustedCertificateAuthorities'] ?? []
    assert.deepEqual([kind, authority?.['certificate']], [authorities.kind, der])
    const copy = await emptyDatabase()
    for (let time = 0; time < 2; time++) {
      await seed(copy, JSON.parse(JSON.stringify(exported)))
      assert.deepEqual(await exportState(copy), exported)
    }
    await assert.rejects(
      seed(copy, state({}, { refuseRepeatedAssertions: false })),
      /\$\.tenants\[0\]\.refuseRepeatedAssertions: another value is there/,
    )
  })

  it('without the authorities that an application trusts is refused', async () => {
    const subject = { authorityId: '66666666-ffff-4fff-8fff-000000000006', subjectName: 'x.example' }
    await assert.rejects(
      seed(db, state({ properties: { trustedCertificateSubjects: [subject] } })),
      /\$\.tenants\[0\]\.applications\[0\]: The authorityId '6{8}-.* is no certificateBasedApplicationConfiguration/,
    )
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
