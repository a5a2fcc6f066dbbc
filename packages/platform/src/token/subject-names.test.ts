// Applications that are proved by the name of a certificate and by who vouches for it, and those who would like to be.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as x509 from '@peculiar/x509'
import { openLogs, query } from '../audit/test-support.ts'
import {
  type App,
  assertRefused,
  type Json,
  keyCredential,
  makeKey,
  thumbprint,
  World,
} from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import { certificateMaker, type Made, makeKeys, type Wanted } from './certificate-test-support.ts'

const CONFIGURATIONS = '/directory/certificateAuthorities/certificateBasedApplicationConfigurations'
const NAME = 'daemon.contoso.example'
const SUBJECT = `CN=${NAME}`
const DAY_MS = 24 * 60 * 60 * 1000
const SIGNS = x509.KeyUsageFlags.keyCertSign

let world: World
/** When the certificates were made. */
let startMs: number
let app: App
let make: (wanted: Wanted) => Promise<Made>
let root: Made
let intermediate: Made
let leaf: Made
let stranger: Made
let authorityId: string

before(async () => {
  world = await World.start()
  startMs = world.clock.ms
  make = certificateMaker(startMs)
  root = await make({ subject: 'CN=Contoso Root', ca: true, usage: SIGNS })
  intermediate = await make({
    subject: 'CN=Contoso Issuing',
    issuer: root,
    ca: true,
    pathLength: 0,
    usage: SIGNS,
  })
  leaf = await make({ subject: SUBJECT, issuer: intermediate, ca: false })
  stranger = await make({ subject: 'CN=Contoso Root', ca: true, usage: SIGNS })
  authorityId = await configure([root])
  app = await world.register(leaf, { keyCredentials: [], trustedCertificateSubjects: [trusted()] })
})
after(() => world.remove())

const trusted = (changes: Json = {}): Json => ({ authorityId, subjectName: NAME, ...changes })

async function configure(roots: readonly Made[], intermediates: readonly Made[] = []): Promise<string> {
  const authority = (isRootAuthority: boolean) => (made: Made) => ({ isRootAuthority, certificate: made.der })
  const { id } = await world.done(201, 'POST', CONFIGURATIONS, {
    displayName: 'Contoso',
    trustedCertificateAuthorities: [...roots.map(authority(true)), ...intermediates.map(authority(false))],
  })
  return String(id)
}

interface Presented {
  readonly key?: CertifiedKey
  readonly from?: App
  /** In place of what is usual. */
  readonly header?: Json
}

/** Sends an assertion of this key, with this chain and no thumbprint. */
function present(chain: readonly Made[], { key = leaf.key, from = app, header = {} }: Presented = {}) {
  const sent = { 'x5t#S256': undefined, x5c: chain.map(({ der }) => der), ...header }
  const assertion = world.assertion({ ...from, key }, { header: sent })
  return world.postForm(world.form(from, { client_assertion: assertion }))
}

const notTrusted = (of: Made, why: string, from = app) =>
  `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The chain in x5c is not trusted: ${why}., Thumbprint of key used by client: '${sha1(of)}'] Registered on app '${from.appId}': certificates by their subject.`
const sha1 = (of: Made) => Buffer.from(thumbprint(of.key, 'sha1'), 'base64url').toString('hex').toUpperCase()
const ISSUED_BY_NOBODY = 'no authority that is trusted has issued it'

