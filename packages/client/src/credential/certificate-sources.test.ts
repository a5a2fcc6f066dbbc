import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, type KeyObject, X509Certificate } from 'node:crypto'
import { cp, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inspect, promisify } from 'node:util'
import { decodeProtectedHeader, importX509, jwtVerify } from 'jose'
import forge from 'node-forge'
import { certificate, type CertificateSource } from './certificate.ts'
import type { Credential } from './credential.ts'
import { type Certified, keyPem, makeCertificate, newRsaKey } from './test-support.ts'

const NOW_MS = Date.UTC(2026, 8, 21)
const VALID = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' }
const PASSWORD = 'open it'
const authority = makeCertificate(newRsaKey(), { ...VALID, name: 'authority' })
const own = makeCertificate(newRsaKey(), {
  ...VALID,
  name: 'nightly-sync',
  issuer: { ...authority, name: 'authority' },
})
const next = makeCertificate(newRsaKey(), {
  notBefore: VALID.notBefore,
  notAfter: '2028-01-01T00:00:00Z',
  name: 'next',
})

const pemOf = ({ key, certificate: pem }: Certified) => keyPem(key) + pem
const thumbprint = ({ certificate: pem }: Certified) =>
  createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')

type Cipher = '3des' | 'aes256'

/** A PFX (PKCS #12) of a key and certificates, all RSA: the library that makes it knows nothing else. */
function pfxOf(
  key: KeyObject,
  certificates: readonly string[],
  password: string | null,
  algorithm: Cipher = 'aes256',
) {
  const pkcs1 = key.export({ type: 'pkcs1', format: 'pem' }).toString()
  const asn1 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(pkcs1),
    certificates.map((pem) => forge.pki.certificateFromPem(pem)),
    password,
    { algorithm },
  )
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1')
}

async function assertionOf(credential: Credential): Promise<string> {
  const body = new URLSearchParams()
  const context = {
    clientId: 'c',
    tokenEndpoint: 'https://login.example/t',
    nowMs: NOW_MS,
    randomUuid: () => 'id',
  }
  await credential({ body, headers: {} }, context)
  return body.get('client_assertion') ?? ''
}

/** Another implementation believes it, and it names this certificate. */
async function convinces(assertion: string, { certificate: pem }: Certified): Promise<void> {
  assert.equal(decodeProtectedHeader(assertion)['x5t#S256'], thumbprint({ certificate: pem, key: own.key }))
  await jwtVerify(assertion, await importX509(pem, 'PS256'), { currentDate: new Date(NOW_MS) })
}

const unusable = (from: string, found: string) => ({
  name: 'ConfigurationError',
  code: 'certificate_unusable',
  message:
    `Cannot sign in with the certificate in ${from}, as an RSA private key and the certificate that belongs to it ` +
    `are needed: the source ${found}`,
})

/** What a program could log, against every line of the key's PEM and the password. */
function keepsSecrets(shown: unknown): void {
  const text = inspect(shown, { depth: Infinity, showHidden: true, maxStringLength: null })
  const secrets = [...keyPem(own.key).split('\n').slice(1, -2), PASSWORD, 'PRIVATE KEY-----\n']
  assert.deepEqual(
    secrets.filter((secret) => text.includes(secret)),
    [],
  )
}

const WRONG_PASSWORD = 'holds a PFX that is damaged or that the password does not open'

describe('certificate signs with what it finds in', () => {
  const both = [own.certificate, authority.certificate]
  const aes = pfxOf(own.key, both, PASSWORD)
  const base64 = (bytes: Buffer) => bytes.toString('base64')
  const sources: readonly (readonly [name: string, source: CertificateSource])[] = [
    ['PEM text', { pem: pemOf(own) }],
    ['base64 of PEM', { base64: base64(Buffer.from(pemOf(own))) }],
    [
      'base64 of PEM with an encrypted key',
      {
        base64: base64(Buffer.from(keyPem(own.key, PASSWORD) + own.certificate)),
        password: PASSWORD,
      },
    ],
    ['base64 of PFX', { base64: base64(aes), password: PASSWORD }],
    ['base64 in lines', { base64: base64(aes).replaceAll(/(.{64})/g, '$1\r\n'), password: PASSWORD }],
    [
      'PFX of the older cipher',
      { base64: base64(pfxOf(own.key, both, PASSWORD, '3des')), password: PASSWORD },
    ],
    [
      'PFX with the leaf last',
      { base64: base64(pfxOf(own.key, both.toReversed(), PASSWORD)), password: PASSWORD },
    ],
    ['PFX with an empty password', { base64: base64(pfxOf(own.key, both, '')) }],
    ['PFX with an empty password that is said', { base64: base64(pfxOf(own.key, both, '')), password: '' }],
    ['PFX without any password', { base64: base64(pfxOf(own.key, both, null)) }],
  ]
  for (const [name, source] of sources) {
    it(name, async () => convinces(await assertionOf(certificate(source)), own))
  }

  it('PFX whose certificate is signed with PSS, by the thumbprint of the original bytes', async () => {
    const pss = makeCertificate(newRsaKey(), { ...VALID, name: 'pss', pss: true })
    const base64Pfx = pfxOf(pss.key, [pss.certificate], PASSWORD).toString('base64')
    await convinces(await assertionOf(certificate({ base64: base64Pfx, password: PASSWORD })), pss)
  })
})

