// The scripted authority: a process of its own, so that its work is not on the event loop that is measured. It believes
// everyone. Prints one line with its port and certificate, and lives until its standard input ends.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { keyPem, makeCertificate, newEcKey } from '../../packages/client/src/credential/test-support.ts'
import type { Script } from './authority.ts'

// Entra's tokens are about as long.
const TOKEN_CHARACTERS = 1700
const QUIET: Script = { delayMs: 0, refreshIn: 1800, status: 200 }

const { certificate, key } = makeCertificate(newEcKey(), {
  name: 'bench authority',
  host: 'localhost',
  notBefore: '2020-01-01T00:00:00Z',
  notAfter: '2049-12-31T00:00:00Z',
})
let script = QUIET
let tokenRequests = 0

const server = createServer({ cert: certificate, key: keyPem(key) }, (incoming, response) => {
  answer(incoming, response).catch(() => response.destroy())
})

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const path = incoming.url ?? ''
  if (path === '/control') {
    const said = { tokenRequests }
    script = { ...QUIET, ...(JSON.parse(Buffer.concat(chunks).toString()) as Partial<Script>) }
    tokenRequests = 0
    return send(response, 200, said)
  }
  if (path.includes('/.well-known/')) return send(response, 200, metadata(incoming))
  tokenRequests += 1
  const { delayMs, refreshIn, status } = script
  const number = `${tokenRequests}.`
  if (delayMs > 0) await sleep(delayMs)
  if (status !== 200) return send(response, status, { error: 'temporarily_unavailable' })
  send(response, 200, {
    token_type: 'Bearer',
    expires_in: 3599,
    ext_expires_in: 3599,
    refresh_in: refreshIn,
    access_token: number.padEnd(TOKEN_CHARACTERS, 'x'),
  })
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

function metadata({ headers, url = '' }: IncomingMessage): object {
  const tenant = `https://${headers.host}/${url.split('/')[1]}`
  return {
    issuer: `${tenant}/v2.0`,
    authorization_endpoint: `${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: `${tenant}/oauth2/v2.0/token`,
    jwks_uri: `${tenant}/discovery/v2.0/keys`,
  }
}

server.keepAliveTimeout = 60_000
server.listen(0, 'localhost')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
process.stdout.write(`${JSON.stringify({ port, ca: certificate })}\n`)
process.stdin.resume().on('end', () => process.exit())
