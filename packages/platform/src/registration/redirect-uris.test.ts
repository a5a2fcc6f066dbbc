import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { redirectUrisOf } from './redirect-uris.ts'

const refused = { name: 'GraphError', status: 400, code: 'Request_BadRequest' }

describe('redirectUrisOf', () => {
  it('takes https anywhere and http on this machine', () => {
    const redirectUris = ['https://app.example/back?x=1', 'http://localhost:8080/back', 'http://127.0.0.1/']
    assert.deepEqual(redirectUrisOf({ redirectUris }), redirectUris)
    assert.deepEqual(redirectUrisOf({}), [])
  })

  for (const uri of [
    'http://app.example/',
    'https://app.example/#part',
    'https://user@app.example/',
    'javascript:alert(1)',
    '/back',
    '',
    7,
    `https://app.example/${'x'.repeat(256)}`,
  ]) {
    it(`refuses ${JSON.stringify(uri).slice(0, 40)}`, () => {
      assert.throws(() => redirectUrisOf({ redirectUris: [uri] }), refused)
    })
  }

  it('refuses what is no list, too long a list, and other properties', () => {
    const many = Array.from({ length: 257 }, (_, index) => `https://app.example/${index}`)
    for (const web of [
      { redirectUris: 'https://a.example/' },
      { redirectUris: many },
      { homePageUrl: 'x' },
      null,
    ])
      assert.throws(() => redirectUrisOf(web), refused)
  })
})
