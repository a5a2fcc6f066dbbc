// Policies over the wire: made and assigned as Graph has it, and what a daemon then meets.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import {
  type App,
  assertGraphError,
  assertRefused,
  type Json,
  keyCredential,
  makeKey,
  World,
} from '../test-support.ts'
import { makeSelfSigned, type CertifiedKey } from '../tls/certificates.ts'
import { durationMs } from './credential-rules.ts'
import { lifetimeOf } from './token-lifetime.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const ORDERS = 'api://orders/.default'

let world: World
let key: CertifiedKey
let app: App
let api: App
before(async () => {
  world = await World.start()
  key = await makeKey(world.clock.ms)
  app = await world.register(key)
  api = await world.register(key, { displayName: 'orders', identifierUris: ['api://orders'] })
})
after(() => world.remove())

const ref = (path: string, id: unknown) => ({
  '@odata.id': `${world.platform.graphUrl}${path}/${String(id)}`,
})
const ask = (from: App = app, scope = ORDERS) => world.postForm(world.form(from, { scope }))

describe('token lifetimes', () => {
  const LIFETIMES = '/policies/tokenLifetimePolicies'
  const lifetime = (text: string) =>
    JSON.stringify({ TokenLifetimePolicy: { Version: 1, AccessTokenLifetime: text } })

  it('are read as days, hours, minutes and seconds, from ten minutes to a day', () => {
    for (const [text, seconds] of [
      ['00:10:00', 600],
      ['00:09:59', undefined],
      ['23:59:59', 86_399],
      ['1.00:00:00', 86_400],
      ['1.00:00:01', undefined],
      ['24:00:00', undefined],
      ['00:60:00', undefined],
      ['0:30:00', undefined],
      ['1', undefined],
    ] as const)
      assert.equal(lifetimeOf(lifetime(text)), seconds, text)
    for (const wrong of [undefined, '', '[]', 'null', '{"TokenLifetimePolicy":{"Version":2}}', 7])
      assert.equal(lifetimeOf(wrong), undefined)
  })

  it('hold for the API that they are assigned to, by its service principal, the tenant or its application', async () => {
    const expiresIn = async () => (await ask()).body['expires_in']
    assert.equal(await expiresIn(), 3599)
    const make = (text: string, isOrganizationDefault = false) =>
      world.done(201, 'POST', LIFETIMES, {
        displayName: text,
        definition: [lifetime(text)],
        isOrganizationDefault,
      })
    const [byApplication, byPrincipal] = [await make('00:20:00'), await make('02:00:00')]
    const onApplication = `/applications/${api.objectId}/tokenLifetimePolicies`
    await world.done(204, 'POST', `${onApplication}/$ref`, ref(LIFETIMES, byApplication['id']))
    assert.equal(await expiresIn(), 1199)
    const whole = await make('00:30:00', true)
    assert.equal(await expiresIn(), 1799)
    const onPrincipal = `/servicePrincipals/${api.principalId}/tokenLifetimePolicies`
    await world.done(204, 'POST', `${onPrincipal}/$ref`, ref(LIFETIMES, byPrincipal['id']))
    assert.equal(await expiresIn(), 7199)
    assert.deepEqual((await world.done(200, 'GET', onPrincipal))['value'], [byPrincipal])
    await world.done(204, 'DELETE', `${onPrincipal}/${String(byPrincipal['id'])}/$ref`)
    await world.done(204, 'PATCH', `${LIFETIMES}/${String(whole['id'])}`, { isOrganizationDefault: false })
    assert.equal(await expiresIn(), 1199)
    await world.done(204, 'DELETE', `${LIFETIMES}/${String(byApplication['id'])}`)
    assert.equal(await expiresIn(), 3599)
    assert.deepEqual((await world.done(200, 'GET', onApplication))['value'], [])
  })

  it('are the default of a tenant one at a time', async () => {
    const body = { displayName: 'a', definition: [lifetime('00:45:00')], isOrganizationDefault: true }
    const first = await world.done(201, 'POST', LIFETIMES, body)
    const second = await world.done(201, 'POST', LIFETIMES, { ...body, displayName: 'b' })
    const shown = await world.done(200, 'GET', `${LIFETIMES}/${String(first['id'])}`)
    assert.equal(shown['isOrganizationDefault'], false)
    for (const { id } of [first, second]) await world.done(204, 'DELETE', `${LIFETIMES}/${String(id)}`)
  })

  it('are refused beyond their limits, and assigned once', async () => {
    const message =
      'Property \'definition\' must be a list of one text such as {"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"00:30:00"}}, with a lifetime of 10 minutes to 1 day.'
    const answer = await world.graph('POST', LIFETIMES, {
      displayName: 'x',
      definition: [lifetime('00:05:00')],
    })
    assertGraphError(answer, 400, 'Request_BadRequest', message)
    const { id } = await world.done(201, 'POST', LIFETIMES, {
      displayName: 'x',
      definition: [lifetime('00:30:00')],
    })
    const path = `/applications/${app.objectId}/tokenLifetimePolicies/$ref`
    await world.done(204, 'POST', path, ref(LIFETIMES, id))
    const again = await world.graph('POST', path, ref(LIFETIMES, id))
    assertGraphError(
      again,
      409,
      'Request_MultipleObjectsWithSameKeyValue',
      `The policy '${String(id)}' is assigned to this object already, and there can be one of a kind.`,
    )
  })
})

