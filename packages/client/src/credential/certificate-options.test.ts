import assert from 'node:assert/strict'
import { constants, createHash, sign, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { decodeJwt, decodeProtectedHeader, importX509, jwtVerify } from 'jose'
import { certificate, type CertificateOptions, type CertificateSource } from './certificate.ts'
import type { AssertionAlgorithm } from './assertion-style.ts'
import { keyPem, makeCertificate, newEcKey, newRsaKey } from './test-support.ts'

const NOW_MS = Date.UTC(2026, 8, 21)
const ENDPOINT = 'https://login.example/t/oauth2/v2.0/token'
const VALID = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' }
const root = makeCertificate(newRsaKey(), { ...VALID, name: 'root' })
const middle = makeCertificate(newEcKey(), { ...VALID, name: 'middle', issuer: { ...root, name: 'root' } })
const leaf = makeCertificate(newRsaKey(), { ...VALID, name: 'leaf', issuer: { ...middle, name: 'middle' } })
const stranger = makeCertificate(newRsaKey(), { ...VALID, name: 'stranger' })

const key = keyPem(leaf.key)
const derOf = (pem: string) => new X509Certificate(pem).raw
const digestOf = (algorithm: string) =>
  createHash(algorithm).update(derOf(leaf.certificate)).digest('base64url')

async function assertionOf(source: CertificateSource, options?: CertificateOptions): Promise<string> {
  const body = new URLSearchParams()
  const context = { clientId: 'c', tokenEndpoint: ENDPOINT, nowMs: NOW_MS, randomUuid: () => 'id' }
  try {
    await certificate(source, options)({ body, headers: {} }, context)
  } catch (error) {
    assert.deepEqual([...body.keys()], [], 'a refused proof leaves nothing in the form')
    throw error
  }
  return body.get('client_assertion') ?? ''
}

const verified = async (assertion: string, algorithm: AssertionAlgorithm) =>
  jwtVerify(assertion, await importX509(leaf.certificate, algorithm), {
    algorithms: [algorithm],
    audience: ENDPOINT,
    currentDate: new Date(NOW_MS),
  })

describe('certificate', () => {
  const pem = key + leaf.certificate
  const headers = {
    PS256: { alg: 'PS256', typ: 'JWT', 'x5t#S256': digestOf('sha256') },
    RS256: { alg: 'RS256', typ: 'JWT', x5t: digestOf('sha1') },
  }
  for (const algorithm of ['PS256', 'RS256'] as const) {
    it(`signs with ${algorithm} and the thumbprint that goes with it`, async () => {
      const assertion = await assertionOf({ pem }, { algorithm })
      assert.deepEqual((await verified(assertion, algorithm)).protectedHeader, headers[algorithm])
    })
  }

  it('refuses an algorithm that it does not know, at once', () => {
    for (const unknown of ['ES256', 'none', 'toString']) {
      assert.throws(() => certificate({ pem }, { algorithm: unknown as AssertionAlgorithm }), {
        name: 'ConfigurationError',
        code: 'algorithm_unknown',
        message: `Cannot sign assertions with '${unknown}', as one of PS256, RS256 is needed`,
        hint: 'Leave the option out, unless the authority asks for RS256',
      })
    }
  })

  const chains = [
    ['in order', leaf.certificate + middle.certificate + root.certificate, [leaf, middle, root]],
    ['in reverse', root.certificate + middle.certificate + leaf.certificate, [leaf, middle, root]],
    ['among others', stranger.certificate + middle.certificate + leaf.certificate, [leaf, middle]],
    ['with a gap', root.certificate + leaf.certificate, [leaf]],
    ['alone and twice', leaf.certificate + leaf.certificate, [leaf]],
  ] as const
  for (const [name, certificates, expected] of chains) {
    it(`sends the chain, leaf first, that stands ${name} in the source`, async () => {
      const assertion = await assertionOf({ pem: key + certificates }, { sendChain: true })
      assert.deepEqual((await verified(assertion, 'PS256')).protectedHeader, {
        ...headers.PS256,
        x5c: expected.map((one) => derOf(one.certificate).toString('base64')),
      })
    })
  }

  it('signs extra claims beside its own', async () => {
    const claims = { client_ip: '192.0.2.7', roles: ['a', { b: 1 }] }
    const { payload } = await verified(await assertionOf({ pem }, { claims }), 'PS256')
    const times = { nbf: NOW_MS / 1000, iat: NOW_MS / 1000, exp: NOW_MS / 1000 + 600 }
    assert.deepEqual(payload, { ...claims, aud: ENDPOINT, iss: 'c', sub: 'c', jti: 'id', ...times })
  })

  it('signs the claims as they were when it was made', async () => {
    const claims: Record<string, unknown> = { client_ip: '192.0.2.7' }
    const credential = certificate({ pem }, { claims })
    claims['client_ip'] = '192.0.2.8'
    claims['toJSON'] = () => ({ sub: 'somebody else' })
    const body = new URLSearchParams()
    const context = { clientId: 'c', tokenEndpoint: ENDPOINT, nowMs: NOW_MS, randomUuid: () => 'id' }
    await credential({ body, headers: {} }, context)
    const { client_ip: address, sub } = decodeJwt(body.get('client_assertion') ?? '')
    assert.deepEqual([address, sub], ['192.0.2.7', 'c'])
  })

  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const refused: readonly (readonly [name: string, claims: object, found: string])[] = [
    ...['aud', 'iss', 'sub', 'jti', 'nbf', 'iat', 'exp'].map(
      (name) => [name, { [name]: 'x' }, `found ${name}, which the credential itself sets`] as const,
    ),
    ['several', { sub: 'x', fine: 1, aud: null }, 'found aud, sub, which the credential itself sets'],
    ['a disguise', { toJSON: () => ({ sub: 'x' }) }, 'found sub, which the credential itself sets'],
    ['a list', ['x'], 'found something else'],
    ['what JSON cannot say', { big: 1n }, 'found something else'],
    ['a circle', circular, 'found something else'],
  ]
  for (const [name, claims, found] of refused) {
    it(`refuses extra claims at once: ${name}`, () => {
      assert.throws(() => certificate({ pem }, { claims: claims as Record<string, unknown> }), {
        name: 'ConfigurationError',
        code: 'claims_unusable',
        message:
          'Cannot sign the extra claims, as a JSON object without aud, iss, sub, jti, nbf, iat, exp is needed: ' +
          found,
        hint: 'Give the extra claims names of their own, such as client_ip',
      })
    })
  }
})

describe('certificate with a key that is out of reach', () => {
  const paddings = {
    PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    RS256: { padding: constants.RSA_PKCS1_PADDING },
  }
  const chain = leaf.certificate + middle.certificate

  for (const algorithm of ['PS256', 'RS256'] as const) {
    it(`lets the signer sign with ${algorithm}`, async () => {
      const asked: string[] = []
      const vault = async (data: Buffer, wanted: AssertionAlgorithm) => {
        asked.push(`${wanted} ${data.toString()}`)
        return sign('sha256', data, { key: leaf.key, ...paddings[wanted] })
      }
      const assertion = await assertionOf(
        { certificate: chain, sign: vault },
        { algorithm, sendChain: true, claims: { client_ip: '192.0.2.7' } },
      )
      const { payload, protectedHeader } = await verified(assertion, algorithm)
      assert.equal(payload['client_ip'], '192.0.2.7')
      assert.equal(protectedHeader.x5c?.length, 2)
      assert.deepEqual(asked, [`${algorithm} ${assertion.slice(0, assertion.lastIndexOf('.'))}`])
    })
  }

  it('takes plain bytes as well, and asks for every assertion', async () => {
    let asked = 0
    const vault = (data: Buffer) => {
      asked += 1
      return new Uint8Array(sign('sha256', data, { key: leaf.key, ...paddings.PS256 }))
    }
    const credential = certificate({ certificate: chain, sign: vault })
    for (const id of ['1', '2']) {
      const body = new URLSearchParams()
      await credential(
        { body, headers: {} },
        { clientId: 'c', tokenEndpoint: ENDPOINT, nowMs: NOW_MS, randomUuid: () => id },
      )
      const { payload } = await verified(body.get('client_assertion') ?? '', 'PS256')
      assert.equal(payload.jti, id)
    }
    assert.equal(asked, 2)
    assert.equal(credential.expiresAtMs?.(), Date.parse(VALID.notAfter))
  })

  it('passes on what the signer throws, now or later', async () => {
    const failure = new Error('the vault is sealed')
    const fails = () => {
      throw failure
    }
    for (const vault of [fails, () => Promise.reject(failure)]) {
      await assert.rejects(assertionOf({ certificate: chain, sign: vault }), (error) => error === failure)
    }
  })

  const wrong: readonly (readonly [name: string, returned: unknown, found: string])[] = [
    ['too few bytes', Buffer.alloc(32), '32 bytes'],
    ['too many bytes', Buffer.alloc(257), '257 bytes'],
    ['no bytes', Buffer.alloc(0), '0 bytes'],
    ['text', 'x'.repeat(256), 'something else'],
    ['a list as long as a signature', Array.from({ length: 256 }, () => 1), 'something else'],
    ['nothing', undefined, 'something else'],
  ]
  for (const [name, returned, found] of wrong) {
    it(`refuses a signer that returns ${name}`, async () => {
      const vault = (async () => returned) as () => Promise<Uint8Array>
      await assert.rejects(assertionOf({ certificate: chain, sign: vault }), {
        name: 'ConfigurationError',
        code: 'signature_malformed',
        message:
          'Cannot sign in with the certificate in the configured certificate, as a signature of 256 bytes is ' +
          `needed: the signer returned ${found}`,
        hint: 'Return the raw bytes of the signature, made by the key that belongs to the certificate',
      })
    })
  }

  const useless: readonly (readonly [name: string, pem: string, found: string])[] = [
    ['nothing', '', 'holds no certificate ("-----BEGIN CERTIFICATE-----")'],
    [
      'an elliptic certificate first',
      middle.certificate + leaf.certificate,
      'holds a certificate for a key of type ec',
    ],
    ['a cut certificate', leaf.certificate.replace(/\n[^-]{40}/, '\nAAAA'), 'holds a damaged certificate'],
  ]
  for (const [name, pem, found] of useless) {
    it(`refuses ${name} for its certificate, and never asks the signer`, async () => {
      const vault = () => assert.fail('the signer was asked')
      await assert.rejects(assertionOf({ certificate: pem, sign: vault }), {
        code: 'certificate_unusable',
        message:
          'Cannot sign in with the certificate in the configured certificate, as an RSA private key and the ' +
          `certificate that belongs to it are needed: the source ${found}`,
      })
    })
  }

  it('names this certificate in the header, and shows no key when it is printed', async () => {
    const vault = async (data: Buffer) => sign('sha256', data, { key: leaf.key, ...paddings.PS256 })
    const source = { certificate: chain, sign: vault }
    assert.deepEqual(decodeProtectedHeader(await assertionOf(source)), {
      alg: 'PS256',
      typ: 'JWT',
      'x5t#S256': digestOf('sha256'),
    })
    const shown = inspect(certificate(source), { depth: Infinity, showHidden: true })
    assert.ok(!shown.includes('PRIVATE KEY') && !shown.includes('CERTIFICATE'))
  })
})
