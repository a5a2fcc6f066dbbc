import assert from 'node:assert/strict'
import { constants, createHash, verify, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { importX509, jwtVerify } from 'jose'
import { certificate, type CertificateSource } from './certificate.ts'
import { keyPem, makeCertificate, newRsaKey } from './test-support.ts'

const NOW_MS = Date.UTC(2026, 8, 21, 14, 0, 0, 999)
const NOW_SECONDS = Date.UTC(2026, 8, 21, 14) / 1000
const ENDPOINT = 'https://login.example/contoso.example/oauth2/v2.0/token'
const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'

const VALID = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' }
const own = makeCertificate(newRsaKey(), { ...VALID, name: 'nightly-sync' })
const other = makeCertificate(newRsaKey(), { ...VALID, name: 'someone else' })
const issued = makeCertificate(newRsaKey(), {
  ...VALID,
  name: 'leaf',
  issuer: { ...other, name: 'someone else' },
})

async function proofOf(source: CertificateSource, nowMs = NOW_MS): Promise<URLSearchParams> {
  const body = new URLSearchParams({ scope: 'api://orders/.default' })
  const context = { clientId: CLIENT, tokenEndpoint: ENDPOINT, nowMs, randomUuid: () => 'a-unique-id' }
  await certificate(source)({ body, headers: {} }, context)
  return body
}

async function assertionOf(source: CertificateSource, nowMs = NOW_MS): Promise<string> {
  return (await proofOf(source, nowMs)).get('client_assertion') ?? ''
}

const partsOf = (jwt: string) =>
  jwt
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown)

const sha256 = (pem: string) => createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')

describe('certificate', () => {
  it('adds the assertion and its type to the form and leaves the rest alone', async () => {
    const body = await proofOf({ pem: keyPem(own.key) + own.certificate })
    assert.deepEqual([...body.keys()], ['scope', 'client_assertion_type', 'client_assertion'])
    assert.equal(body.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  })

  it('names algorithm and certificate in the header, and who asks whom in the claims', async () => {
    const [header, claims] = partsOf(await assertionOf({ pem: keyPem(own.key) + own.certificate }))
    assert.deepEqual(header, { alg: 'PS256', typ: 'JWT', 'x5t#S256': sha256(own.certificate) })
    assert.deepEqual(claims, {
      aud: ENDPOINT,
      iss: CLIENT,
      sub: CLIENT,
      jti: 'a-unique-id',
      nbf: NOW_SECONDS,
      iat: NOW_SECONDS,
      exp: NOW_SECONDS + 600,
    })
  })

  it('signs with RSASSA-PSS, SHA-256 and a salt as long as the hash', async () => {
    const [header, claims, signature] = (await assertionOf({ pem: keyPem(own.key) + own.certificate })).split(
      '.',
    )
    const key = new X509Certificate(own.certificate).publicKey
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    const bytes = Buffer.from(signature ?? '', 'base64url')
    assert.equal(verify('sha256', Buffer.from(`${header}.${claims}`), pss, bytes), true)
    assert.equal(verify('sha256', Buffer.from(`${header}.${claims}x`), pss, bytes), false)
  })

  it('convinces another implementation, and only for this audience and these ten minutes', async () => {
    const assertion = await assertionOf({ pem: keyPem(own.key) + own.certificate })
    const key = await importX509(own.certificate, 'PS256')
    const rules = { algorithms: ['PS256'], audience: ENDPOINT, issuer: CLIENT, subject: CLIENT, typ: 'JWT' }
    const at = (seconds: number) => ({ ...rules, currentDate: new Date(seconds * 1000) })
    await jwtVerify(assertion, key, at(NOW_SECONDS))
    await jwtVerify(assertion, key, at(NOW_SECONDS + 599))
    await assert.rejects(jwtVerify(assertion, key, at(NOW_SECONDS - 1)), { claim: 'nbf' })
    await assert.rejects(jwtVerify(assertion, key, at(NOW_SECONDS + 600)), { code: 'ERR_JWT_EXPIRED' })
    await assert.rejects(jwtVerify(assertion, key, { ...at(NOW_SECONDS), audience: CLIENT }), {
      claim: 'aud',
    })
    const foreign = await importX509(other.certificate, 'PS256')
    await assert.rejects(jwtVerify(assertion, foreign, at(NOW_SECONDS)), {
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    })
  })

  const key = keyPem(issued.key)
  const leaf = issued.certificate
  const chain = other.certificate
  const orders = [
    ['key, leaf, issuer', key + leaf + chain],
    ['leaf, issuer, key', leaf + chain + key],
    ['issuer, leaf, key', chain + leaf + key],
    ['key, issuer, leaf', key + chain + leaf],
    ['Windows line ends and words between', `Bag\r\n${(chain + key + leaf).replaceAll('\n', '\r\n')}end`],
  ] as const
  for (const [name, pem] of orders) {
    it(`finds the leaf in a file with ${name}`, async () => {
      const assertion = await assertionOf({ pem })
      assert.deepEqual(partsOf(assertion)[0], { alg: 'PS256', typ: 'JWT', 'x5t#S256': sha256(leaf) })
      await jwtVerify(assertion, await importX509(leaf, 'PS256'), {
        currentDate: new Date(NOW_SECONDS * 1000),
      })
    })
  }

  it('takes a key in the older PKCS #1 form', async () => {
    const pkcs1 = own.key.export({ type: 'pkcs1', format: 'pem' }).toString()
    assert.notEqual(await assertionOf({ pem: pkcs1 + own.certificate }), '')
  })

  it('opens encrypted keys of both forms with the password', async () => {
    const password = 'open it'
    const pkcs8 = keyPem(own.key, password)
    const pkcs1 = own.key
      .export({ type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: password })
      .toString()
    for (const pem of [pkcs8, pkcs1]) {
      assert.notEqual(await assertionOf({ pem: pem + own.certificate, password }), '')
    }
  })

  it('ignores a password that the key does not need', async () => {
    const pem = keyPem(own.key) + own.certificate
    assert.notEqual(await assertionOf({ pem, password: 'not needed' }), '')
    assert.notEqual(await assertionOf({ pem, password: '' }), '')
  })

  it('reads the source once for many requests', async () => {
    let reads = 0
    const source = {
      get pem() {
        reads += 1
        return keyPem(own.key) + own.certificate
      },
    }
    const credential = certificate(source)
    const context = { clientId: CLIENT, tokenEndpoint: ENDPOINT, nowMs: NOW_MS, randomUuid: () => 'id' }
    const ask = () => credential({ body: new URLSearchParams(), headers: {} }, context)
    await Promise.all([ask(), ask()])
    await ask()
    assert.equal(reads, 1)
  })

  it('signs until the last second of the certificate and from its first', async () => {
    const pem = keyPem(own.key) + own.certificate
    assert.notEqual(await assertionOf({ pem }, Date.parse(VALID.notBefore)), '')
    assert.notEqual(await assertionOf({ pem }, Date.parse(VALID.notAfter)), '')
  })
})
