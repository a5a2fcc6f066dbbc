import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Person } from './person.ts'
import { type Circumstances, COMPARED, type DirectoryUser, planRow } from './plan.ts'

const PERSON: Person = {
  line: 2,
  employeeId: 'E1',
  username: 'asa.ohara',
  givenName: 'Åsa',
  surname: "O'Hara",
  jobTitle: 'Planner',
  department: 'Operations',
  officeLocation: '',
  managerId: 'E2',
  endDate: '',
}

const USER: DirectoryUser = {
  id: 'object-1',
  employeeId: 'E1',
  accountEnabled: true,
  displayName: "Åsa O'Hara",
  givenName: 'Åsa',
  surname: "O'Hara",
  jobTitle: 'Planner',
  department: 'Operations',
  officeLocation: null,
}

const WARNING = 'the account is disabled in the directory although the export has no end date: left as it is'

function plan(person: Partial<Person>, circumstances: Partial<Circumstances>) {
  let passwords = 0
  const made = planRow(
    { ...PERSON, ...person },
    {
      found: [USER],
      left: false,
      domain: 'contoso.example',
      newPassword: () => `password ${(passwords += 1)}`,
      ...circumstances,
    },
  )
  assert.equal(passwords, 'outcome' in made && made.outcome === 'created' ? 1 : 0)
  return made
}

describe('planRow for somebody who is not in the directory', () => {
  it('creates an account with what the row states, enabled, with a password to be changed', () => {
    assert.deepEqual(plan({}, { found: [] }), {
      outcome: 'created',
      body: {
        displayName: "Åsa O'Hara",
        givenName: 'Åsa',
        surname: "O'Hara",
        jobTitle: 'Planner',
        department: 'Operations',
        accountEnabled: true,
        employeeId: 'E1',
        mailNickname: 'asa.ohara',
        userPrincipalName: 'asa.ohara@contoso.example',
        passwordProfile: { password: 'password 1', forceChangePasswordNextSignIn: true },
      },
    })
  })

  it('does nothing for one who has left already', () => {
    assert.deepEqual(plan({}, { found: [], left: true }), { outcome: 'unchanged', id: undefined })
  })
})

describe('planRow for somebody who is in the directory', () => {
  const leaver = { ...USER, accountEnabled: false }
  const cases: readonly (readonly [string, Partial<Person>, Partial<Circumstances>, object])[] = [
    ['leaves alone who is as the row says', {}, {}, { outcome: 'unchanged', id: 'object-1' }],
    [
      'updates what differs, and nothing else',
      { jobTitle: 'Director' },
      {},
      { outcome: 'updated', id: 'object-1', body: { jobTitle: 'Director' } },
    ],
    [
      'updates the display name with a part of it',
      { surname: 'Berg' },
      {},
      { outcome: 'updated', id: 'object-1', body: { displayName: 'Åsa Berg', surname: 'Berg' } },
    ],
    [
      'clears what the row has no more',
      { department: '' },
      {},
      { outcome: 'updated', id: 'object-1', body: { department: null } },
    ],
    [
      'sets what the directory did not have',
      { officeLocation: 'Malmö' },
      {},
      { outcome: 'updated', id: 'object-1', body: { officeLocation: 'Malmö' } },
    ],
    [
      'sees a difference in case and in accents',
      { givenName: 'åsa', jobTitle: 'Plánner' },
      {},
      {
        outcome: 'updated',
        id: 'object-1',
        body: { displayName: "åsa O'Hara", givenName: 'åsa', jobTitle: 'Plánner' },
      },
    ],
    ['does not rename an account', { username: 'asa.berg' }, {}, { outcome: 'unchanged', id: 'object-1' }],
    ['sees to no manager', { managerId: 'E9' }, {}, { outcome: 'unchanged', id: 'object-1' }],
    [
      'disables who has left',
      {},
      { left: true },
      { outcome: 'disabled', id: 'object-1', body: { accountEnabled: false } },
    ],
    [
      'disables who has left and brings the rest up to date',
      { jobTitle: 'Advisor' },
      { left: true },
      { outcome: 'disabled', id: 'object-1', body: { jobTitle: 'Advisor', accountEnabled: false } },
    ],
    [
      'leaves alone who has left and is disabled',
      {},
      { left: true, found: [leaver] },
      { outcome: 'unchanged', id: 'object-1' },
    ],
    [
      'updates who has left and is disabled',
      { jobTitle: 'Advisor' },
      { left: true, found: [leaver] },
      { outcome: 'updated', id: 'object-1', body: { jobTitle: 'Advisor' } },
    ],
    [
      'never enables an account, and says so',
      {},
      { found: [leaver] },
      { outcome: 'unchanged', id: 'object-1', warning: WARNING },
    ],
    [
      'updates a disabled account without enabling it, and says so',
      { jobTitle: 'Advisor' },
      { found: [leaver] },
      { outcome: 'updated', id: 'object-1', body: { jobTitle: 'Advisor' }, warning: WARNING },
    ],
    [
      'rejects a row whose employee id two people have',
      {},
      { found: [USER, leaver] },
      { reject: 'the directory holds 2 people with employee id E1: it must be one' },
    ],
    [
      'rejects it for a leaver too',
      {},
      { found: [USER, USER, USER], left: true },
      { reject: 'the directory holds 3 people with employee id E1: it must be one' },
    ],
  ]
  for (const [what, person, circumstances, expected] of cases) {
    it(what, () => {
      assert.deepEqual(plan(person, circumstances), expected)
    })
  }

  it('asks the directory for everything that it compares', () => {
    assert.deepEqual([...COMPARED].sort(), Object.keys(USER).sort())
  })
})
