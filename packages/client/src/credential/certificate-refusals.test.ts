import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { certificate, type CertificateSource } from './certificate.ts'
import { keyPem, makeCertificate, newEcKey, newRsaKey } from './test-support.ts'

const NOW_MS = Date.UTC(2026, 8, 21)
const VALID = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' }
const own = makeCertificate(newRsaKey(), { ...VALID, name: 'nightly-sync' })
const other = makeCertificate(newRsaKey(), { ...VALID, name: 'someone else' })
const elliptic = makeCertificate(newEcKey(), { ...VALID, name: 'elliptic' })
const PASSWORD = 'open it'

const context = {
  clientId: 'nightly-sync',
  tokenEndpoint: 'https://login.example/t/oauth2/v2.0/token',
  nowMs: NOW_MS,
  randomUuid: () => 'id',
}

async function refusalOf(source: CertificateSource, nowMs = NOW_MS): Promise<Error> {
  const body = new URLSearchParams()
  try {
    await certificate(source)({ body, headers: {} }, { ...context, nowMs })
  } catch (error) {
    assert.deepEqual([...body.keys()], [], 'a refused proof leaves nothing in the form')
    assert.ok(error instanceof Error)
    return error
  }
  throw new Error('the certificate was taken')
}

const unusable = (from: string, found: string) => ({
  name: 'ConfigurationError',
  code: 'certificate_unusable',
  message:
    `Cannot sign in with the certificate in ${from}, as an RSA private key and the certificate ` +
    `that belongs to it are needed: the source ${found}`,
  hint: 'Put the private key and its certificate into one PEM or PFX file and set AZURE_CLIENT_CERTIFICATE_PATH to it',
})

const unreadable = (file: string, reason: string) => ({
  name: 'ConfigurationError',
  code: 'credential_file_unreadable',
  message: `Cannot read the credential file '${file}', as a small readable file is needed: ${reason}`,
})

function isRefusal(error: Error, expected: object): void {
  assert.throws(() => {
    throw error
  }, expected)
}

/** Everything that a program could log of an error, against every line of the private keys. */
function keepsSecrets(error: Error): void {
  const shown = inspect(error, { depth: Infinity, showHidden: true, maxStringLength: null })
  for (const { key } of [own, other, elliptic]) {
    const lines = keyPem(key).split('\n').slice(1, -2)
    assert.deepEqual(
      lines.filter((line) => shown.includes(line)),
      [],
    )
  }
  assert.ok(!shown.includes(PASSWORD))
  assert.ok(!('cause' in error))
}

const damagedBody = (pem: string) => pem.replace(/\n[^-]{40}/, `\n${'A'.repeat(40)}`)

