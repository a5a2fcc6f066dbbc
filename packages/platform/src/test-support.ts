// Starts real platforms for the tests of this package, and calls them over TLS as a client of another make would.
import assert from 'node:assert/strict'
import { constants, createHash, randomUUID, sign, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemNow } from './clock.ts'
import type { Platform, PlatformOptions } from './platform-options.ts'
import { startPlatform } from './platform.ts'
import { GRAPH_ROLES, type GraphRole } from './registration/graph-application.ts'
import { REFUSALS, type RefusalNumber } from './token/refusals.ts'
import { makeSelfSigned, type CertifiedKey } from './tls/certificates.ts'

export type Json = Readonly<Record<string, unknown>>

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as a JSON object, empty if it is none. */
  readonly body: Json
}

/** An answer of the directory. */
export interface DirectoryAnswer extends Answer {
  /** What the body says that it is. */
  readonly context: unknown
}

export interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** An application as the tests use it: ids, and the key it signs its assertions with. */
export interface App {
  readonly objectId: string
  readonly appId: string
  readonly principalId: string
  readonly key: CertifiedKey
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const YEAR_MS = 365 * 24 * 60 * 60 * 1000
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const GRAPH_SCOPE = 'https://graph.microsoft.com/.default'

/** A platform on a folder of its own, with a clock that stands still until a test moves it. */
export class World {
  readonly folder: string
  readonly platform: Platform
  // The client's TLS library has its own clock, so this one starts at the machine's time.
  readonly clock: { ms: number }
  readonly #agent: Agent
  #operatorToken: string | undefined

  private constructor(folder: string, platform: Platform, clock: { ms: number }) {
    this.folder = folder
    this.platform = platform
    this.clock = clock
    this.#agent = new Agent({ ca: platform.ca, keepAlive: true })
  }

  static async start(folder?: string, options: Partial<PlatformOptions> = {}): Promise<World> {
    const clock = { ms: Math.floor(systemNow() / 1000) * 1000 }
    const dataFolder = folder ?? (await temporaryFolder())
    const platform = await startPlatform({ ...options, dataFolder, port: 0, now: () => clock.ms })
    return new World(dataFolder, platform, clock)
  }

  /** Ends the platform and keeps its folder. */
  async stop(): Promise<void> {
    this.#agent.destroy()
    await this.platform.close()
  }

  async remove(): Promise<void> {
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  get tenantId(): string {
    return this.platform.operator.tenantId
  }

  /** Sends one request to a path of the platform, exactly as written. */
  send(path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
    const { port } = new URL(this.platform.localOrigin)
    // Node frames no body of a DELETE by itself.
    const framed =
      body === undefined ? headers : { 'content-length': String(Buffer.byteLength(body)), ...headers }
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: 'localhost',
          servername: 'localhost',
          port,
          path,
          method,
          headers: framed,
          agent: this.#agent,
        },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', reject)
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8')
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text,
              body: jsonObject(text),
            })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  /** Posts a form to a tenant's token endpoint. */
  postForm(form: Readonly<Record<string, string>>, tenant = this.tenantId): Promise<Answer> {
    return this.#post(`/${tenant}/oauth2/v2.0/token`, form)
  }

  /** Posts a form to a tenant's v1.0 token endpoint. */
  postFormV1(form: Readonly<Record<string, string>>, tenant = this.tenantId): Promise<Answer> {
    return this.#post(`/${tenant}/oauth2/token`, form)
  }