describe('certificate reads a file and', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-client-'))
  })
  after(() => rm(folder, { recursive: true }))

  /** As rotation does it: the new file stands complete before it takes the name. */
  const replace = async (file: string, content: string | Buffer) => {
    await writeFile(`${file}.new`, content)
    await rename(`${file}.new`, file)
  }

  it('uses a PEM that replaced another at the very next request', async () => {
    const file = join(folder, 'rotated.pem')
    await writeFile(file, pemOf(own))
    const credential = certificate({ file })
    await convinces(await assertionOf(credential), own)
    await convinces(await assertionOf(credential), own)
    await replace(file, pemOf(next))
    await convinces(await assertionOf(credential), next)
  })

  it('uses a PFX that replaced a PEM', async () => {
    const file = join(folder, 'rotated.pfx')
    await writeFile(file, pemOf(own))
    const credential = certificate({ file, password: PASSWORD })
    await convinces(await assertionOf(credential), own)
    await replace(file, pfxOf(next.key, [next.certificate], PASSWORD))
    await convinces(await assertionOf(credential), next)
  })

  it('tells when its certificate expires, once it was used and again once it was replaced', async () => {
    const file = join(folder, 'expiring.pem')
    await writeFile(file, pemOf(own))
    const credential = certificate({ file })
    assert.equal(credential.expiresAtMs?.(), undefined)
    await assertionOf(credential)
    assert.equal(credential.expiresAtMs?.(), Date.parse(VALID.notAfter))
    await replace(file, pemOf(next))
    await assertionOf(credential)
    assert.equal(credential.expiresAtMs?.(), Date.parse('2028-01-01T00:00:00Z'))
  })

  const garbage: readonly (readonly [name: string, content: string | Buffer, found: string])[] = [
    ['words', 'to be done', 'holds no certificate ("-----BEGIN CERTIFICATE-----")'],
    ['nothing', '', 'holds no certificate ("-----BEGIN CERTIFICATE-----")'],
    ['half a PEM', pemOf(own).slice(0, 900), 'holds no certificate ("-----BEGIN CERTIFICATE-----")'],
    ['half a PFX', pfxOf(own.key, [own.certificate], PASSWORD).subarray(0, 900), WRONG_PASSWORD],
    ['a certificate in DER', new X509Certificate(own.certificate).raw, WRONG_PASSWORD],
  ]
  for (const [name, content, found] of garbage) {
    it(`says what is wrong when ${name} replaced it, and works again with the next good file`, async () => {
      const file = join(folder, 'damaged.pem')
      await replace(file, pemOf(own))
      const credential = certificate({ file, password: PASSWORD })
      await assertionOf(credential)
      await replace(file, content)
      for (const _ of [1, 2]) {
        await assert.rejects(assertionOf(credential), (error) => {
          keepsSecrets([error, credential])
          assert.throws(
            () => {
              throw error
            },
            unusable(`'${file}'`, found),
          )
          return true
        })
      }
      assert.equal(credential.expiresAtMs?.(), Date.parse(VALID.notAfter), 'the last that worked')
      await replace(file, pemOf(next))
      await convinces(await assertionOf(credential), next)
    })
  }
})

describe('certificate refuses a PFX', () => {
  const from = 'the configured base64 text'
  const cases: readonly (readonly [
    name: string,
    pfx: Buffer,
    password: string | undefined,
    found: string,
  ])[] = [
    ['with a wrong password', pfxOf(own.key, [own.certificate], PASSWORD), 'shut', WRONG_PASSWORD],
    ['without its password', pfxOf(own.key, [own.certificate], PASSWORD), undefined, WRONG_PASSWORD],
    [
      'whose certificate belongs to another key',
      pfxOf(own.key, [next.certificate, authority.certificate], PASSWORD),
      PASSWORD,
      'holds a private key that belongs to none of its certificates (CN=next; CN=authority)',
    ],
  ]
  for (const [name, pfx, password, found] of cases) {
    it(name, async () => {
      const credential = certificate({ base64: pfx.toString('base64'), password })
      await assert.rejects(assertionOf(credential), (error) => {
        keepsSecrets([error, credential])
        assert.throws(
          () => {
            throw error
          },
          unusable(from, found),
        )
        return true
      })
    })
  }

  it('where node-forge is not installed, and names what to install; PEM works without it', async (t) => {
    const place = await mkdtemp(join(tmpdir(), 'tomte-client-'))
    t.after(() => rm(place, { recursive: true }))
    const sources = (await readdir(import.meta.dirname)).filter((name) =>
      /(?<!\.test|test-support)\.ts$/.test(name),
    )
    for (const name of sources) await cp(join(import.meta.dirname, name), join(place, 'credential', name))
    await cp(join(import.meta.dirname, '..', 'errors.ts'), join(place, 'errors.ts'))
    await writeFile(join(place, 'own.pem'), pemOf(own))
    await writeFile(join(place, 'own.pfx'), pfxOf(own.key, [own.certificate], PASSWORD))
    const script = `
      import { certificate } from '${pathToFileURL(join(place, 'credential', 'certificate.ts')).href}'
      const context = { clientId: 'c', tokenEndpoint: 't', nowMs: ${NOW_MS}, randomUuid: () => 'id' }
      for (const file of ['own.pem', 'own.pfx']) {
        const told = await certificate({ file, password: '${PASSWORD}' })({ body: new URLSearchParams() }, context)
          .then(() => ({ signed: true }), ({ name, code, message, hint }) => ({ name, code, message, hint }))
        console.log(JSON.stringify(told))
      }`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {
        cwd: place,
      },
    )
    const told = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    assert.deepEqual(told, [
      { signed: true },
      {
        name: 'ConfigurationError',
        code: 'pfx_reader_missing',
        message:
          "Cannot read the PFX in 'own.pfx', as the package node-forge is needed: it could not be loaded",
        hint: 'Run `npm install node-forge`, or turn the PFX into PEM: openssl pkcs12 -in FILE.pfx -out FILE.pem -nodes',
      },
    ])
  })
})
