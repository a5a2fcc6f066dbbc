import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import type { ServerMetadata } from '../authority/issuer.ts'
import { certificate } from './certificate.ts'
import type { Credential } from './credential.ts'
import { privateKey, type PrivateKeySource } from './private-key.ts'
import { CONTEXT, newFile } from './proof-support.ts'
import { keyPem, makeCertificate, newEcKey, newRsaKey } from './test-support.ts'

const rsa = newRsaKey()
const ec = newEcKey()
const ed = generateKeyPairSync('ed25519')
const ISSUER = 'https://id.example'
const SERVER: ServerMetadata = {
  issuer: ISSUER,
  tokenEndpoint: CONTEXT.tokenEndpoint,
  authMethods: ['private_key_jwt'],
  signingAlgorithms: undefined,
}

async function assertionOf(credential: Credential, server: Partial<ServerMetadata> = {}): Promise<string> {
  const body = new URLSearchParams()
  await credential({ body, headers: {} }, { ...CONTEXT, server: { ...SERVER, ...server } })
  assert.deepEqual([...body.keys()], ['client_assertion_type', 'client_assertion'])
  assert.equal(body.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  return body.get('client_assertion') ?? ''
}

const claimsOf = async (assertion: string, key: KeyObject) =>
  (await jwtVerify(assertion, key, { currentDate: new Date(CONTEXT.nowMs) })).payload

const UNREADABLE = 'holds no private key that can be read, or the password does not open it'

describe('privateKey', () => {
  const algorithms = [
    ['an RSA key', rsa, undefined, 'PS256'],
    ['an RSA key at a server with RS256 alone', rsa, ['RS256'], 'RS256'],
    ['an RSA key at a server that prefers nothing', rsa, ['RS256', 'PS256'], 'PS256'],
    ['a key on P-256', ec, undefined, 'ES256'],
    ['an Ed25519 key', ed, undefined, 'EdDSA'],
    ['an Ed25519 key at a server with its new name alone', ed, ['Ed25519'], 'Ed25519'],
  ] as const
  for (const [what, { publicKey, privateKey: key }, signingAlgorithms, alg] of algorithms) {
    it(`signs with ${alg} for ${what}, and convinces another implementation`, async () => {
      const credential = privateKey({ pem: keyPem(key) }, { keyId: 'k1' })
      const assertion = await assertionOf(credential, { signingAlgorithms })
      assert.deepEqual(decodeProtectedHeader(assertion), { alg, typ: 'JWT', kid: 'k1' })
      const { jti, ...claims } = await claimsOf(assertion, publicKey)
      const nowSeconds = CONTEXT.nowMs / 1000
      assert.deepEqual(claims, {
        aud: ISSUER,
        iss: CONTEXT.clientId,
        sub: CONTEXT.clientId,
        nbf: nowSeconds,
        iat: nowSeconds,
        exp: nowSeconds + 600,
      })
      assert.match(String(jti), /^[0-9a-f-]{36}$/)
    })
  }

  it('is for the token endpoint when it is told so, with extra claims', async () => {
    const credential = privateKey(
      { pem: keyPem(ec.privateKey) },
      { audience: 'tokenEndpoint', claims: { zone: 'a' } },
    )
    const { aud, zone } = await claimsOf(await assertionOf(credential), ec.publicKey)
    assert.deepEqual([aud, zone], [CONTEXT.tokenEndpoint, 'a'])
  })

  it('uses the algorithm it is told, whatever the metadata say', async () => {
    const credential = privateKey({ pem: keyPem(rsa.privateKey) }, { algorithm: 'RS256' })
    const assertion = await assertionOf(credential, { signingAlgorithms: ['ES256'] })
    assert.deepEqual(decodeProtectedHeader(assertion), { alg: 'RS256', typ: 'JWT' })
    await claimsOf(assertion, rsa.publicKey)
  })

  it('takes a JWK with its own name, an encrypted key, and a file that is replaced', async (t) => {
    const jwk = { ...ec.privateKey.export({ format: 'jwk' }), kid: 'its own' }
    assert.equal(decodeProtectedHeader(await assertionOf(privateKey({ jwk }))).kid, 'its own')
    assert.equal(
      decodeProtectedHeader(await assertionOf(privateKey({ jwk }, { keyId: 'other' }))).kid,
      'other',
    )
    const encrypted = { pem: keyPem(ec.privateKey, 'open it'), password: 'open it' }
    await claimsOf(await assertionOf(privateKey(encrypted)), ec.publicKey)
    const file = await newFile(t)
    await writeFile(file, JSON.stringify(jwk))
    const credential = privateKey({ file })
    await claimsOf(await assertionOf(credential), ec.publicKey)
    await writeFile(file, keyPem(rsa.privateKey))
    await claimsOf(await assertionOf(credential), rsa.publicKey)
  })

  it('finds no algorithm at a server that takes none of the key', async () => {
    const credential = privateKey({ pem: keyPem(rsa.privateKey) })
    await assert.rejects(assertionOf(credential, { signingAlgorithms: ['ES256', 'HS256'] }), {
      name: 'ConfigurationError',
      code: 'algorithm_unsupported',
      message: `Cannot sign an assertion for '${ISSUER}', as it must take one of PS256, RS256: it states ES256, HS256`,
      hint: 'Use a key of the kind that the server takes, or state `algorithm` if its metadata are incomplete',
    })
  })

  it('refuses an algorithm that the key cannot', async () => {
    const credential = privateKey({ pem: keyPem(ec.privateKey) }, { algorithm: 'PS256' })
    await assert.rejects(assertionOf(credential), {
      code: 'algorithm_unknown',
      message: "Cannot sign assertions with 'PS256', as one of ES256 is needed for this key",
    })
  })

  it('refuses a claim that it sets itself', () => {
    const claims = { aud: 'https://other.example' }
    assert.throws(() => privateKey({ pem: keyPem(ec.privateKey) }, { claims }), { code: 'claims_unusable' })
  })

  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  const sources: readonly (readonly [string, PrivateKeySource, string])[] = [
    ['an empty text', { pem: '' }, UNREADABLE],
    ['a public key', { jwk: ec.publicKey.export({ format: 'jwk' }) }, UNREADABLE],
    ['a key without its password', { pem: keyPem(ec.privateKey, 'open it') }, UNREADABLE],
    ['a wrong password', { pem: keyPem(ec.privateKey, 'open it'), password: 'wrong' }, UNREADABLE],
    ['JSON that was cut off', { pem: '{"kty":' }, 'holds no JSON'],
    ['a short RSA key', { pem: keyPem(small) }, 'holds an RSA key of 1024 bits'],
    ['another curve', { pem: keyPem(p384) }, 'holds a key of type ec secp384r1'],
  ]
  for (const [what, source, found] of sources) {
    it(`refuses ${what}, and quotes nothing of it`, async () => {
      const named = 'jwk' in source ? 'the configured JWK' : 'the configured PEM text'
      await assert.rejects(assertionOf(privateKey(source)), {
        name: 'ConfigurationError',
        code: 'private_key_unusable',
        message: `Cannot sign in with the private key in ${named}, as RSA of 2048 bits, EC on P-256 or Ed25519 is needed: the source ${found}`,
      })
    })
  }
})

describe('certificate, at a server found by discovery', () => {
  const own = makeCertificate(rsa, {
    name: 'nightly-sync',
    notBefore: '2020-01-01T00:00:00Z',
    notAfter: '2049-12-31T00:00:00Z',
  })
  const pem = keyPem(own.key) + own.certificate

  it('signs for the issuer, with the algorithm that the server takes', async () => {
    for (const [signingAlgorithms, alg] of [
      [undefined, 'PS256'],
      [['RS256'], 'RS256'],
    ] as const) {
      const assertion = await assertionOf(certificate({ pem }), { signingAlgorithms })
      assert.equal(decodeProtectedHeader(assertion).alg, alg)
      assert.equal((await claimsOf(assertion, rsa.publicKey)).aud, ISSUER)
    }
  })

  it('signs for the token endpoint when it is told so', async () => {
    const assertion = await assertionOf(certificate({ pem }, { audience: 'tokenEndpoint' }))
    assert.equal((await claimsOf(assertion, rsa.publicKey)).aud, CONTEXT.tokenEndpoint)
  })
})
