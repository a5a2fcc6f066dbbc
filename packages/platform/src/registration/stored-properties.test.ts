import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { assertGraphError, type Json, World } from '../test-support.ts'

let world: World
before(async () => {
  world = await World.start()
})
after(() => world.remove())

describe('what tools send with registrations', () => {
  it('is taken as Terraform sends it, and shown as it was sent', async () => {
    const body = {
      '@odata.type': '#microsoft.graph.application',
      api: {
        acceptMappedClaims: null,
        knownClientApplications: [],
        oauth2PermissionScopes: [{ id: randomUUID(), value: 'access', type: 'User', isEnabled: true }],
        requestedAccessTokenVersion: 2,
      },
      appRoles: [],
      description: '',
      displayName: 'terraformed',
      groupMembershipClaims: null,
      identifierUris: [],
      info: { marketingUrl: '', privacyStatementUrl: '', supportUrl: '', termsOfServiceUrl: '' },
      isDeviceOnlyAuthSupported: false,
      isFallbackPublicClient: false,
      notes: '',
      oauth2RequirePostResponse: false,
      publicClient: { redirectUris: [] },
      requiredResourceAccess: [],
      serviceManagementReference: null,
      signInAudience: 'AzureADMyOrg',
      spa: { redirectUris: [] },
      tags: ['HideApp'],
      web: {
        homePageUrl: null,
        implicitGrantSettings: { enableAccessTokenIssuance: false, enableIdTokenIssuance: false },
        logoutUrl: null,
        redirectUris: ['https://app.example/back'],
      },
    }
    const made = await world.done(201, 'POST', '/applications', body)
    const { '@odata.type': _type, api, info, ...rest } = body
    for (const [name, value] of Object.entries(rest)) assert.deepEqual(made[name], value, name)
    assert.deepEqual(made['api'], { preAuthorizedApplications: [], ...api })
    assert.deepEqual(made['info'], { logoUrl: null, ...info })
  })

  it('is laid over what is there: of an object, the parts that were sent', async () => {
    const { id } = await world.done(201, 'POST', '/applications', {
      displayName: 'patched',
      api: { requestedAccessTokenVersion: 2 },
      web: { redirectUris: ['https://app.example/back'], homePageUrl: 'https://app.example/' },
    })
    const path = `/applications/${String(id)}`
    await world.done(204, 'PATCH', path, {
      web: { logoutUrl: 'https://app.example/out' },
      api: {},
      tags: ['a'],
    })
    const { web, api, tags } = await world.done(200, 'GET', path)
    assert.deepEqual(
      [web, tags, (api as Json)['requestedAccessTokenVersion']],
      [
        {
          homePageUrl: 'https://app.example/',
          implicitGrantSettings: { enableAccessTokenIssuance: false, enableIdTokenIssuance: false },
          logoutUrl: 'https://app.example/out',
          redirectUris: ['https://app.example/back'],
        },
        ['a'],
        2,
      ],
    )
  })

  it('is taken for service principals, too, as az sends it', async () => {
    const { appId } = await world.done(201, 'POST', '/applications', { displayName: 'az' })
    const made = await world.done(201, 'POST', '/servicePrincipals', {
      appId,
      accountEnabled: true,
      appRoleAssignmentRequired: true,
      tags: ['WindowsAzureActiveDirectoryIntegratedApp'],
    })
    assert.deepEqual(
      [made['tags'], made['appRoleAssignmentRequired']],
      [['WindowsAzureActiveDirectoryIntegratedApp'], true],
    )
    const path = `/servicePrincipals/${String(made['id'])}`
    await world.done(204, 'PATCH', path, { notes: 'n' })
    const { notes, tags } = await world.done(200, 'GET', path)
    assert.deepEqual([notes, tags], ['n', made['tags']])
  })

  const REFUSED: readonly (readonly [Json, string])[] = [
    [{ unicorn: 1 }, "Invalid property 'unicorn'."],
    [{ __proto__x: 1 }, "Invalid property '__proto__x'."],
    [{ 'web/redirectUris': [] }, "Invalid property 'web/redirectUris'."],
    [{ publisherDomain: 'x' }, "Property 'publisherDomain' is read-only and cannot be set."],
    [{ tags: 'x' }, "Invalid value specified for property 'tags'."],
    [{ tags: [7] }, "Invalid value specified for property 'tags'."],
    [{ notes: 'x'.repeat(1025) }, "Invalid value specified for property 'notes'."],
    [{ web: { unicorn: 1 } }, "Invalid value specified for property 'web'."],
    [{ api: { oauth2PermissionScopes: [null] } }, "Invalid value specified for property 'api'."],
    [{ info: { toString: 'x' } }, "Invalid value specified for property 'info'."],
    [{ isDisabled: 'yes' }, "Property 'isDisabled' must be true or false."],
    [{ 'owners@odata.bind': 'x' }, "'owners@odata.bind' must be a list of at most 20 links."],
  ]
  for (const [properties, message] of REFUSED)
    it(`is refused as ${JSON.stringify(properties).slice(0, 60)}`, async () => {
      const answer = await world.graph('POST', '/applications', { displayName: 'x', ...properties })
      assertGraphError(answer, 400, 'Request_BadRequest', message)
    })
})
