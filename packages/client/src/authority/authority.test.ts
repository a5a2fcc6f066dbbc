import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { authority } from './authority.ts'

const TENANT = 'contoso.example'

describe('authority', () => {
  it('lays out the endpoints of one tenant', () => {
    const found = authority('https://login.example', 'Contoso.Example')
    assert.equal(found.host, 'https://login.example')
    assert.equal(found.tenant, 'contoso.example')
    assert.equal(found.tokenEndpoint, 'https://login.example/contoso.example/oauth2/v2.0/token')
  })

  it('escapes the client id in the consent address', () => {
    assert.equal(
      authority('https://login.example', TENANT).adminConsentUrl('a&b=c d'),
      'https://login.example/contoso.example/adminconsent?client_id=a%26b%3Dc%20d',
    )
  })

  const accepted = [
    ['https://login.example', 'https://login.example'],
    ['https://login.example/', 'https://login.example'],
    ['https://LOGIN.Example', 'https://login.example'],
    ['https://login.example:443', 'https://login.example'],
    ['https://localhost:8443', 'https://localhost:8443'],
    ['https://127.0.0.1:8443/', 'https://127.0.0.1:8443'],
    ['https://[::1]:8443', 'https://[::1]:8443'],
  ] as const
  for (const [given, origin] of accepted) {
    it(`takes '${given}'`, () => {
      assert.equal(authority(given, TENANT).host, origin)
    })
  }

  const refused = [
    ['', ''],
    ['login.example', 'login.example'],
    ['http://login.example', 'http://login.example'],
    ['ftp://login.example', 'ftp://login.example'],
    ['https://', 'https://'],
    ['https://login.example/contoso', 'https://login.example/contoso'],
    ['https://login.example/?a=b', 'https://login.example/?a=b'],
    ['https://login.example/?', 'https://login.example/?'],
    ['https://login.example/#a', 'https://login.example/#a'],
    ['https://someone@login.example', 'https://…@login.example'],
    ['https://someone:word@login.example', 'https://…@login.example'],
    ['https://:word@login.example', 'https://…@login.example'],
    ['http://someone:word@login.example', 'http://…@login.example'],
  ] as const
  for (const [given, found] of refused) {
    it(`refuses '${given}', and repeats no password`, () => {
      assert.throws(() => authority(given, TENANT), {
        name: 'ConfigurationError',
        code: 'authority_invalid',
        message: `Cannot use the authority host, as it must be an https:// origin without a path, or the name of a cloud: found '${found}'`,
        hint: 'Set AZURE_AUTHORITY_HOST to an origin such as https://login.microsoftonline.com, or to one of AzurePublicCloud, AzureUSGovernment, AzureChinaCloud',
      })
    })
  }
})
