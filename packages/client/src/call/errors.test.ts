import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errorOf } from './errors.ts'

describe('errorOf', () => {
  const bodies: readonly (readonly [name: string, body: unknown, expected: object])[] = [
    [
      'Graph',
      { error: { code: 'Request_BadRequest', message: 'No.', innerError: { code: 'inner' } } },
      { code: 'Request_BadRequest', message: 'No.' },
    ],
    ['an API without an envelope', { code: 'E1', message: 'No.' }, { code: 'E1', message: 'No.' }],
    [
      'problem+json',
      { status: 403, title: 'role_missing', detail: 'Insufficient privileges.' },
      { message: 'Insufficient privileges.' },
    ],
    ['problem+json without a detail', { status: 403, title: 'role_missing' }, { message: 'role_missing' }],
    ['OAuth, whose error is a text', { error: 'invalid_token', message: 'No.' }, { message: 'No.' }],
    ['an API with fields of the wrong type', { error: { code: 5, message: null } }, {}],
    ['an API that sends nothing', undefined, {}],
    ['an API that sends text', 'Too Many Requests', {}],
    ['an API that sends null', null, {}],
    ['an API whose error is null', { error: null }, {}],
    ['an API that sends a list', [], {}],
  ]
  for (const [name, body, expected] of bodies) {
    it(`reads the errors of ${name}`, () => {
      assert.deepEqual(errorOf(body), expected)
    })
  }
})
