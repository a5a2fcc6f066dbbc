// A seed with a mistake is refused whole, by the path of each mistake and with what is needed in its place.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Database } from '../store/database.ts'
import { exportState } from './export.ts'
import {
  CLIENT,
  closeDatabases,
  emptyDatabase,
  seed,
  SHORT_SECRET,
  state,
  TENANT,
} from './state-test-support.ts'

let db: Database
beforeEach(async () => {
  db = await emptyDatabase()
})
afterEach(closeDatabases)

const GROUP_ID = '66666666-ffff-4fff-8fff-000000000006'
const APPLICATION = { appId: CLIENT, displayName: 'nightly-sync', id: CLIENT }
const PERSON = { userPrincipalName: 'adele@contoso.example', displayName: 'Adele' }
const lifetimePolicy = (id: string) => ({
  id,
  kind: 'tokenLifetimePolicies',
  policy: {
    displayName: 'half an hour',
    definition: ['{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"00:30:00"}}'],
    isOrganizationDefault: true,
  },
})

describe('a seed', () => {
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
      'an audience that none is',
      { signInAudience: 'Everybody' },
      {},
      "applications[0]: Property 'signInAudience' must be one of AzureADMyOrg, AzureADMultipleOrgs: personal accounts have no daemons.",
    ],
    [
      'an id that is given twice',
      { id: CLIENT },
      { applications: [APPLICATION, { ...APPLICATION, appId: TENANT }] },
      'applications[1]: an id or a name of it is that of something else; give it one of its own',
    ],
    [
      'an owner whom nobody knows',
      { owners: ['nobody@contoso.example'] },
      {},
      'applications[0].owners[0]: nobody of this name is in the tenant; people are named by their userPrincipalName, service principals by their appId, groups by their id',
    ],
    [
      'a group that is its own member',
      {},
      { groups: [{ id: GROUP_ID, displayName: 'G', mailNickname: 'g', members: [GROUP_ID] }] },
      'groups[0].members[0]: A group cannot be a member of itself.',
    ],
    [
      'a group that owns',
      { owners: [GROUP_ID] },
      { groups: [{ id: GROUP_ID, displayName: 'G', mailNickname: 'g' }] },
      'applications[0].owners[0]: an owner must be a person or a service principal',
    ],
    [
      'a policy of no kind',
      {},
      { policies: [{ id: GROUP_ID, kind: 'passwordPolicies', policy: {} }] },
      'policies[0].kind: one of tokenLifetimePolicies, appManagementPolicies, conditionalAccessPolicies, namedLocations, certificateBasedApplicationConfigurations, defaultAppManagementPolicy is needed',
    ],
    [
      'a policy that says nothing',
      {},
      { policies: [{ id: GROUP_ID, kind: 'conditionalAccessPolicies', policy: { displayName: 'x' } }] },
      "policies[0].policy: Property 'state' must be one of enabled, disabled, enabledForReportingButNotEnforced.",
    ],
    [
      'two policies for the whole tenant',
      {},
      { policies: [lifetimePolicy(GROUP_ID), lifetimePolicy(CLIENT)] },
      'policies[1].policy.isOrganizationDefault: another policy is; make one of them false',
    ],
    [
      'a policy for an application that is not there',
      {},
      { policies: [{ ...lifetimePolicy(GROUP_ID), applications: [TENANT] }] },
      'policies[0].applications[0]: no application of this appId is in the tenant',
    ],
    [
      'a password that is too short',
      {},
      { people: [{ ...PERSON, passwordEnv: 'SHORT' }] },
      'people[0].passwordEnv: A password for the portal needs 12 to 256 characters, and no blank at either end.',
    ],
    [
      'a hash that is none',
      {},
      { people: [{ ...PERSON, passwordHash: 'x' }] },
      'people[0].passwordHash: a hash as an export has it is needed; give passwordEnv for a new password',
    ],
    [
      'a property that does not fit a person',
      {},
      { people: [{ ...PERSON, usageLocation: 'Denmark' }] },
      "people[0]: Invalid value specified for property 'usageLocation' of resource 'User'.",
    ],
    [
      'a person who manages themselves',
      {},
      { people: [{ ...PERSON, manager: PERSON.userPrincipalName }] },
      'people[0].manager: nobody is their own manager',
    ],
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
      await assert.rejects(seed(db, state(application, more), { SHORT: SHORT_SECRET }), {
        code: 'seed_contradicts',
        message: `Cannot use the seed, as each entry must be valid and not be there otherwise: $.tenants[0].${fault}`,
      })
      assert.deepEqual((await exportState(db)).tenants, [])
    })
  }
})
