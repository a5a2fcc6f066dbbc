import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Principal } from './claims.ts'
import { Revocations } from './revocations.ts'
import { CLIENT } from './test-support.ts'

const issued = (atMs: number, facts: object = {}): Principal => ({
  kind: 'application',
  issuer: 'https://as.example',
  tenantId: 't',
  appId: CLIENT,
  objectId: 'o',
  roles: [],
  scopes: [],
  claims: { iat: atMs / 1000, jti: 'j', ...facts },
})

const REVOKED = { code: 'token_revoked' }

describe('Revocations', () => {
  it('keeps the later of two times for one name', () => {
    for (const times of [
      [5000, 9000],
      [9000, 5000],
    ]) {
      const revocations = new Revocations()
      for (const issuedBeforeMs of times) revocations.add({ tenantId: 't', issuedBeforeMs })
      assert.throws(() => revocations.check(issued(8000)), REVOKED)
      revocations.check(issued(9000))
    }
  })

  it('does not mix names up, whatever they hold', () => {
    const revocations = new Revocations()
    revocations.add({ tenantId: 't","o', issuedBeforeMs: 9000 })
    revocations.add({ tenantId: 't', tokenId: 'o', issuedBeforeMs: 9000 })
    revocations.add({ tenantId: 't', objectId: 'j', issuedBeforeMs: 9000 })
    revocations.check(issued(1000))
  })

  it('names a token by uti before jti', () => {
    const revocations = new Revocations()
    revocations.add({ tenantId: 't', tokenId: 'u', issuedBeforeMs: 9000 })
    revocations.check(issued(1000))
    assert.throws(() => revocations.check(issued(1000, { uti: 'u' })), REVOKED)
  })

  it('refuses a token whose time cannot be told', () => {
    const revocations = new Revocations()
    revocations.add({ tenantId: 't', issuedBeforeMs: 9000 })
    assert.throws(() => revocations.check(issued(1000, { iat: 'x' })), REVOKED)
  })

  it('refuses all that is as old as what it had to forget', () => {
    const revocations = new Revocations(2)
    for (const [objectId, issuedBeforeMs] of [
      ['o', 5000],
      ['p', 7000],
      ['q', 9000],
    ] as const)
      revocations.add({ tenantId: 't', objectId, issuedBeforeMs })
    assert.throws(() => revocations.check(issued(4000)), REVOKED)
    assert.throws(() => revocations.check({ ...issued(4000), tenantId: 'another', objectId: 'x' }), REVOKED)
    revocations.check(issued(5000))
  })
})
