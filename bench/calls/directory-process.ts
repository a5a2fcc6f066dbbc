// The scripted directory: a process of its own, so that its work is not on the event loop that is measured. It gives tokens to
// everyone, believes every token, and forgets the people that it is given but for their number. Prints one line with its port and
// certificate, and lives until its standard input ends.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { keyPem, makeCertificate, newEcKey } from '../../packages/client/src/credential/test-support.ts'
import type { Bucket, DirectoryScript } from './directory.ts'

const TOKEN_CHARACTERS = 1700
const PAGE_SIZE = 999
const BUCKET_MS = 10_000
const QUIET: DirectoryScript = { requestMs: 0, batchMs: 0, bucketUnits: Number.MAX_SAFE_INTEGER, users: 0 }

const { certificate, key } = makeCertificate(newEcKey(), {
  name: 'bench directory',
  host: 'localhost',
  notBefore: '2020-01-01T00:00:00Z',
  notAfter: '2049-12-31T00:00:00Z',
})
let script = QUIET
let people = 0
let buckets: { granted: number; throttled: number }[] = []
let startMs = performance.now()

interface Item {
  readonly id: string
  readonly body: object
}

const server = createServer({ cert: certificate, key: keyPem(key) }, (incoming, response) => {
  answer(incoming, response).catch(() => response.destroy())
})

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const path = incoming.url ?? ''
  if (path === '/control') return send(response, 200, controlled(text))
  if (path.includes('/.well-known/')) return send(response, 200, metadata(incoming))
  if (path.includes('/oauth2/v2.0/token')) return send(response, 200, token())
  if (path.endsWith('/$batch')) return batch(text, response)
  if (incoming.method === 'POST') return create(text, response)
  if (path.startsWith('/v1.0/users?')) return page(incoming, response)
  send(response, 200, { id: '1', displayName: 'Anna Andersson', userPrincipalName: 'anna@contoso.example' })
}

function controlled(text: string): { people: number; buckets: readonly Bucket[] } {
  const said = { people, buckets }
  script = { ...QUIET, ...(JSON.parse(text) as Partial<DirectoryScript>) }
  people = 0
  buckets = []
  startMs = performance.now()
  return said
}

const token = () => ({
  token_type: 'Bearer',
  expires_in: 3599,
  access_token: 'x'.repeat(TOKEN_CHARACTERS),
})

async function create(text: string, response: ServerResponse): Promise<void> {
  if (script.requestMs > 0) await sleep(script.requestMs)
  send(response, 201, created(JSON.parse(text) as object))
}

async function batch(text: string, response: ServerResponse): Promise<void> {
  const { requests } = JSON.parse(text) as { requests: readonly Item[] }
  const responses = requests.map(({ id, body }) =>
    granted() ? { id, status: 201, headers: JSON_TYPE, body: created(body) } : throttled(id),
  )
  if (script.batchMs > 0) await sleep(script.batchMs)
  send(response, 200, { responses })
}

const JSON_TYPE = { 'Content-Type': 'application/json' }

function created(person: object): object {
  people += 1
  return { id: `person-${people}`, ...person }
}

/** Takes a unit out of the bucket of these ten seconds, if there is one left. */
function granted(): boolean {
  const bucket = (buckets[Math.floor((performance.now() - startMs) / BUCKET_MS)] ??= {
    granted: 0,
    throttled: 0,
  })
  const grants = bucket.granted < script.bucketUnits
  bucket[grants ? 'granted' : 'throttled'] += 1
  return grants
}

function throttled(id: string): object {
  const restMs = BUCKET_MS - ((performance.now() - startMs) % BUCKET_MS)
  const headers = { ...JSON_TYPE, 'Retry-After': String(Math.ceil(restMs / 1000)) }
  return { id, status: 429, headers, body: { error: { code: 'TooManyRequests', message: 'Later.' } } }
}

function page({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
  const first = Number(new URL(url, 'https://localhost').searchParams.get('$skiptoken') ?? 0)
  const last = Math.min(script.users, first + PAGE_SIZE)
  const value = Array.from({ length: last - first }, (_, index) => ({
    id: `22222222-bbbb-4bbb-8bbb-${String(first + index).padStart(12, '0')}`,
    displayName: `Person number ${first + index}`,
    userPrincipalName: `person.${first + index}@contoso.example`,
  }))
  const link = `https://${headers.host}/v1.0/users?$top=${PAGE_SIZE}&$skiptoken=${last}`
  send(response, 200, { value, ...(last < script.users && { '@odata.nextLink': link }) })
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

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

server.keepAliveTimeout = 60_000
server.listen(0, 'localhost')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
process.stdout.write(`${JSON.stringify({ port, ca: certificate })}\n`)
process.stdin.resume().on('end', () => process.exit())