describe('a certificate with a trusted name', () => {
  it('proves the application, with its chain and every way to name it', async () => {
    const names: readonly Json[] = [
      {},
      { 'x5t#S256': thumbprint(leaf.key, 'sha256') },
      { alg: 'RS256', x5t: thumbprint(leaf.key, 'sha1') },
      { kid: sha1(leaf) },
    ]
    for (const header of names) {
      const { status, text } = await present([leaf, intermediate], { header })
      assert.equal(status, 200, text)
    }
    assert.equal((await present([leaf, intermediate, root])).status, 200)
  })

  it('proves it after it has been renewed, without any change of the registration', async () => {
    const renewed = await make({ subject: `CN=${NAME.toUpperCase()},O=Contoso`, issuer: intermediate })
    assert.equal((await present([renewed, intermediate], { key: renewed.key })).status, 200)
    const byDnsName = await make({ subject: 'CN=x', dnsName: NAME, issuer: intermediate, keys: renewed.keys })
    assert.equal((await present([byDnsName, intermediate], { key: byDnsName.key })).status, 200)
  })

  it('proves it by itself, if an administrator has stored the intermediate, and as the text that MSAL .NET writes', async () => {
    const both = await configure([root], [intermediate])
    const from = await world.register(leaf, {
      keyCredentials: [],
      trustedCertificateSubjects: [{ authorityId: both, subjectName: `CN=${NAME}` }],
    })
    assert.equal((await present([leaf], { from })).status, 200)
    assert.equal((await present([], { from, header: { x5c: leaf.der } })).status, 200)
  })

  it('is named in the sign-in log by its thumbprint', async () => {
    const logs = await openLogs(world)
    // Rows of one moment come in any order.
    world.clock.ms += 1000
    await present([leaf, intermediate])
    const [row] = await logs.rows(`/signIns${query({ $filter: `appId eq '${app.appId}'` })}`)
    assert.deepEqual(
      [row?.['clientCredentialType'], row?.['servicePrincipalCredentialKeyId']],
      ['certificate', sha1(leaf)],
    )
  })
})

describe('a registered certificate', () => {
  it('is found by x5c alone, and by a kid that is its thumbprint', async () => {
    const key = await makeKey(world.clock.ms)
    const from = await world.register(key)
    const x5c = [String(keyCredential(key)['key'])]
    const hex = (hash: 'sha1' | 'sha256') => Buffer.from(thumbprint(key, hash), 'base64url').toString('hex')
    for (const header of [
      { x5c },
      { x5c: x5c[0] },
      { kid: hex('sha1') },
      { kid: hex('sha256').toUpperCase() },
      { kid: thumbprint(key, 'sha1') },
      { kid: thumbprint(key, 'sha256') },
    ])
      assert.equal(
        (await present([], { from, key, header: { x5c: undefined, ...header } })).status,
        200,
        JSON.stringify(header),
      )
  })

  it('is not proved by a chain, where the application trusts no names', async () => {
    const from = await world.register(await makeKey(world.clock.ms))
    const answer = await present([leaf, intermediate], { from })
    assert.deepEqual([answer.status, answer.body['error_codes']], [401, [700027]])
    assert.match(String(answer.body['error_description']), /Reason - The key was not found\./)
  })
})

