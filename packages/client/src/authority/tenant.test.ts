import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tenantName } from './tenant.ts'

const LABEL_63 = 'a'.repeat(63)

const refused = (message: string) => ({
  name: 'ConfigurationError',
  code: 'tenant_invalid',
  message: `Cannot use the tenant, as it must be a GUID or a verified domain name: ${message}`,
  hint: 'Set the tenant (AZURE_TENANT_ID) to the directory id or a domain name of the tenant to work in',
})

describe('tenantName', () => {
  const accepted = [
    ['11111111-aaaa-4aaa-8aaa-000000000001', '11111111-aaaa-4aaa-8aaa-000000000001'],
    ['11111111-AAAA-4aaa-8AAA-000000000001', '11111111-aaaa-4aaa-8aaa-000000000001'],
    ['contoso.example', 'contoso.example'],
    ['Contoso.OnMicrosoft.COM', 'contoso.onmicrosoft.com'],
    ['a.b', 'a.b'],
    ['common.example', 'common.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    [`${LABEL_63}.example`, `${LABEL_63}.example`],
    [`${`${LABEL_63}.`.repeat(3)}${'a'.repeat(61)}`, `${`${LABEL_63}.`.repeat(3)}${'a'.repeat(61)}`],
  ] as const
  for (const [given, expected] of accepted) {
    it(`takes '${given}' in lower case`, () => {
      assert.equal(tenantName(given), expected)
    })
  }

  const manyAccounts =
    'it stands for any account, and an application that signs in as itself belongs to one tenant'
  const anyWork =
    'it stands for any work account, and an application that signs in as itself belongs to one tenant'
  const reasons = [
    ['common', manyAccounts],
    ['COMMON', manyAccounts],
    ['organizations', anyWork],
    ['Organizations', anyWork],
    ['consumers', 'personal accounts have no applications that sign in as themselves'],
    [
      '9188040d-6c67-4c5b-b112-36a304b66dad',
      'it is the tenant of personal accounts, which have no such applications',
    ],
    [
      '9188040D-6C67-4C5B-B112-36A304B66DAD',
      'it is the tenant of personal accounts, which have no such applications',
    ],
  ] as const
  for (const [given, reason] of reasons) {
    it(`refuses '${given}' and says why`, () => {
      assert.throws(() => tenantName(given), refused(`found '${given}', but ${reason}`))
    })
  }

  const others = [
    '',
    ' ',
    'contoso',
    'constructor',
    '__proto__',
    'a/../b',
    'contoso.example/',
    'contoso.example/oauth2',
    '../contoso.example',
    'contoso.example?x=1',
    'contoso.example#x',
    'contoso.example:443',
    'user@contoso.example',
    'contoso.example\\x',
    'contoso%2Eexample',
    'contoso.example\n',
    ' contoso.example',
    'contoso.example.',
    '.contoso.example',
    'contoso..example',
    '-contoso.example',
    'contoso-.example',
    'con_toso.example',
    'bücher.example',
    'контосо.example',
    // The Kelvin sign, which becomes an ordinary k in lower case.
    '\u212Aontoso.example',
    `${LABEL_63}a.example`,
    `${`${LABEL_63}.`.repeat(4)}example`,
    '11111111-aaaa-4aaa-8aaa-00000000000',
    '11111111-aaaa-4aaa-8aaa-0000000000011',
    '{11111111-aaaa-4aaa-8aaa-000000000001}',
    '11111111aaaa4aaa8aaa000000000001',
    '1111111g-aaaa-4aaa-8aaa-000000000001',
  ]
  for (const given of others) {
    it(`refuses ${JSON.stringify(given)}`, () => {
      assert.throws(() => tenantName(given), refused(`found '${given}'`))
    })
  }
})
