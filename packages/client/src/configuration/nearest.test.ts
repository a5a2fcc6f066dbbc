import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nearest } from './nearest.ts'

const KNOWN = ['tenantId', 'clientId', 'authorityHost', 'secretFile', 'secretEnv', 'apis']

describe('nearest', () => {
  for (const [word, found] of [
    ['tenantid', 'tenantId'],
    ['tenant_id', 'tenantId'],
    ['tenentId', 'tenantId'],
    ['auth', 'authorityHost'],
    ['secretFiles', 'secretFile'],
    ['secretEnvv', 'secretEnv'],
    ['api', 'apis'],
    ['aut', undefined],
    ['', undefined],
    ['schedule', undefined],
    ['a'.repeat(61), undefined],
  ] as const) {
    it(`takes '${word}' for ${found}`, () => {
      assert.equal(nearest(word, KNOWN), found)
    })
  }
})