describe('an assertion is refused', () => {
  it('from a self-signed certificate with the right name', async () => {
    const own = await make({ subject: SUBJECT, keys: leaf.keys })
    assertRefused(world, await present([own]), 700027, notTrusted(own, `'${SUBJECT}': ${ISSUED_BY_NOBODY}`))
    assertRefused(
      world,
      await present([own, intermediate, root]),
      700027,
      notTrusted(own, `'${SUBJECT}': ${ISSUED_BY_NOBODY}`),
    )
  })

  it('from an issuer that only has the name of the trusted one', async () => {
    const forged = await make({ subject: SUBJECT, issuer: stranger, keys: leaf.keys })
    for (const [chain, last] of [
      [[forged], SUBJECT],
      [[forged, root], SUBJECT],
      [[forged, stranger], stranger.subject],
    ] as const)
      assertRefused(world, await present(chain), 700027, notTrusted(forged, `'${last}': ${ISSUED_BY_NOBODY}`))
  })

  it('from an authority that the application trusts for another name', async () => {
    const other = await world.register(leaf, {
      keyCredentials: [],
      trustedCertificateSubjects: [trusted({ subjectName: 'other.contoso.example' })],
    })
    assertRefused(
      world,
      await present([leaf, intermediate], { from: other }),
      700030,
      `Invalid certificate - subject name in certificate is not authorized. SubjectNames/SubjectAlternativeNames (up to 10) in token certificate are: ${NAME}.`,
    )
  })

  it('from an authority that the application trusts for no name, though the tenant knows it', async () => {
    const theirs = await make({ subject: 'CN=Fabrikam Root', ca: true, usage: SIGNS })
    await configure([theirs])
    const forged = await make({ subject: SUBJECT, issuer: theirs, keys: leaf.keys })
    assertRefused(
      world,
      await present([forged, theirs]),
      700027,
      notTrusted(forged, `'${theirs.subject}': ${ISSUED_BY_NOBODY}`),
    )
  })

  it('with two common names, of which one is right', async () => {
    const two = await make({ subject: `CN=evil.example,${SUBJECT}`, issuer: intermediate, keys: leaf.keys })
    const { body } = await present([two, intermediate])
    assert.deepEqual(body['error_codes'], [700030])
  })

  it('with a chain in which a certificate is over or not begun, the leaf or not', async () => {
    const times = { fromMs: startMs - 3 * DAY_MS, toMs: startMs - 1000 }
    const old = await make({ subject: 'CN=Old', issuer: root, ca: true, usage: SIGNS, ...times })
    const under = await make({ subject: SUBJECT, issuer: old, keys: leaf.keys })
    const over = await make({ subject: SUBJECT, issuer: intermediate, keys: leaf.keys, ...times })
    const early = { fromMs: startMs + 60_000, toMs: startMs + DAY_MS }
    const soon = await make({ subject: SUBJECT, issuer: intermediate, keys: leaf.keys, ...early })
    for (const [chain, from, to] of [
      [[under, old], startMs - DAY_MS, times.toMs],
      [[over, intermediate], startMs - DAY_MS, times.toMs],
      [[soon, intermediate], early.fromMs, startMs + DAY_MS],
    ] as const)
      assertRefused(
        world,
        await present(chain),
        1000502,
        `The provided certificate is not within its valid time range: ${iso(from)} to ${iso(to)}.`,
      )
  })
  const iso = (ms: number) => new Date(ms).toISOString()

  it('that was good, once its certificate is over', async () => {
    const short = { fromMs: world.clock.ms - DAY_MS, toMs: world.clock.ms + 60_000 }
    const brief = await make({ subject: SUBJECT, issuer: intermediate, keys: leaf.keys, ...short })
    assert.equal((await present([brief, intermediate])).status, 200)
    world.clock.ms += 61_000
    assert.deepEqual((await present([brief, intermediate])).body['error_codes'], [1000502])
  })

  it('from a certificate that may do something else, or whose issuer may not issue', async () => {
    const keys = await makeKeys()
    const issuer = (subject: string, more: Partial<Wanted>) => make({ subject, issuer: root, keys, ...more })
    const of = (from: Made) => make({ subject: SUBJECT, issuer: from, keys: leaf.keys })
    const server = await make({
      subject: SUBJECT,
      issuer: intermediate,
      keys: leaf.keys,
      extendedUsage: x509.ExtendedKeyUsage.serverAuth,
    })
    const encrypting = await make({
      subject: SUBJECT,
      issuer: intermediate,
      keys: leaf.keys,
      usage: x509.KeyUsageFlags.keyEncipherment,
    })
    const authority = await make({ subject: SUBJECT, issuer: root, ca: true, usage: SIGNS, keys: leaf.keys })
    const broken = await make({ subject: SUBJECT, issuer: intermediate, hash: 'SHA-1', keys: leaf.keys })
    const odd = await make({
      subject: SUBJECT,
      issuer: intermediate,
      keys: leaf.keys,
      extension: new x509.Extension('1.2.3.4', true, Buffer.from([5, 0])),
    })
    const noAuthority = await issuer('CN=A', {})
    const denied = await issuer('CN=B', { ca: false })
    const silent = await issuer('CN=C', { ca: true, usage: x509.KeyUsageFlags.digitalSignature })
    const limited = await issuer('CN=D', {
      ca: true,
      usage: SIGNS,
      extension: new x509.Extension('2.5.29.30', false, Buffer.from([0x30, 0])),
    })
    const below = await make({ subject: 'CN=Below', issuer: intermediate, ca: true, usage: SIGNS, keys })
    const cases: readonly (readonly [readonly Made[], string])[] = [
      [[server, intermediate], `'${SUBJECT}': it may not prove a client (extendedKeyUsage)`],
      [[encrypting, intermediate], `'${SUBJECT}': it may not sign (keyUsage)`],
      [[authority], `'${SUBJECT}': it is a certificate authority, and no application`],
      [[broken, intermediate], `'${SUBJECT}': its signature uses a hash that is broken`],
      [[odd, intermediate], `'${SUBJECT}': its extension 1.2.3.4 is not understood here`],
      [[await of(noAuthority), noAuthority], `'CN=A': it is no certificate authority (basicConstraints)`],
      [[await of(denied), denied], `'CN=B': it is no certificate authority (basicConstraints)`],
      [[await of(silent), silent], `'${SUBJECT}': ${ISSUED_BY_NOBODY}`],
      [[await of(limited), limited], `'CN=D': its extension 2.5.29.30 is not understood here`],
      [
        [await of(below), below, intermediate],
        `'CN=Contoso Issuing': it allows 0 authorities below it, and there are 1`,
      ],
    ]
    for (const [chain, why] of cases)
      assertRefused(world, await present(chain), 700027, notTrusted(chain[0] ?? leaf, why))
  })

  it('with a chain that is too long, and one of too many or unreadable certificates', async () => {
    const keys = await makeKeys()
    const chain: Made[] = []
    let issuer = root
    for (let depth = 5; depth > 0; depth--) {
      issuer = await make({ subject: `CN=${depth}`, issuer, ca: true, usage: SIGNS, keys })
      chain.unshift(issuer)
    }
    const deep = await make({ subject: SUBJECT, issuer, keys: leaf.keys })
    const why = 'it has more than 5 certificates before its root'
    assertRefused(world, await present([deep, ...chain]), 700027, notTrusted(deep, why))
    const near = await make({ subject: SUBJECT, issuer: chain[1], keys: leaf.keys })
    assert.equal((await present([near, ...chain.slice(1)])).status, 200)
    const text = 'Invalid JWT token. x5c must be 1 to 6 certificates, each DER of at most 6 kB in base64.'
    for (const x5c of [
      [],
      ['x'],
      [leaf.certificate],
      [leaf.der, 7],
      [`${leaf.der.slice(0, 40)}\n${leaf.der.slice(40)}`],
      [leaf.der, ...chain.map(({ der }) => der), root.der],
      { leaf: leaf.der },
      null,
      'A'.repeat(20_000),
    ])
      assertRefused(world, await present([], { header: { x5c } }), 50027, text)
  })

  it('that is signed with another key, or names another certificate than it brings', async () => {
    const other = await makeKey(world.clock.ms)
    const { body } = await present([leaf, intermediate], { key: other })
    assert.match(
      String(body['error_description']),
      /^AADSTS700027: .*The provided signature value did not match the expected signature value\./,
    )
    const header = { 'x5t#S256': thumbprint(other, 'sha256') }
    assert.deepEqual((await present([leaf, intermediate], { header })).body['error_codes'], [700027])
    for (const alg of ['none', 'HS256'])
      assert.deepEqual(
        (await present([leaf, intermediate], { header: { alg } })).body['error_codes'],
        [50027],
      )
  })

  it('from a certificate that was revoked, by thumbprint or serial number, its own or that of who vouches', async () => {
    const path = `/applications/${app.objectId}`
    const revoke = (ids: readonly string[]) =>
      world.done(204, 'PATCH', path, {
        trustedCertificateSubjects: [trusted({ revokedCertificateIdentifiers: ids })],
      })
    const serial = new x509.X509Certificate(leaf.certificate).serialNumber
    for (const id of [sha1(leaf).toLowerCase(), serial, sha1(intermediate).match(/../g)?.join(':') ?? '']) {
      await revoke([id])
      assertRefused(
        world,
        await present([leaf, intermediate]),
        7000214,
        `The certificate used to sign the client assertion, or one that vouches for it, is revoked. [Thumbprint of key used by client: ${sha1(leaf)}]`,
      )
    }
    await revoke([])
    assert.equal((await present([leaf, intermediate])).status, 200)
  })

  it('once the application does not state the name any more', async () => {
    const from = await world.register(leaf, { keyCredentials: [], trustedCertificateSubjects: [trusted()] })
    assert.equal((await present([leaf, intermediate], { from })).status, 200)
    await world.done(204, 'PATCH', `/applications/${from.objectId}`, { trustedCertificateSubjects: [] })
    assert.deepEqual((await present([leaf, intermediate], { from })).body['error_codes'], [700027])
  })
})