describe('credential policies', () => {
  const DEFAULT = '/policies/defaultAppManagementPolicy'
  const APP_POLICIES = '/policies/appManagementPolicies'
  const NO_PASSWORDS = { restrictionType: 'passwordAddition', maxLifetime: null }
  const SHORT_PASSWORDS = { restrictionType: 'passwordLifetime', maxLifetime: 'P90D' }
  const SHORT_KEYS = { restrictionType: 'asymmetricKeyLifetime', maxLifetime: 'P30D' }
  const restrictAll = (passwordCredentials: object[], keyCredentials: object[] = []) =>
    world.done(204, 'PATCH', DEFAULT, {
      isEnabled: true,
      applicationRestrictions: { passwordCredentials, keyCredentials },
    })
  const TYPE = (id: unknown) => `Credential type not allowed as per assigned policy '${String(id)}'.`
  const LIFE = (id: unknown) =>
    `Credential lifetime exceeds the max value allowed as per assigned policy '${String(id)}'.`
  const NOBODYS = '00000000-0000-0000-0000-000000000000'
  const addPassword = (days: number, to = app.objectId) =>
    world.graph('POST', `/applications/${to}/addPassword`, {
      passwordCredential: { endDateTime: new Date(world.clock.ms + days * DAY_MS).toISOString() },
    })

  it('count a year as 365 days and a month as 30', () => {
    for (const [text, days] of [
      ['P90D', 90],
      ['P1Y', 365],
      ['P2M', 60],
      ['P4DT12H30M5S', 4 + (12 * 3600 + 30 * 60 + 5) / 86_400],
      ['PT24H', 1],
    ] as const)
      assert.equal(durationMs(text), days * DAY_MS, text)
    for (const wrong of ['P', 'PT', '90D', 'P-1D', 'P1.5D', ''])
      assert.equal(durationMs(wrong), undefined, wrong)
  })

  it('forbid secrets, and what is there goes on working', async () => {
    const secret = String((await addPassword(10)).body['secretText'])
    await restrictAll([NO_PASSWORDS])
    assertGraphError(await addPassword(10), 400, 'CredentialTypeNotAllowedAsPerAppPolicy', TYPE(NOBODYS))
    const form = {
      grant_type: 'client_credentials',
      client_id: app.appId,
      client_secret: secret,
      scope: ORDERS,
    }
    assert.equal((await world.postForm(form)).status, 200)
  })

  it('bound the life of secrets and certificates', async () => {
    await restrictAll([SHORT_PASSWORDS], [SHORT_KEYS])
    assert.equal((await addPassword(90)).status, 200)
    assertGraphError(await addPassword(91), 400, 'CredentialInvalidLifetimeAsPerAppPolicy', LIFE(NOBODYS))
    const made = (days: number) =>
      makeSelfSigned('short', { notBeforeMs: world.clock.ms, notAfterMs: world.clock.ms + days * DAY_MS })
    const path = `/applications/${api.objectId}`
    const long = { keyCredentials: [keyCredential(await made(31))] }
    assertGraphError(
      await world.graph('PATCH', path, long),
      400,
      'CredentialInvalidLifetimeAsPerAppPolicy',
      LIFE(NOBODYS),
    )
    const created = await world.graph('POST', '/applications', { displayName: 'x', ...long })
    assertGraphError(created, 400, 'CredentialInvalidLifetimeAsPerAppPolicy', LIFE(NOBODYS))
    await world.done(204, 'PATCH', path, { keyCredentials: [keyCredential(await made(30))] })
  })

  it('of an object replace those of its tenant, and a rule may be for newer objects alone', async () => {
    await restrictAll([NO_PASSWORDS])
    const { id } = await world.done(201, 'POST', APP_POLICIES, {
      displayName: 'exempt',
      isEnabled: true,
      restrictions: { passwordCredentials: [SHORT_PASSWORDS] },
    })
    await world.done(
      204,
      'POST',
      `/applications/${app.objectId}/appManagementPolicies/$ref`,
      ref(APP_POLICIES, id),
    )
    assert.equal((await addPassword(90)).status, 200)
    assertGraphError(await addPassword(91), 400, 'CredentialInvalidLifetimeAsPerAppPolicy', LIFE(id))
    const later = new Date(world.clock.ms + 1000).toISOString()
    await restrictAll([{ ...NO_PASSWORDS, restrictForAppsCreatedAfterDateTime: later }])
    assert.equal((await addPassword(400, api.objectId)).status, 200)
    world.clock.ms += 2000
    const newer = await world.done(201, 'POST', '/applications', { displayName: 'newer' })
    const answer = await addPassword(1, String(newer['id']))
    assertGraphError(answer, 400, 'CredentialTypeNotAllowedAsPerAppPolicy', TYPE(NOBODYS))
    await world.done(204, 'PATCH', DEFAULT, { isEnabled: false })
    assert.equal((await addPassword(1, String(newer['id']))).status, 200)
  })

  it('hold for service principals by rules of their own', async () => {
    await world.done(204, 'PATCH', DEFAULT, {
      isEnabled: true,
      servicePrincipalRestrictions: { passwordCredentials: [NO_PASSWORDS] },
    })
    const answer = await world.graph('POST', `/servicePrincipals/${api.principalId}/addPassword`, {})
    assertGraphError(answer, 400, 'CredentialTypeNotAllowedAsPerAppPolicy', TYPE(NOBODYS))
    await world.done(204, 'PATCH', DEFAULT, { isEnabled: false })
  })

  const REFUSED: readonly (readonly [string, object, string])[] = [
    [
      'an unknown type',
      { restrictionType: 'x' },
      "A restriction of 'passwordCredentials' has one of the types passwordAddition, passwordLifetime, customPasswordAddition, symmetricKeyAddition, symmetricKeyLifetime.",
    ],
    [
      'a lifetime that is none',
      { restrictionType: 'passwordLifetime', maxLifetime: '90' },
      "Property 'maxLifetime' of 'passwordLifetime' must be a duration such as P90D.",
    ],
    [
      'a lifetime where there is none',
      { restrictionType: 'passwordAddition', maxLifetime: 'P1D' },
      "Property 'maxLifetime' of 'passwordAddition' must be null.",
    ],
    ['an unknown state', { ...NO_PASSWORDS, state: 'on' }, "Property 'state' must be enabled or disabled."],
    ['an unknown property', { ...NO_PASSWORDS, extra: 1 }, "Invalid property 'extra'."],
  ]
  for (const [what, restriction, message] of REFUSED)
    it(`are refused with ${what}`, async () => {
      const body = { applicationRestrictions: { passwordCredentials: [restriction] } }
      assertGraphError(await world.graph('PATCH', DEFAULT, body), 400, 'Request_BadRequest', message)
    })
})

