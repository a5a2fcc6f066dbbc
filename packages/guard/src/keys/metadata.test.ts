import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import { keysUrl, readKeys } from './metadata.ts'

const ISSUER = 'https://as.example/realm'
const expected = { issuer: ISSUER, keyHosts: ['as.example', 'keys.example:8443'] }
const document = (facts: object) =>
  JSON.stringify({ issuer: ISSUER, jwks_uri: 'https://as.example/keys', ...facts })

describe('keysUrl', () => {
  it('finds the address of the keys, on each host that may have them', () => {
    for (const address of ['https://as.example/keys', 'https://keys.example:8443/k?v=1'])
      assert.equal(keysUrl(document({ jwks_uri: address }), expected), address)
  })

  const wrong: readonly (readonly [text: string, message: string])[] = [
    ['', 'the metadata is no JSON object'],
    ['[]', 'the metadata is no JSON object'],
    ['<html>', 'the metadata is no JSON object'],
    [document({ issuer: undefined }), `the metadata is of issuer no text, and not of '${ISSUER}'`],
    [document({ issuer: `${ISSUER}/` }), `the metadata is of issuer '${ISSUER}/', and not of '${ISSUER}'`],
    [document({ jwks_uri: undefined }), '"jwks_uri" is no text, no https:// URL'],
    [document({ jwks_uri: 'http://as.example/k' }), `"jwks_uri" is 'http://as.example/k', no https:// URL`],
    [
      document({ jwks_uri: 'https://a:b@as.example/' }),
      `"jwks_uri" is 'https://a:b@as.example/', no https:// URL`,
    ],
    [document({ jwks_uri: '/keys' }), `"jwks_uri" is '/keys', no https:// URL`],
    ...['evil.example', 'as.example.evil.example', 'as.example:8443', 'keys.example', '169.254.169.254'].map(
      (host) =>
        [
          document({ jwks_uri: `https://${host}/keys` }),
          `"jwks_uri" leads to host '${host}', and not to as.example or keys.example:8443`,
        ] as const,
    ),
  ]
  for (const [text, message] of wrong) {
    it(`refuses ${text.slice(0, 90) || 'nothing'}`, () => {
      assert.throws(() => keysUrl(text, expected), new Error(message))
    })
  }
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const jwk = (key: KeyObject, facts: object = {}) => ({ ...key.export({ format: 'jwk' }), kid: 'a', ...facts })
const read = (...keys: unknown[]) => readKeys(JSON.stringify({ keys }))

describe('readKeys', () => {
  it('reads keys of each type, with what their owner says of them', () => {
    const keys = read(
      jwk(rsa.publicKey, { use: 'sig', alg: 'RS256', issuer: 'https://as.example', x5c: ['MIID'], x5t: 'b' }),
      jwk(ec.publicKey, { kid: 'b', key_ops: ['verify'] }),
      jwk(ed.publicKey, { kid: 'c', alg: 'EdDSA' }),
    )
    assert.deepEqual([...keys.keys()], ['a', 'b', 'c'])
    const { key, ...facts } = keys.get('a') ?? assert.fail('no key')
    assert.ok(key.equals(rsa.publicKey))
    assert.deepEqual(facts, { algorithm: 'RS256', issuer: 'https://as.example' })
    assert.ok(keys.get('b')?.key.equals(ec.publicKey))
    assert.ok(keys.get('c')?.key.equals(ed.publicKey))
  })

  const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const useless: readonly (readonly [name: string, key: unknown])[] = [
    ['no object', 'a'],
    ['null', null],
    ['a key without a name', jwk(rsa.publicKey, { kid: undefined })],
    ['a key with an empty name', jwk(rsa.publicKey, { kid: '' })],
    ['a key whose name is a number', jwk(rsa.publicKey, { kid: 1 })],
    ['a key for encryption', jwk(rsa.publicKey, { use: 'enc' })],
    ['a key for other operations', jwk(rsa.publicKey, { key_ops: ['encrypt'] })],
    ['a key for a weaker algorithm', jwk(rsa.publicKey, { alg: 'RS1' })],
    ['a key for an encryption algorithm', jwk(rsa.publicKey, { alg: 'RSA-OAEP' })],
    ['a private key', jwk(rsa.privateKey)],
    ['a secret', { kty: 'oct', k: 'c2VjcmV0', kid: 'a' }],
    ['a short RSA key', jwk(short.publicKey)],
    ['an RSA key with the exponent 1', jwk(rsa.publicKey, { e: 'AQ' })],
    ['an RSA key with an even exponent', jwk(rsa.publicKey, { e: 'AQAA' })],
    ['an RSA key with a huge exponent', jwk(rsa.publicKey, { e: rsa.publicKey.export({ format: 'jwk' }).n })],
    ['an RSA key of 16384 bits', jwk(rsa.publicKey, { n: Buffer.alloc(2048, 255).toString('base64url') })],
    ['a key of another curve', jwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)],
    ['a point that is not on its curve', jwk(ec.publicKey, { x: 'AAAA' })],
    ['a key without its numbers', { kty: 'RSA', kid: 'a' }],
    ['a key of an unknown type', { kty: 'XYZ', kid: 'a' }],
    ['a key whose issuer is no text', jwk(rsa.publicKey, { issuer: 5 })],
  ]
  for (const [name, key] of useless) {
    it(`leaves out ${name}`, () => {
      assert.throws(() => read(key), new Error('the keys document has no key that can be used'))
      assert.deepEqual([...read(key, jwk(ec.publicKey, { kid: 'good' })).keys()], ['good'])
    })
  }

  it('takes the first of two keys of one name', () => {
    assert.ok(read(jwk(ec.publicKey), jwk(rsa.publicKey)).get('a')?.key.equals(ec.publicKey))
  })

  it('refuses what is no list, and a list without an end', () => {
    for (const text of ['', '{}', '[]', '{"keys":{}}'])
      assert.throws(() => readKeys(text), new Error('the keys document has no list of keys'))
    assert.throws(
      () => read(...Array.from({ length: 101 }, () => jwk(ec.publicKey))),
      new Error('the keys document has more than 100 keys'),
    )
  })
})
