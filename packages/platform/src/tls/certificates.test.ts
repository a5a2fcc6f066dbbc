// The local certificate authority can vouch for this machine and for nothing else: shown with Node's own TLS.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { webcrypto, X509Certificate } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import type { AddressInfo } from 'node:net'
import * as x509 from '@peculiar/x509'
import { World } from '../test-support.ts'
import {
  type CertifiedKey,
  makeLocalAuthority,
  makeSelfSigned,
  makeServerCertificate,
} from './certificates.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const nowMs = Date.now()
const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + DAY_MS }
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

let authority: CertifiedKey
before(async () => {
  authority = await makeLocalAuthority('test authority', validity)
})

/** A server certificate for any name, which an honest authority would not sign. */
async function makeForeign(name: x509.JsonGeneralName): Promise<CertifiedKey> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const pkcs8 = x509.PemConverter.decodeFirst(authority.privateKey)
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=foreign',
    issuer: new x509.X509Certificate(authority.certificate).subject,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, EC, false, ['sign']),
    signingAlgorithm: EC,
    notBefore: new Date(validity.notBeforeMs),
    notAfter: new Date(validity.notAfterMs),
    extensions: [new x509.SubjectAlternativeNameExtension([name])],
  })
  const privateKey = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    certificate: certificate.toString('pem'),
    privateKey: x509.PemConverter.encode(privateKey, 'PRIVATE KEY'),
  }
}

/** Connects to a server with this certificate, trusting the authority; returns the client's error, if any. */
async function handshake(
  server: CertifiedKey,
  servername: string,
  ca = authority.certificate,
): Promise<string> {
  const listener = createServer({ cert: server.certificate, key: server.privateKey }, (socket) =>
    socket.end(),
  )
  listener.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  try {
    return await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, servername, ca }, () => {
        socket.destroy()
        resolve('trusted')
      })
      socket.on('error', (error) => resolve(error.message))
    })
  } finally {
    listener.close()
  }
}

describe('makeLocalAuthority', () => {
  it('makes an authority that may sign no other authority', () => {
    const certificate = new X509Certificate(authority.certificate)
    assert.deepEqual([certificate.ca, certificate.subject], [true, 'CN=test authority'])
    assert.equal(certificate.verify(certificate.publicKey), true)
    const constraints = new x509.X509Certificate(authority.certificate).getExtension(
      x509.BasicConstraintsExtension,
    )
    assert.deepEqual([constraints?.ca, constraints?.pathLength, constraints?.critical], [true, 0, true])
  })

  it('marks its name constraints critical', () => {
    const extension = new x509.X509Certificate(authority.certificate).getExtension('2.5.29.30')
    assert.equal(extension?.critical, true)
  })

  it('is trusted for localhost, and for no certificate of another name or address', async () => {
    const local = await makeServerCertificate(authority, validity)
    assert.equal(await handshake(local, 'localhost'), 'trusted')
    for (const [name, servername] of [
      [{ type: 'dns', value: 'example.com' }, 'example.com'],
      [{ type: 'dns', value: 'login.microsoftonline.com' }, 'login.microsoftonline.com'],
      [{ type: 'ip', value: '10.0.0.1' }, 'localhost'],
      [{ type: 'ip', value: '::2' }, 'localhost'],
    ] as const) {
      const foreign = await makeForeign(name)
      assert.equal(await handshake(foreign, servername), 'permitted subtree violation', name.value)
    }
    assert.equal(
      await handshake(await makeForeign({ type: 'dns', value: 'localhost' }), 'localhost'),
      'trusted',
    )
  })
})

describe('makeServerCertificate', () => {
  it('is for localhost, 127.0.0.1 and ::1, signed by the authority', async () => {
    const { certificate, privateKey } = await makeServerCertificate(authority, validity)
    const leaf = new X509Certificate(certificate)
    assert.equal(leaf.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1')
    assert.equal(leaf.ca, false)
    assert.equal(leaf.checkIssued(new X509Certificate(authority.certificate)), true)
    assert.equal(leaf.verify(new X509Certificate(authority.certificate).publicKey), true)
    assert.match(privateKey, /^-----BEGIN PRIVATE KEY-----/)
    assert.deepEqual(
      [leaf.validFromDate, leaf.validToDate].map((date) => date.getTime()),
      [validity.notBeforeMs, validity.notAfterMs].map((ms) => Math.floor(ms / 1000) * 1000),
    )
  })

  it('is not trusted by who trusts another authority', async () => {
    const other = await makeLocalAuthority('another authority', validity)
    const local = await makeServerCertificate(authority, validity)
    assert.match(await handshake(local, 'localhost', other.certificate), /^unable to /)
  })
})

describe('makeSelfSigned', () => {
  it('makes an RSA certificate of 2048 bits that is no authority', async () => {
    const { certificate } = await makeSelfSigned('daemon', validity)
    const { ca, subject, publicKey } = new X509Certificate(certificate)
    assert.deepEqual([ca, subject, publicKey.asymmetricKeyType], [false, 'CN=daemon', 'rsa'])
    assert.equal(publicKey.asymmetricKeyDetails?.modulusLength, 2048)
  })
})

describe('a running platform', () => {
  let world: World
  before(async () => {
    world = await World.start()
  })
  after(() => world.remove())

  it('is trusted by its ca alone, under each of its names', async () => {
    const { port } = new URL(world.platform.origin)
    const reach = (host: string, ca?: string) =>
      new Promise<string>((resolve) => {
        const socket: TLSSocket = connect({ host, port: Number(port), ...(ca ? { ca } : {}) }, () => {
          resolve(socket.getProtocol() ?? '')
          socket.destroy()
        })
        socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
      })
    assert.equal(await reach('localhost', world.platform.ca), 'TLSv1.3')
    assert.equal(await reach('127.0.0.1', world.platform.ca), 'TLSv1.3')
    assert.match(await reach('localhost'), /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/)
  })
})
