import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { newCertificate, type NewCertificate } from './new-certificate.ts'

const WANTED: NewCertificate = {
  clientId: 'daemon, CN=somebody else',
  keyBits: 2048,
  notBeforeMs: Date.UTC(2026, 8, 21),
  notAfterMs: Date.UTC(2026, 11, 20),
  password: undefined,
}

describe('newCertificate', () => {
  it('signs the key of the application for the time that is wanted, and for signatures alone', async () => {
    const pem = await newCertificate({ ...WANTED, keyBits: 3072 })
    const made = new X509Certificate(pem)
    const key = createPrivateKey(pem.slice(pem.indexOf('-----BEGIN PRIVATE KEY-----')))
    assert.ok(made.checkPrivateKey(key))
    assert.ok(made.verify(made.publicKey))
    assert.equal(made.publicKey.asymmetricKeyDetails?.modulusLength, 3072)
    assert.equal(Date.parse(made.validFrom), WANTED.notBeforeMs)
    assert.equal(Date.parse(made.validTo), WANTED.notAfterMs)
    assert.equal(made.ca, false)
    // One name, whatever is in the id.
    assert.deepEqual({ ...made.toLegacyObject().subject }, { CN: WANTED.clientId })
    assert.match(made.serialNumber, /^[0-7][0-9A-F]{31}$/)
  })

  it('encrypts the key where there is a password, and never gives one twice', async () => {
    const [one, two] = await Promise.all([
      newCertificate({ ...WANTED, password: 'open it' }),
      newCertificate({ ...WANTED, password: 'open it' }),
    ])
    const text = one.slice(one.indexOf('-----BEGIN ENCRYPTED PRIVATE KEY-----'))
    assert.throws(() => createPrivateKey({ key: text, passphrase: 'wrong' }))
    const key = createPrivateKey({ key: text, passphrase: 'open it' })
    assert.ok(new X509Certificate(one).checkPrivateKey(key))
    assert.equal(new X509Certificate(two).checkPrivateKey(key), false)
  })

  it('names what to install where the packages are missing', async (t) => {
    const place = await mkdtemp(join(tmpdir(), 'tomte-client-'))
    t.after(() => rm(place, { recursive: true }))
    const source = join(place, 'rotation', 'new-certificate.ts')
    await cp(join(import.meta.dirname, 'new-certificate.ts'), source)
    await cp(join(import.meta.dirname, '..', 'errors.ts'), join(place, 'errors.ts'))
    const script = `
      import { newCertificate } from '${pathToFileURL(source).href}'
      const error = await newCertificate(${JSON.stringify(WANTED)}).catch((error) => error)
      const { name, code, message, hint } = error
      console.log(JSON.stringify({ name, code, message, hint }))`
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: place })
    assert.deepEqual(JSON.parse(stdout), {
      name: 'ConfigurationError',
      code: 'certificate_maker_missing',
      message:
        'Cannot make a new certificate, as the packages @peculiar/x509 and reflect-metadata are needed: they could not be loaded',
      hint: 'Run `npm install @peculiar/x509 reflect-metadata`',
    })
  })
})
