// Commands for a platform that shows a certificate of another authority than its own.
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type * as X509 from '@peculiar/x509'
import { type KeyRotation, startPlatform } from '@tomte/platform'
import { DRILLS, drillCommand } from './drill.ts'
import { rotateKeysCommand } from './rotate-keys.ts'
import { resultOf, temporaryFolder, tomte } from './test-support.ts'
import type { TrustArguments } from './trust.ts'

const DAY_MS = 86_400_000
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048 }

/** An authority, and a certificate for localhost that it has issued, as PEM. */
async function otherAuthority() {
  createRequire(import.meta.url)('reflect-metadata')
  const x509: typeof X509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(webcrypto)
  const keysOf = () =>
    webcrypto.subtle.generateKey({ ...RSA, publicExponent: new Uint8Array([1, 0, 1]) }, true, [
      'sign',
      'verify',
    ])
  const [authorityKeys, keys] = [await keysOf(), await keysOf()]
  const names = { authority: 'CN=Contoso Root', server: 'CN=localhost' }
  const common = {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: RSA,
    signingKey: authorityKeys.privateKey,
    issuer: names.authority,
  }
  const authority = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber: '01',
    subject: names.authority,
    publicKey: authorityKeys.publicKey,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  })
  const server = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber: '02',
    subject: names.server,
    publicKey: keys.publicKey,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    authority: authority.toString('pem'),
    certificate: server.toString('pem'),
    privateKey: x509.PemConverter.encode(key, 'PRIVATE KEY'),
  }
}

let made: Awaited<ReturnType<typeof otherAuthority>>
before(async () => {
  made = await otherAuthority()
})

async function started(t: Parameters<typeof temporaryFolder>[0]) {
  const folder = await temporaryFolder(t)
  const files = {
    chain: join(folder, 'chain.pem'),
    leaf: join(folder, 'leaf.pem'),
    ca: join(folder, 'ca.pem'),
  }
  await writeFile(files.leaf, made.certificate)
  await writeFile(files.ca, made.authority)
  await writeFile(files.chain, `${made.certificate}\n${made.authority}\n`)
  const { certificate, privateKey } = made
  const data = join(folder, 'data')
  const tls = { certificate, privateKey }
  const platform = await startPlatform({ dataFolder: data, port: 0, drills: true, names: ['localhost'], tls })
  t.after(() => platform.close())
  return { platform, data, files }
}

/** Whom each way of saying it trusts. */
const ways = (files: { readonly chain: string; readonly leaf: string; readonly ca: string }) =>
  [
    { tlsCertificate: files.chain },
    { tlsCertificate: files.leaf, issuerCa: files.ca },
    { issuerCa: files.ca },
  ] satisfies readonly TrustArguments[]

const status = async (data: string, trust: TrustArguments) => {
  const drill = DRILLS['status']
  assert.ok(drill)
  return resultOf((output) => drillCommand(drill, [], { ...trust, data }, output))
}

describe('a platform with a certificate of another authority', () => {
  it('is drilled and gets new keys by those who are told of it, with its chain or its authority', async (t) => {
    const { data, files } = await started(t)
    const kids = new Set<string>()
    for (const trust of ways(files)) {
      assert.equal((await status(data, trust)).document['clock'], 'machine')
      const { document } = await resultOf((output) => rotateKeysCommand({ data, ...trust }, output))
      kids.add((document as unknown as KeyRotation).kid)
    }
    assert.equal(kids.size, 3)
  })

  it('is named on the command line', async (t) => {
    const { data, files } = await started(t)
    const trust = ['--tls-certificate', files.leaf, '--issuer-ca', files.ca]
    const { ended, printed } = tomte(t, ['platform', 'rotate-keys', '--json', '--data', data, ...trust])
    assert.deepEqual([(await ended).code, printed.stderr], [0, ''])
  })

  it('is not trusted by those who are not, and they are told what to name', async (t) => {
    const { platform, data, files } = await started(t)
    const { origin } = new URL(platform.drillsUrl ?? '')
    for (const trust of [{}, { tlsCertificate: files.leaf }])
      await assert.rejects(status(data, trust), {
        name: 'PlatformError',
        code: 'platform_untrusted',
        message: new RegExp(
          `^Cannot trust the platform at ${origin}, as an authority that is known must vouch for it: unable to verify the first certificate`,
        ),
        hint: 'Name the certificate that it shows with --tls-certificate, and its authority with --issuer-ca',
      })
    await assert.rejects(status(data, { tlsCertificate: join(data, 'none.pem') }), {
      name: 'PlatformError',
      code: 'certificate_unusable',
      message: `Cannot read '${join(data, 'none.pem')}', as --tls-certificate needs a readable PEM file: ENOENT`,
    })
  })
})
