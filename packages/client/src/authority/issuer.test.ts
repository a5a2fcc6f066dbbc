import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { extraParameters, issuerName, placeOf } from './issuer.ts'

describe('issuerName', () => {
  const accepted = [
    'https://id.example',
    'https://id.example/',
    'https://id.example:8443/realms/x',
    'https://ID.Example/Realms/X',
  ]
  for (const issuer of accepted) {
    it(`takes '${issuer}' letter by letter`, () => {
      assert.equal(issuerName(issuer), issuer)
    })
  }

  const refused = [
    ['', ''],
    ['id.example', 'id.example'],
    ['http://id.example', 'http://id.example'],
    ['https://', 'https://'],
    ['https://id.example?a=b', 'https://id.example?a=b'],
    ['https://id.example/#a', 'https://id.example/#a'],
    ['https://id.example/a b', 'https://id.example/a b'],
    ['https://id.example\n', 'https://id.example\n'],
    ['https://id.example\\x', 'https://id.example\\x'],
    ['https://me:word@id.example', 'https://…@id.example'],
    [`https://id.example/${'x'.repeat(1000)}`, `https://id.example/${'x'.repeat(181)}`],
  ] as const
  for (const [issuer, found] of refused) {
    it(`refuses ${JSON.stringify(issuer.slice(0, 40))}, and repeats no password`, () => {
      assert.throws(() => issuerName(issuer), {
        name: 'ConfigurationError',
        code: 'issuer_invalid',
        message: `Cannot use the issuer, as it must be an https:// URL without user, query and fragment: found '${found}'`,
        hint: 'Set it to the "issuer" that the authorization server states in its metadata, letter by letter',
      })
    })
  }
})

describe('extraParameters', () => {
  it('keeps the order, and several values of one name', () => {
    const resource = ['https://a.example', 'https://b.example']
    assert.deepEqual(extraParameters({ audience: 'x', resource }), [
      ['audience', 'x'],
      ['resource', 'https://a.example'],
      ['resource', 'https://b.example'],
    ])
  })

  const reserved = ['grant_type', 'scope', 'claims', 'client_id', 'client_secret']
  for (const name of [...reserved, 'client_assertion_type', 'client_assertion', '']) {
    it(`refuses '${name}', and repeats no value`, () => {
      assert.throws(() => extraParameters({ audience: 'x', [name]: 'a-secret' }), {
        name: 'ConfigurationError',
        code: 'parameters_reserved',
        message: `Cannot send the extra parameters, as names other than grant_type, scope, claims, client_id, client_secret, client_assertion_type, client_assertion are needed: found '${name}'`,
        hint: 'Give the scope to getToken and the proof as `credential`; parameters are for others, such as resource or audience',
      })
    })
  }
})

describe('placeOf', () => {
  it('tells a tenant from an issuer', () => {
    assert.equal(placeOf('contoso.example'), "in tenant 'contoso.example'")
    assert.equal(placeOf('https://id.example'), "at 'https://id.example'")
    assert.equal(placeOf('https://id.example', ''), 'at https://id.example')
  })
})
