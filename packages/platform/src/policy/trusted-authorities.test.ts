// Credential policies that demand certificates of stated authorities.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { assertGraphError, type Json, keyCredential, makeKey, World } from '../test-support.ts'
import { certificateMaker, type Made } from '../token/certificate-test-support.ts'

const DEFAULT = '/policies/defaultAppManagementPolicy'
const AUTHORITIES = '/directory/certificateAuthorities/certificateBasedApplicationConfigurations'
const BAD = 'Request_BadRequest'
const NOT_ALLOWED = 'CredentialCertificateAuthorityNotAllowedAsPerAppPolicy'
const NOBODYS = '00000000-0000-0000-0000-000000000000'

let world: World
let root: Made
let intermediate: Made
let stranger: Made
let configuration: string
let objectId: string

before(async () => {
  world = await World.start()
  const make = certificateMaker(world.clock.ms)
  root = await make({ subject: 'CN=Root', ca: true })
  intermediate = await make({ subject: 'CN=Issuing', issuer: root, ca: true })
  stranger = await make({ subject: 'CN=Stranger', ca: true })
  const { id } = await world.done(201, 'POST', AUTHORITIES, {
    displayName: 'Ours',
    trustedCertificateAuthorities: [
      { isRootAuthority: true, certificate: root.der },
      { isRootAuthority: false, certificate: intermediate.der },
    ],
  })
  configuration = String(id)
  objectId = String((await world.done(201, 'POST', '/applications', { displayName: 'daemon' }))['id'])
})
after(() => world.remove())

const rule = (changes: Json = {}) => ({
  restrictionType: 'trustedCertificateAuthority',
  state: 'enabled',
  certificateBasedApplicationConfigurationIds: [configuration],
  ...changes,
})
const restrict = (changes: Json = {}) =>
  world.graph('PATCH', DEFAULT, {
    isEnabled: true,
    applicationRestrictions: { keyCredentials: [rule(changes)] },
  })
const issued = (issuer: Made, extendedUsage?: string) =>
  certificateMaker(world.clock.ms)({ subject: 'CN=daemon', issuer, keys: stranger.keys, extendedUsage })
const register = (certificate: Made) =>
  world.graph('PATCH', `/applications/${objectId}`, { keyCredentials: [keyCredential(certificate)] })
const refused = (reason: string) =>
  `The certificate is not of an authority allowed as per assigned policy '${NOBODYS}': ${reason}.`

describe('a policy on the authorities of certificates', () => {
  it('lets those be added that they have issued, and no others', async () => {
    assert.equal((await restrict()).status, 204)
    for (const issuer of [root, intermediate])
      assert.equal((await register(await issued(issuer))).status, 204)
    const untrusted = refused("'CN=daemon': no authority that is trusted has issued it")
    assertGraphError(await register(await issued(stranger)), 400, NOT_ALLOWED, untrusted)
    const own = await makeKey(world.clock.ms)
    const created = await world.graph('POST', '/applications', {
      displayName: 'new',
      keyCredentials: [keyCredential(own)],
    })
    assertGraphError(
      created,
      400,
      NOT_ALLOWED,
      refused("'CN=nightly-sync': no authority that is trusted has issued it"),
    )
    // A certificate for a web server is none to prove an application with.
    const server = await issued(root, '1.3.6.1.5.5.7.3.1')
    const unfit = refused("'CN=daemon': it may not prove a client (extendedKeyUsage)")
    assertGraphError(await register(server), 400, NOT_ALLOWED, unfit)
    const shown = (await world.done(200, 'GET', DEFAULT))['applicationRestrictions'] as Json
    assert.deepEqual(shown['keyCredentials'], [
      { ...rule(), maxLifetime: null, restrictForAppsCreatedAfterDateTime: null },
    ])
  })

  it('says nothing of secrets, of older applications if it is for newer ones, and when it is off', async () => {
    await restrict()
    assert.equal((await world.graph('POST', `/applications/${objectId}/addPassword`, {})).status, 200)
    const later = new Date(world.clock.ms + 1000).toISOString()
    for (const changes of [{ restrictForAppsCreatedAfterDateTime: later }, { state: 'disabled' }]) {
      await restrict(changes)
      assert.equal((await register(await issued(stranger))).status, 204)
    }
  })

  it('keeps its authorities from being deleted', async () => {
    await restrict()
    const message = `The authorities '${configuration}' cannot be deleted while a policy demands certificates of theirs.`
    assertGraphError(await world.graph('DELETE', `${AUTHORITIES}/${configuration}`), 400, BAD, message)
    await world.done(204, 'PATCH', DEFAULT, {
      isEnabled: false,
      applicationRestrictions: { keyCredentials: [] },
    })
    await world.done(204, 'DELETE', `${AUTHORITIES}/${configuration}`)
    const gone = `The id '${configuration}' is no certificateBasedApplicationConfiguration of this tenant.`
    assertGraphError(await restrict(), 400, BAD, gone)
    const policy = { displayName: 'own', restrictions: { keyCredentials: [rule()] } }
    assertGraphError(await world.graph('POST', '/policies/appManagementPolicies', policy), 400, BAD, gone)
  })

  for (const [what, changes, needed] of [
    ['no authorities', { certificateBasedApplicationConfigurationIds: undefined }, 'a list of 1 to 20 ids'],
    ['an empty list', { certificateBasedApplicationConfigurationIds: [] }, 'a list of 1 to 20 ids'],
    ['a text', { certificateBasedApplicationConfigurationIds: 'x' }, 'a list of 1 to 20 ids'],
    ['another type', { restrictionType: 'asymmetricKeyLifetime', maxLifetime: 'P1D' }, 'null'],
  ] as const)
    it(`is refused with ${what}`, async () => {
      const type = 'restrictionType' in changes ? changes.restrictionType : 'trustedCertificateAuthority'
      const message = `Property 'certificateBasedApplicationConfigurationIds' of '${type}' must be ${needed}.`
      assertGraphError(await restrict(changes), 400, BAD, message)
    })
})
