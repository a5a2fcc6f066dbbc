import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loggable } from './secrets.ts'

const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url')
const JWT = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub: 'somebody' })}.c2lnbmF0dXJl`
const KEY_BEGIN = ['-----BEGIN', 'PRIVATE', 'KEY-----'].join(' ')

describe('loggable', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['a token', `got ${JWT}!`, 'got [token]!'],
    ['a token that was cut', `got ${JWT.slice(0, 30)}`, 'got [token]'],
    ['a header', 'authorization: Bearer abcdefghijkl', 'authorization: Bearer [secret]'],
    [
      'the password of an address',
      'postgres://daemon:hush@db.example/x',
      'postgres://daemon:[secret]@db.example/x',
    ],
    [
      'a secret in a form',
      'client_id=1&client_secret=hush~x&scope=y',
      'client_id=1&client_secret=[secret]&scope=y',
    ],
    ['a secret in JSON', '{"client_secret":"hush","a":1}', '{"client_secret":"[secret]","a":1}'],
    ['a password in words', 'password: hush', 'password: [secret]'],
    ['a key', `x ${KEY_BEGIN}\nMIIE\n-----END PRIVATE KEY----- y`, 'x [private key] y'],
    ['a key that was cut', `x ${KEY_BEGIN}\nMIIE`, 'x [private key]'],
    ['what steers a terminal', 'a\u001B[31mb\r\nc\u2028d\u202Ee', 'a [31mb c d e'],
    ['nothing', 'Cannot call /users/1: status 403', 'Cannot call /users/1: status 403'],
  ]
  for (const [what, text, wanted] of cases)
    it(`takes ${what} out of a line`, () => assert.equal(loggable(text), wanted))

  it('cuts a long line', () => {
    assert.equal(loggable('x'.repeat(100_000)).length, 4_000)
  })
})
