import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requireRole } from './permission.ts'
import { CLIENT, PRINCIPAL, refusal, TENANT } from './test-support.ts'

const holding = (...roles: string[]) => ({
  tenantId: TENANT,
  appId: CLIENT,
  objectId: PRINCIPAL,
  roles,
  claims: {},
})

const missing = (held: string, needed: string) =>
  refusal('role_missing', `application ${CLIENT} holds ${held}, and one of ${needed} is needed`)

describe('requireRole', () => {
  it('lets in who holds any one of the roles', () => {
    requireRole(holding('A'), ['A'])
    requireRole(holding('B'), ['A', 'B'])
    requireRole(holding('X', 'B', 'Y'), ['A', 'B'])
  })

  it('refuses who holds none of them', () => {
    assert.throws(() => requireRole(holding(), ['A', 'B']), missing('no role', 'A, B'))
    assert.throws(() => requireRole(holding('C', 'D'), ['A']), missing('C, D', 'A'))
  })

  it('compares roles to the letter', () => {
    for (const held of ['a', 'A ', 'A.', 'A,B', '', '*']) {
      assert.throws(() => requireRole(holding(held), ['A', 'B']), missing(held, 'A, B'))
    }
  })

  it('lets in an application without any role only where the word says so', () => {
    requireRole(holding(), 'any application')
    assert.throws(() => requireRole(holding(), ['any application']), missing('no role', 'any application'))
  })

  it('lets in nobody for an empty list', () => {
    assert.throws(() => requireRole(holding('A'), []), missing('A', ''))
    assert.throws(() => requireRole(holding(), []), missing('no role', ''))
  })
})
