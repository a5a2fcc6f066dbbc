import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rolesIn } from './roles.ts'

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: unknown) => `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`

describe('rolesIn', () => {
  const many = Array.from({ length: 1001 }, (_, index) => `Role.${index}`)
  const cases: readonly (readonly [what: string, token: string, roles: readonly string[] | undefined])[] = [
    [
      'a token with roles',
      jwt({ roles: ['User.Read.All', 'Group.Read.All'] }),
      ['User.Read.All', 'Group.Read.All'],
    ],
    ['a token without', jwt({ sub: 'a' }), []],
    ['roles that are no list', jwt({ roles: 'User.Read.All' }), []],
    [
      'what is no role',
      jwt({ roles: ['A', '', 7, null, 'x'.repeat(251), 'x'.repeat(250)] }),
      ['A', 'x'.repeat(250)],
    ],
    ['more roles than are shown', jwt({ roles: many }), many.slice(0, 1000)],
    ['roles of the prototype', jwt({ constructor: ['A'] }), []],
    ['an opaque token', 'token-1', undefined],
    ['no token', '', undefined],
    ['two parts', 'e30.e30', undefined],
    ['four parts', 'e30.e30.e30.e30', undefined],
    ['an encrypted token', 'e30.e30.e30.e30.e30', undefined],
    ['a payload that is no JSON', 'e30.e3.e30', undefined],
    ['a payload that is a list', `e30.${part([])}.e30`, undefined],
    ['a payload that is null', `e30.${part(null)}.e30`, undefined],
    ['a payload without end', jwt({ roles: ['A'], pad: 'x'.repeat(256 * 1024) }), undefined],
  ]
  for (const [what, token, roles] of cases) {
    it(`reads ${what}`, () => {
      assert.deepEqual(rolesIn(token), roles)
    })
  }
})
