import assert from 'node:assert/strict'
import { test } from 'node:test'
import { returnPath } from './return-path.ts'

const ORIGIN = 'https://localhost:8443'

test('returnPath keeps a path of this origin with its query', () => {
  const path = '/contoso.example/adminconsent?client_id=1&state=a%2Fb'
  assert.equal(returnPath(path, ORIGIN), path)
})

for (const sent of [
  'https://evil.example/',
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '/.//evil.example',
  '/a/..//evil.example',
  '\\\\evil.example',
  'javascript:alert(1)',
  ' /portal/x',
  '',
  undefined,
]) {
  test(`returnPath leads to the overview instead of ${JSON.stringify(sent)}`, () => {
    assert.equal(returnPath(sent, ORIGIN), '/portal')
  })
}