describe('Conditional Access over the wire', () => {
  const POLICIES = '/identity/conditionalAccess/policies'
  const LOCATIONS = '/identity/conditionalAccess/namedLocations'
  const RISK = '/identityProtection/riskyServicePrincipals'
  const BLOCKED =
    'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.'
  const block = (conditions: Json, state = 'enabled') => ({
    displayName: 'Block',
    state,
    conditions: {
      applications: { includeApplications: ['All'] },
      clientApplications: { includeServicePrincipals: [app.principalId] },
      ...conditions,
    },
    grantControls: { operator: 'OR', builtInControls: ['block'] },
  })

  it('blocks by place, reports without blocking, and says so in the sign-in log', async () => {
    const here = await world.done(201, 'POST', LOCATIONS, {
      '@odata.type': '#microsoft.graph.ipNamedLocation',
      displayName: 'This machine',
      ipRanges: [{ cidrAddress: '127.0.0.0/8' }, { cidrAddress: '::1/128' }],
    })
    const locations = { includeLocations: [here['id']] }
    const policy = await world.done(201, 'POST', POLICIES, block({ locations }))
    const path = `${POLICIES}/${String(policy['id'])}`
    assertRefused(world, await ask(), 53003, BLOCKED)
    const another = await world.register(key, { displayName: 'another' })
    assert.equal((await ask(another)).status, 200)
    const named = await world.graph('DELETE', `${LOCATIONS}/${String(here['id'])}`)
    assertGraphError(
      named,
      400,
      'Request_BadRequest',
      `The named location '${String(here['id'])}' cannot be deleted while a policy names it.`,
    )
    await world.done(204, 'PATCH', path, { state: 'enabledForReportingButNotEnforced' })
    assert.equal((await ask()).status, 200)
    await world.done(204, 'PATCH', path, { state: 'disabled' })
    assert.equal((await ask()).status, 200)
    await world.done(204, 'PATCH', path, {
      state: 'enabled',
      conditions: {
        ...block({}).conditions,
        locations: { includeLocations: ['All'], excludeLocations: [here['id']] },
      },
    })
    assert.equal((await ask()).status, 200)
    await world.done(204, 'DELETE', path)
    await world.done(204, 'DELETE', `${LOCATIONS}/${String(here['id'])}`)
    const auditor = await world.register(key, { roles: ['AuditLog.Read.All'] })
    const { body } = await world.graph('GET', '/auditLogs/signIns', undefined, await world.token(auditor))
    const told = (body['value'] as Json[])
      .filter(
        (one) => one['appId'] === app.appId && (one['appliedConditionalAccessPolicies'] as Json[]).length > 0,
      )
      .map((one) => [one['conditionalAccessStatus'], (one['appliedConditionalAccessPolicies'] as Json[])[0]])
    const applied = { id: policy['id'], displayName: 'Block', enforcedGrantControls: ['Block'] }
    assert.deepEqual(
      new Set(told.map((one) => JSON.stringify(one))),
      new Set([
        JSON.stringify([
          'notApplied',
          {
            id: applied.id,
            displayName: 'Block',
            result: 'reportOnlyFailure',
            enforcedGrantControls: ['Block'],
          },
        ]),
        JSON.stringify([
          'failure',
          { id: applied.id, displayName: 'Block', result: 'failure', enforcedGrantControls: ['Block'] },
        ]),
      ]),
    )
  })

  it('blocks by risk, once somebody has stated one', async () => {
    const { id } = await world.done(201, 'POST', POLICIES, block({ servicePrincipalRiskLevels: ['high'] }))
    assert.equal((await ask()).status, 200)
    const ids = { servicePrincipalIds: [app.principalId] }
    await world.done(204, 'POST', `${RISK}/confirmCompromised`, ids)
    assertRefused(world, await ask(), 53003, BLOCKED)
    const risky = await world.done(200, 'GET', `${RISK}/${app.principalId}`)
    assert.deepEqual([risky['riskLevel'], risky['riskState']], ['high', 'confirmedCompromised'])
    await world.done(204, 'POST', `${RISK}/dismiss`, ids)
    assert.equal((await ask()).status, 200)
    await world.done(204, 'DELETE', `${POLICIES}/${String(id)}`)
    const unknown = randomUUID()
    assert.equal(
      (await world.graph('POST', `${RISK}/dismiss`, { servicePrincipalIds: [unknown] })).status,
      404,
    )
  })

  it('stands before the assignment to a role, and after the resource (wire.md §8)', async () => {
    await world.done(204, 'PATCH', `/servicePrincipals/${api.principalId}`, {
      appRoleAssignmentRequired: true,
    })
    const { id } = await world.done(
      201,
      'POST',
      POLICIES,
      block({ locations: { includeLocations: ['All'] } }),
    )
    assertRefused(world, await ask(), 53003, BLOCKED)
    const { body } = await ask(app, 'api://nowhere/.default')
    assert.deepEqual(body['error_codes'], [500011])
    await world.done(204, 'DELETE', `${POLICIES}/${String(id)}`)
    assert.deepEqual((await ask()).body['error_codes'], [501051])
  })
})

describe('an application that is switched off', () => {
  it('gets no tokens until it is switched on again', async () => {
    const off = await world.register(key, { displayName: 'off' })
    await world.done(204, 'PATCH', `/applications/${off.objectId}`, { isDisabled: true })
    const text = `Application '${off.appId}'(off) is disabled.`
    assertRefused(world, await ask(off, 'https://graph.microsoft.com/.default'), 7000112, text)
    await world.done(204, 'PATCH', `/applications/${off.objectId}`, { isDisabled: false })
    assert.equal((await ask(off, 'https://graph.microsoft.com/.default')).status, 200)
  })
})
