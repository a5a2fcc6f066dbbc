import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Principal } from './claims.ts'
import { namesSomebody, type RequiredRoles, requirePermission } from './permission.ts'
import type { RefusalCode } from './refusal.ts'
import { CLIENT, OTHER_GUID, PRINCIPAL, refusal, TENANT } from './test-support.ts'

const ISSUER = 'https://login.example/tenant/v2.0'

const application = (...roles: string[]): Principal => ({
  kind: 'application',
  issuer: ISSUER,
  tenantId: TENANT,
  appId: CLIENT,
  objectId: PRINCIPAL,
  roles,
  scopes: [],
  claims: {},
})

const user = (roles: readonly string[], ...scopes: string[]): Principal => ({
  ...application(...roles),
  kind: 'user',
  scopes,
})

const missing = (held: string, needed: string) =>
  refusal('role_missing', `application ${CLIENT} holds ${held}, and one of ${needed} is needed`)

describe('requirePermission', () => {
  it('lets in who holds any one of the roles', () => {
    requirePermission(application('A'), ['A'])
    requirePermission(application('B'), ['A', 'B'])
    requirePermission(application('X', 'B', 'Y'), ['A', 'B'])
  })

  it('refuses who holds none of them', () => {
    assert.throws(() => requirePermission(application(), ['A', 'B']), missing('no role', 'A, B'))
    assert.throws(() => requirePermission(application('C', 'D'), ['A']), missing('C, D', 'A'))
  })

  it('compares roles to the letter', () => {
    for (const held of ['a', 'A ', 'A.', 'A,B', '', '*']) {
      assert.throws(() => requirePermission(application(held), ['A', 'B']), missing(held, 'A, B'))
    }
  })

  it('lets in an application without any role only where the word says so', () => {
    requirePermission(application(), 'any application')
    assert.throws(
      () => requirePermission(application(), ['any application']),
      missing('no role', 'any application'),
    )
  })

  it('lets in nobody for an empty list', () => {
    assert.throws(() => requirePermission(application('A'), []), missing('A', ''))
    assert.throws(() => requirePermission(application(), []), missing('no role', ''))
  })

  const app = (applications: object): RequiredRoles => ({ applications })
  const users = (rule: object): RequiredRoles => ({ users: rule })
  const listed = { clients: [CLIENT] }
  const cases: readonly (readonly [
    name: string,
    principal: Principal,
    required: RequiredRoles,
    refused: RefusalCode | undefined,
  ])[] = [
    ['an application with all roles', application('A', 'B'), app({ allRoles: ['A', 'B'] }), undefined],
    ['an application with one of all roles', application('A'), app({ allRoles: ['A', 'B'] }), 'role_missing'],
    [
      'an application with all and any',
      application('A', 'C'),
      app({ allRoles: ['A'], anyRole: ['B', 'C'] }),
      undefined,
    ],
    [
      'an application with all and none of any',
      application('A'),
      app({ allRoles: ['A'], anyRole: ['B'] }),
      'role_missing',
    ],
    [
      'an application with any and not all',
      application('B'),
      app({ allRoles: ['A'], anyRole: ['B'] }),
      'role_missing',
    ],
    ['an application for an empty list of all', application('A'), app({ allRoles: [] }), 'role_missing'],
    ['an application for an empty rule', application('A'), app({}), 'role_missing'],
    ['an application for no rule', application('A'), {}, 'not_user'],
    ['an application where users may come', application('A'), { users: 'any user' }, 'not_user'],
    ['an application on the list, without a role', application(), app(listed), undefined],
    ['an application off the list', application('A'), app({ clients: [OTHER_GUID] }), 'client_unaccepted'],
    ['an application for an empty list', application('A'), app({ clients: [] }), 'client_unaccepted'],
    [
      'an application on the list without its role',
      application(),
      app({ ...listed, anyRole: ['A'] }),
      'role_missing',
    ],
    [
      'an application on the list with its role',
      application('A'),
      app({ ...listed, anyRole: ['A'] }),
      undefined,
    ],
    [
      'an application of the listed issuer',
      application(),
      app({ clients: [{ appId: CLIENT, issuer: ISSUER }] }),
      undefined,
    ],
    [
      'an application of another issuer',
      application(),
      app({ clients: [{ appId: CLIENT, issuer: `${ISSUER}/` }] }),
      'client_unaccepted',
    ],
    ['a user with the role of an application', user(['A'], 'S'), ['A'], 'not_app_only'],
    ['a user where any application may come', user(['A'], 'S'), 'any application', 'not_app_only'],
    ['any user', user([], 'S'), { users: 'any user' }, undefined],
    ['a user with one scope', user([], 'S'), users({ anyScope: ['S', 'T'] }), undefined],
    ['a user without the scope', user([], 'U'), users({ anyScope: ['S', 'T'] }), 'scope_missing'],
    ['a user with all scopes', user([], 'S', 'T'), users({ allScopes: ['S', 'T'] }), undefined],
    ['a user without all scopes', user([], 'S'), users({ allScopes: ['S', 'T'] }), 'scope_missing'],
    ['a user with scope and role', user(['A'], 'S'), users({ anyScope: ['S'], anyRole: ['A'] }), undefined],
    [
      'a user with scope and no role',
      user([], 'S'),
      users({ anyScope: ['S'], anyRole: ['A'] }),
      'role_missing',
    ],
    [
      'a user with role and no scope',
      user(['A'], 'U'),
      users({ anyScope: ['S'], anyRole: ['A'] }),
      'scope_missing',
    ],
    ['a user with a role', user(['A'], 'S'), users({ anyRole: ['A'] }), undefined],
    ['a user for an empty rule', user(['A'], 'S'), users({}), 'role_missing'],
    ['a user for empty lists', user(['A'], 'S'), users({ anyScope: [] }), 'scope_missing'],
  ]
  for (const [name, principal, required, code] of cases) {
    it(`${code === undefined ? 'lets in' : `refuses by ${code}`} ${name}`, () => {
      if (code === undefined) requirePermission(principal, required)
      else assert.throws(() => requirePermission(principal, required), { code })
    })
  }

  it('tells the log who lacks what', () => {
    const lacks = (principal: Principal, required: RequiredRoles) => () =>
      requirePermission(principal, required)
    assert.throws(
      lacks(user([], 'U', 'V'), users({ allScopes: ['S', 'T'] })),
      refusal('scope_missing', `user ${PRINCIPAL} holds U, V, and each of S, T is needed`),
    )
    assert.throws(
      lacks(application(), app({ clients: [OTHER_GUID] })),
      refusal('client_unaccepted', `application ${CLIENT} is not on the list of clients`),
    )
    assert.throws(lacks(user([]), ['A']), refusal('not_app_only', 'the token acts for a user'))
    assert.throws(
      lacks(application(), { users: 'any user' }),
      refusal('not_user', 'the token is of an application itself'),
    )
  })
})

describe('namesSomebody', () => {
  it('knows a rule that nobody can meet', () => {
    for (const nobody of [undefined, [], {}, app({}), app({ anyRole: [] }), { users: { anyScope: [] } }])
      assert.equal(namesSomebody(nobody), false, JSON.stringify(nobody))
    const somebody = [['A'], 'any application', { users: 'any user' }, app({ clients: [CLIENT] })] as const
    for (const required of somebody) assert.equal(namesSomebody(required), true, JSON.stringify(required))
  })

  const app = (applications: object): RequiredRoles => ({ applications })
})