describe('certificate refuses', () => {
  const PEM = 'the configured PEM text'
  const key = keyPem(own.key)
  const encrypted = keyPem(own.key, PASSWORD)
  const pssKey = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey
  const cases: readonly (readonly [name: string, source: CertificateSource, found: string])[] = [
    ['an empty text', { pem: '' }, 'holds no certificate ("-----BEGIN CERTIFICATE-----")'],
    ['a key alone', { pem: key }, 'holds no certificate ("-----BEGIN CERTIFICATE-----")'],
    ['a certificate alone', { pem: own.certificate }, 'holds no private key ("-----BEGIN PRIVATE KEY-----")'],
    [
      'a public key in place of the private',
      { pem: newRsaKey().publicKey.export({ type: 'spki', format: 'pem' }).toString() + own.certificate },
      'holds no private key ("-----BEGIN PRIVATE KEY-----")',
    ],
    ['a damaged key', { pem: damagedBody(key) + own.certificate }, 'holds a damaged private key'],
    [
      'a key that was cut off',
      { pem: key.replace(/-----END[^]*$/, '') + own.certificate },
      'holds no private key ("-----BEGIN PRIVATE KEY-----")',
    ],
    [
      'an encrypted key without a password',
      { pem: encrypted + own.certificate },
      'holds an encrypted private key that the password does not open',
    ],
    [
      'an encrypted key with another password',
      { pem: encrypted + own.certificate, password: 'shut' },
      'holds an encrypted private key that the password does not open',
    ],
    [
      'an encrypted key with an empty password',
      { pem: encrypted + own.certificate, password: '' },
      'holds an encrypted private key that the password does not open',
    ],
    ['a damaged certificate', { pem: key + damagedBody(own.certificate) }, 'holds a damaged certificate'],
    ['an elliptic key', { pem: keyPem(elliptic.key) + elliptic.certificate }, 'holds a key of type ec'],
    ['a key for PSS alone', { pem: keyPem(pssKey) + own.certificate }, 'holds a key of type rsa-pss'],
    [
      'the certificate of another key',
      { pem: key + other.certificate },
      'holds a private key that belongs to none of its certificates (CN=someone else)',
    ],
    [
      'the certificates of other keys, one of them elliptic',
      { pem: key + elliptic.certificate + other.certificate },
      'holds a private key that belongs to none of its certificates (CN=elliptic; CN=someone else)',
    ],
  ]
  for (const [name, source, found] of cases) {
    it(`${name}, and shows nothing of the key`, async () => {
      const error = await refusalOf(source)
      isRefusal(error, unusable(PEM, found))
      keepsSecrets(error)
    })
  }

  it('a certificate that has expired', async () => {
    const error = await refusalOf({ pem: key + own.certificate }, Date.parse(VALID.notAfter) + 1)
    isRefusal(error, {
      name: 'CredentialError',
      code: 'certificate_expired',
      message:
        `Cannot sign in with the certificate in ${PEM}: ` +
        'it expired at 2027-01-01T00:00:00.000Z, and now it is 2027-01-01T00:00:00.001Z',
      hint: 'Make a new certificate, register its public half on the application, and point the configuration at it',
    })
    keepsSecrets(error)
  })

  it('a certificate that is not valid yet', async () => {
    const error = await refusalOf({ pem: key + own.certificate }, Date.parse(VALID.notBefore) - 1)
    isRefusal(error, {
      name: 'CredentialError',
      code: 'certificate_not_yet_valid',
      message:
        `Cannot sign in with the certificate in ${PEM}: ` +
        'it is valid only from 2026-01-01T00:00:00.000Z, and now it is 2025-12-31T23:59:59.999Z',
    })
  })
})

describe('certificate reads a file that', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-client-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('is missing', async () => {
    const file = join(folder, 'missing.pem')
    isRefusal(await refusalOf({ file }), unreadable(file, 'ENOENT'))
  })

  it('is a folder', async () => {
    isRefusal(await refusalOf({ file: folder }), unreadable(folder, 'EISDIR'))
  })

  const pem = keyPem(own.key) + own.certificate
  for (const [name, file] of [
    ['PEM text', pem],
    ['base64', Buffer.from(pem).toString('base64')],
  ] as const) {
    it(`was meant to be the ${name} itself, and is refused at once without showing it`, async () => {
      const error = await refusalOf({ file })
      isRefusal(error, {
        name: 'ConfigurationError',
        code: 'certificate_path_malformed',
        message:
          'Cannot read the certificate file, as its path is needed: found what looks like its contents',
        hint: 'Hand over the text as `pem` or `base64` instead of `file`',
      })
      keepsSecrets(error)
      assert.throws(() => certificate({ file }), { code: 'certificate_path_malformed' })
      assert.ok(!inspect(error).includes(file.slice(0, 40)))
    })
  }

  it('was wrong at first, anew at the next request', async () => {
    const file = join(folder, 'late.pem')
    const credential = certificate({ file })
    const ask = async () => {
      const body = new URLSearchParams()
      await credential({ body, headers: {} }, context)
      return body.has('client_assertion')
    }
    await Promise.all([1, 2].map(() => assert.rejects(ask(), unreadable(file, 'ENOENT'))))
    await writeFile(file, own.certificate)
    await assert.rejects(ask(), unusable(`'${file}'`, 'holds no private key ("-----BEGIN PRIVATE KEY-----")'))
    await writeFile(file, keyPem(own.key) + own.certificate)
    assert.equal(await ask(), true)
    await rm(file)
    await assert.rejects(ask(), unreadable(file, 'ENOENT'))
  })
})

describe('certificate', () => {
  it('shows nothing of the key when the credential itself is printed', () => {
    const pem = keyPem(own.key) + own.certificate
    const shown = inspect(certificate({ pem, password: PASSWORD }), { depth: Infinity, showHidden: true })
    assert.ok(!shown.includes('PRIVATE KEY') && !shown.includes(PASSWORD))
  })
})
