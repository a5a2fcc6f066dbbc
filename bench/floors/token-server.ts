// The least that answers a token request: a bare node:https server that parses the form and signs once, with a kept
// KeyObject, the claims that ours signs; it knows nobody and checks nothing. Lives until its standard input ends.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { keyPem, makeCertificate, newEcKey } from '../../packages/client/src/credential/test-support.ts'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { certificate, key } = makeCertificate(newEcKey(), {
  name: 'bench floor',
  host: 'localhost',
  notBefore: '2020-01-01T00:00:00Z',
  notAfter: '2049-12-31T00:00:00Z',
})
const kid = randomBytes(20).toString('base64url')
const opaque = (bytes: number) => randomBytes(bytes).toString('base64url')
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

function tokenFor(form: URLSearchParams): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    aud: '55555555-eeee-4eee-8eee-000000000005',
    iss: 'https://localhost:8443/11111111-aaaa-4aaa-8aaa-000000000001/v2.0',
    iat: now - 300,
    nbf: now - 300,
    exp: now + 3600,
    aio: opaque(24),
    oid: '33333333-cccc-4ccc-8ccc-000000000003',
    rh: `1.${opaque(24)}.`,
    roles: ['Orders.Read.All'],
    sub: '33333333-cccc-4ccc-8ccc-000000000003',
    tid: '11111111-aaaa-4aaa-8aaa-000000000001',
    uti: opaque(16),
    azp: form.get('client_id'),
    azpacr: '1',
    ver: '2.0',
  }
  const signed = `${encode({ typ: 'JWT', alg: 'RS256', kid })}.${encode(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
}

const server = createServer({ cert: certificate, key: keyPem(key) }, (incoming, response) => {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const form = new URLSearchParams(Buffer.concat(chunks).toString())
    const text = JSON.stringify({
      token_type: 'Bearer',
      expires_in: 3599,
      ext_expires_in: 3599,
      access_token: tokenFor(form),
    })
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    })
    response.end(text)
  })
})

server.keepAliveTimeout = 600_000
server.listen(0, 'localhost')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
process.stdout.write(`${JSON.stringify({ port, ca: certificate })}\n`)
process.stdin.resume().on('end', () => process.exit())
