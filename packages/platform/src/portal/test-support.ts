// What the tests of the pages stand on: a real platform, a browser without scripts, and Graph as the
// operator.
import { constants, randomUUID, sign, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemNow } from '../clock.ts'
import type { Platform, PlatformOptions } from '../platform-options.ts'
import { startPlatform } from '../platform.ts'
import { type Database, openDatabase } from '../store/database.ts'

/** What came back: `text` is the page as it reads, without its tags. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly text: string
}

type Fields = Readonly<Record<string, string>>

/** A browser that keeps the one cookie we set, follows nothing, and sends forms from our own origin. */
export interface Browser {
  get(path: string): Promise<Answer>
  submit(path: string, fields: Fields, headers?: Fields): Promise<Answer>
  signIn(): Promise<Answer>
}

/** A running platform and the ways in. */
export interface House extends AsyncDisposable {
  readonly platform: Platform
  readonly tenant: string
  readonly password: string
  browser(): Browser
  /** Calls the directory of the first tenant, or of the tenant of a token, as the operator. */
  graph(method: string, path: string, body?: object, token?: string): Promise<Graph>
  /** A token of the operator for a tenant. */
  token(tenant: string): Promise<string>
  /** Moves the platform's clock forward. */
  pass(ms: number): void
}

/** The properties of Graph's objects that the tests look at. */
export interface Graph {
  readonly id: string
  readonly appId: string
  readonly value: readonly { readonly id: string; readonly appRoleId: string }[]
}

/** Starts a platform on a folder of its own; `prepare` may write into its database first. */
export async function openHouse(
  prepare?: (db: Database) => Promise<void>,
  options: Partial<PlatformOptions> = {},
): Promise<House> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tomte-portal-'))
  if (prepare) {
    const db = await openDatabase(dataFolder)
    try {
      await prepare(db)
    } finally {
      await db.destroy()
    }
  }
  let passedMs = 0
  const now = () => systemNow() + passedMs
  const platform = await startPlatform({ ...options, dataFolder, port: 0, now })
  const password = (await readFile(join(dataFolder, 'keys', 'administrator-password'), 'utf8')).trim()
  return {
    platform,
    tenant: platform.operator.tenantDomain,
    password,
    browser: () => makeBrowser(platform, password),
    graph: async (method, path, body, token) =>
      callGraph(platform, { method, path, body, token: token ?? (await operatorToken(platform, now())) }),
    token: (tenant) => operatorToken(platform, now(), tenant),
    pass: (ms) => {
      passedMs += ms
    },
    [Symbol.asyncDispose]: async () => {
      await platform.close()
      await rm(dataFolder, { recursive: true })
    },
  }
}

function makeBrowser(platform: Platform, password: string): Browser {
  let cookie = ''
  const send = async (method: string, path: string, headers: Fields, body?: string) => {
    const answer = await ask(platform, { method, path, headers: { cookie, ...headers }, body })
    cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? cookie
    return answer
  }
  const submit: Browser['submit'] = (path, fields, headers = {}) =>
    send(
      'POST',
      path,
      { origin: platform.origin, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      new URLSearchParams(fields).toString(),
    )
  return {
    get: (path) => send('GET', path, {}),
    submit,
    signIn: () => submit('/portal/sign-in', { password }),
  }
}

interface Question {
  readonly method: string
  readonly path: string
  readonly headers?: Fields
  readonly body?: string | undefined
}

/** Sends one request over TLS, trusting the platform's own authority alone. */
export function ask({ origin, ca }: Platform, { method, path, headers, body }: Question): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const url = new URL(origin)
  const options = {
    host: 'localhost',
    port: url.port,
    path,
    method,
    ca,
    headers: { ...headers },
    agent: false,
  }
  const request = httpsRequest(options, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: text,
        text: readable(text),
      })
    })
  })
  request.on('error', reject)
  request.end(body)
  return promise
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' }

const readable = (page: string) =>
  page
    .replaceAll('<wbr>', '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => ENTITIES[name] ?? '')
    .replaceAll(/\s+/g, ' ')

/** The value of a hidden field of a form. */
export const hiddenField = (page: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? ''

interface GraphCall {
  readonly method: string
  readonly path: string
  readonly body: object | undefined
  readonly token: string
}

async function callGraph(platform: Platform, call: GraphCall): Promise<Graph> {
  const { method, path } = call
  const answer = await ask(platform, {
    method,
    path: `/graph/v1.0${path}`,
    headers: {
      authorization: `Bearer ${call.token}`,
      ...(call.body && { 'content-type': 'application/json' }),
    },
    body: call.body && JSON.stringify(call.body),
  })
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`)
  return (answer.body === '' ? {} : JSON.parse(answer.body)) as Graph
}

async function operatorToken(
  platform: Platform,
  nowMs: number,
  tenant = platform.operator.tenantId,
): Promise<string> {
  const { clientId, certificateFile } = platform.operator
  const path = `/${tenant}/oauth2/v2.0/token`
  const pem = await readFile(certificateFile, 'utf8')
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    scope: 'https://graph.microsoft.com/.default',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: clientAssertion(pem, { clientId, audience: `${platform.origin}${path}`, nowMs }),
  })
  const answer = await ask(platform, { method: 'POST', path, body: form.toString() })
  if (answer.status !== 200) throw new Error(`No token for the operator: ${answer.body}`)
  return (JSON.parse(answer.body) as { access_token: string }).access_token
}

interface Claims {
  readonly clientId: string
  readonly audience: string
  readonly nowMs: number
}

function clientAssertion(pem: string, { clientId, audience, nowMs }: Claims): string {
  const thumbprint = Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(':', ''), 'hex')
  const nbf = Math.floor(nowMs / 1000)
  const parts = [
    { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint.toString('base64url') },
    { aud: audience, iss: clientId, sub: clientId, jti: randomUUID(), nbf, exp: nbf + 600 },
  ]
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const signature = sign('sha256', Buffer.from(signed), { key: pem, ...padding })
  return `${signed}.${signature.toString('base64url')}`
}