  #post(path: string, form: Readonly<Record<string, string>>): Promise<Answer> {
    return this.send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    })
  }

  /** The form of a proper token request. */
  form(app: Pick<App, 'appId' | 'key'>, changes: Readonly<Record<string, string>> = {}) {
    return {
      grant_type: 'client_credentials',
      client_id: app.appId,
      scope: GRAPH_SCOPE,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: this.assertion(app),
      ...changes,
    }
  }

  /** A client assertion; `claims` and `header` replace what is usual, and `undefined` leaves it out. */
  assertion(
    { appId, key }: Pick<App, 'appId' | 'key'>,
    { claims = {}, header = {} }: { readonly claims?: Json; readonly header?: Json } = {},
  ): string {
    const seconds = Math.floor(this.clock.ms / 1000)
    return signJwt(
      { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint(key, 'sha256'), ...header },
      {
        aud: `${this.platform.origin}/${this.tenantId}/oauth2/v2.0/token`,
        iss: appId,
        sub: appId,
        jti: randomUUID(),
        nbf: seconds,
        iat: seconds,
        exp: seconds + 600,
        ...claims,
      },
      key,
    )
  }

  /** Returns an access token. @throws Error if the platform refuses one. */
  async token(app: Pick<App, 'appId' | 'key'>, scope = GRAPH_SCOPE, tenant?: string): Promise<string> {
    const answer = await this.postForm(this.form(app, { scope }), tenant)
    const { access_token: token } = answer.body
    if (typeof token !== 'string') throw new Error(`no token: ${answer.status} ${answer.text}`)
    return token
  }

  async operator(): Promise<Pick<App, 'appId' | 'key'>> {
    const pem = await readFile(this.platform.operator.certificateFile, 'utf8')
    return { appId: this.platform.operator.clientId, key: { certificate: pem, privateKey: pem } }
  }

  /** Calls the directory, as the operator unless a token is given. What `@odata.context` says is beside the body. */
  async graph(method: string, path: string, body?: unknown, token?: string): Promise<DirectoryAnswer> {
    this.#operatorToken ??= await this.token(await this.operator())
    const answer = await this.send(`/graph/v1.0${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token ?? this.#operatorToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const { '@odata.context': context, ...described } = answer.body
    return { ...answer, body: described, context }
  }

  /** Calls the directory and returns the body. @throws Error for any status but the expected one. */
  async done(status: number, method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.graph(method, path, body)
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  /** Registers an application with a certificate and, unless told otherwise, a service principal with these roles. */
  async register(
    key: CertifiedKey,
    {
      roles = [],
      principal = true,
      ...properties
    }: { readonly roles?: readonly GraphRole[]; readonly principal?: boolean } & Json = {},
  ): Promise<App> {
    const { id, appId } = await this.done(201, 'POST', '/applications', {
      displayName: 'nightly-sync',
      keyCredentials: [keyCredential(key)],
      ...properties,
    })
    const app = { objectId: String(id), appId: String(appId), principalId: '', key }
    if (!principal) return app
    const { id: principalId } = await this.done(201, 'POST', '/servicePrincipals', { appId })
    const registered = { ...app, principalId: String(principalId) }
    for (const role of roles) await this.assign(registered, await this.graphPrincipal(), GRAPH_ROLES[role].id)
    return registered
  }

  async assign({ principalId }: App, resourceId: string, appRoleId: string): Promise<string> {
    const path = `/servicePrincipals/${principalId}/appRoleAssignments`
    const { id } = await this.done(201, 'POST', path, { principalId, resourceId, appRoleId })
    return String(id)
  }

  /** The object id of Graph's own service principal. */
  async graphPrincipal(): Promise<string> {
    const graph = await this.done(
      200,
      'GET',
      "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')",
    )
    return String(graph['id'])
  }

  /** Creates a user and returns its id. */
  async user(name: string, properties: Json = {}): Promise<string> {
    const { id } = await this.done(201, 'POST', '/users', newUser(name, properties))
    return String(id)
  }
}

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'tomte-platform-'))

/** A password that passes the rules, made anew by every run. */
export const PASSWORD = `Aa1-${randomUUID()}`

export const newUser = (name: string, properties: Json = {}): Json => ({
  accountEnabled: true,
  displayName: `User ${name}`,
  mailNickname: name,
  userPrincipalName: `${name}@contoso.example`,
  passwordProfile: { password: PASSWORD },
  ...properties,
})

/** A certificate that is valid around `nowMs`. */
export const makeKey = (nowMs: number): Promise<CertifiedKey> =>
  makeSelfSigned('nightly-sync', { notBeforeMs: nowMs - 1000, notAfterMs: nowMs + YEAR_MS })

export const keyCredential = ({ certificate }: Pick<CertifiedKey, 'certificate'>): Json => ({
  type: 'AsymmetricX509Cert',
  usage: 'Verify',
  key: new X509Certificate(certificate).raw.toString('base64'),
})

export const thumbprint = ({ certificate }: CertifiedKey, hash: 'sha1' | 'sha256'): string =>
  createHash(hash).update(new X509Certificate(certificate).raw).digest('base64url')

export const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url')

export function signJwt(header: Json, claims: Json, { privateKey }: CertifiedKey): string {
  const signed = `${encode(header)}.${encode(claims)}`
  const options =
    header['alg'] === 'PS256'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { padding: constants.RSA_PKCS1_PADDING }
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, ...options })
  return `${signed}.${signature.toString('base64url')}`
}

/** A token's claims, unverified. */
export function claimsOf(token: string): Json {
  return jsonObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

// Written here anew, so that a change of the platform's own list is seen (wire.md §8).
const WITHOUT_LINK: ReadonlySet<RefusalNumber> = new Set([70003, 700038])

/** Asserts the whole answer of a token refusal: status, headers, and every field of the envelope. */
export function assertRefused(
  world: World,
  answer: Answer,
  aadsts: RefusalNumber,
  text: string,
  correlationId?: string,
): void {
  const { status, error } = REFUSALS[aadsts]
  const { trace_id: trace, correlation_id: correlation } = answer.body
  const timestamp = `${new Date(world.clock.ms).toISOString().slice(0, 19).replace('T', ' ')}Z`
  assert.deepEqual(
    { status: answer.status, body: answer.body },
    {
      status,
      body: {
        error,
        error_description: `AADSTS${aadsts}: ${text} Trace ID: ${String(trace)} Correlation ID: ${String(correlation)} Timestamp: ${timestamp}`,
        error_codes: [aadsts],
        timestamp,
        trace_id: trace,
        correlation_id: correlation,
        ...(WITHOUT_LINK.has(aadsts) ? {} : { error_uri: `${world.platform.origin}/error?code=${aadsts}` }),
      },
    },
  )
  assert.match(String(trace), UUID)
  assert.match(String(correlation), UUID)
  if (correlationId !== undefined) assert.equal(correlation, correlationId)
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  assert.equal(answer.headers['cache-control'], 'no-store, no-cache')
  assert.equal(answer.headers['pragma'], 'no-cache')
  assert.equal(answer.headers['x-ms-request-id'], trace)
  assert.equal(answer.headers['client-request-id'], correlation)
}

/** Asserts the whole answer of a directory refusal. */
export function assertGraphError(answer: Answer, status: number, code: string, message: string): void {
  const { error } = answer.body as { error?: Json }
  assert.deepEqual(
    { status: answer.status, code: error?.['code'], message: error?.['message'] },
    { status, code, message },
  )
  assert.deepEqual(Object.keys(answer.body), ['error'])
  const inner = error?.['innerError'] as Json
  assert.deepEqual(Object.keys(inner), ['date', 'request-id', 'client-request-id'])
  assert.equal(inner['request-id'], answer.headers['request-id'])
  assert.equal(inner['client-request-id'], answer.headers['client-request-id'])
  assert.match(String(inner['date']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
}

function jsonObject(text: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Json) : {}
  } catch {
    return {}
  }
}
