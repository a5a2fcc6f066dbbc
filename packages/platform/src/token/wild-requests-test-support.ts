// Requests that no honest client sends, the same for the same seed, and the judgement of what came back. The tests send some
// thousands of them, drills/fuzz.drill.ts a hundred thousand.
import { createHmac } from 'node:crypto'
import {
  type Answer,
  type App,
  ASSERTION_TYPE,
  encode,
  GRAPH_SCOPE,
  type Sent,
  thumbprint,
} from '../test-support.ts'

/** Numbers from 0 up to 1. */
export type Random = () => number

/** A request, exactly as it is to be sent. */
export interface WildRequest extends Sent {
  readonly path: string
  /** Whether one of the two token endpoints must answer, in its envelope. */
  readonly forTokens: boolean
}

/** What the requests are aimed at: true names make faults reach deeper. */
export interface Aim {
  readonly tenantId: string
  readonly origin: string
  readonly app: App
  readonly nowMs: number
}

/** The same numbers for the same seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)] as T

// Form-encoded already, because some of it no encoder would write.
const WILD_VALUES: readonly string[] = [
  '',
  '+',
  '%00',
  'a%00b',
  '%ED%A0%80',
  '%FF%FE',
  '%F0%9F',
  '%',
  '%zz',
  '%0d%0aSet-Cookie:%20a=b',
  "'%20OR%20'1'='1",
  "';DROP%20TABLE%20application;--",
  '../../../../etc/passwd',
  '..%2f..%2fkeys%2foperator.pem',
  '__proto__',
  'constructor',
  'toString',
  'null',
  '[]',
  '{}',
  '%7B%22access_token%22%3A%5B%5D%7D',
  '-1',
  '1e309',
  'NaN',
  '00000000-0000-0000-0000-000000000000',
  '%EF%BC%A1%EF%BC%A2',
  '%E2%80%AE%E2%80%8B',
  '%3Cscript%3Ealert(1)%3C%2Fscript%3E',
  '%24%7B7*7%7D',
  'a'.repeat(5000),
  '%C3%A9'.repeat(300),
]
const WILD_TENANTS: readonly string[] = [
  'common',
  'organizations',
  'consumers',
  'adfs',
  'ADFS',
  'contoso.example',
  'Contoso.EXAMPLE',
  'fabrikam.example',
  '00000000-0000-0000-0000-000000000000',
  '%00',
  '%2e%2e',
  'a..b',
  '-a.example',
  "'%20OR%201=1--",
  '%F0%9F%98%80',
  'x'.repeat(250),
  `${'a.'.repeat(100)}b`,
  '{tenantid}',
  '%7Btenantid%7D',
  '__proto__',
  'constructor',
]
const WILD_HEADERS: readonly Readonly<Record<string, string>>[] = [
  { 'content-type': 'application/json' },
  { 'content-type': 'multipart/form-data; boundary=x' },
  { 'content-type': 'text/xml; charset=utf-7' },
  { 'content-type': '' },
  { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'gzip' },
  { authorization: 'Basic' },
  { authorization: 'Basic !!!!' },
  { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` },
  { authorization: `Basic ${Buffer.from('%zz:%00').toString('base64')}` },
  { authorization: `Basic ${'QQ'.repeat(3000)}` },
  { authorization: 'Bearer x' },
  { 'client-request-id': "x'--" },
  { 'x-forwarded-host': 'login.example', 'x-forwarded-for': '1.2.3.4', forwarded: 'host=login.example' },
  { 'x-http-method-override': 'GET' },
  { expect: '100-continue' },
]
const METHODS = ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']
const OTHER_PATHS: readonly string[] = [
  'v2.0/.well-known/openid-configuration',
  '.well-known/openid-configuration',
  'discovery/v2.0/keys',
  'discovery/keys',
  'adminconsent',
]

/** Makes one request; none of them can prove anything. */
export function wildRequest(random: Random, aim: Aim): WildRequest {
  const tenant = random() < 0.6 ? aim.tenantId : pick(random, WILD_TENANTS)
  if (random() < 0.1) return otherRequest(random, tenant)
  const path = `/${tenant}/oauth2/${random() < 0.7 ? 'v2.0/' : ''}token${random() < 0.1 ? `?${form(random, aim)}` : ''}`
  const method = random() < 0.9 ? 'POST' : pick(random, METHODS)
  const usual = { 'content-type': 'application/x-www-form-urlencoded' }
  const headers = random() < 0.7 ? usual : pick(random, WILD_HEADERS)
  return {
    method,
    path,
    headers,
    forTokens: true,
    ...(method === 'GET' || method === 'HEAD' ? {} : { body: body(random, aim) }),
  }
}

function otherRequest(random: Random, tenant: string): WildRequest {
  const value = pick(random, WILD_VALUES)
  const path = pick(random, [
    `/error?code=${value}`,
    `/common/discovery/instance?api-version=1.1&authorization_endpoint=${value}`,
    ...OTHER_PATHS.map((rest) => `/${tenant}/${rest}?appid=${value}&client_id=${value}`),
  ])
  return { method: 'GET', path, forTokens: false }
}

function body(random: Random, aim: Aim): string | Buffer {
  const kind = random()
  if (kind < 0.03) return Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256)))
  if (kind < 0.05) return JSON.stringify({ grant_type: 'client_credentials', client_id: aim.app.appId })
  if (kind < 0.06) return `${form(random, aim)}&x=${'a'.repeat(300_000)}`
  return form(random, aim)
}

function form(random: Random, aim: Aim): string {
  const usual: Readonly<Record<string, () => string>> = {
    grant_type: () => 'client_credentials',
    client_id: () => aim.app.appId,
    scope: () => encodeURIComponent(GRAPH_SCOPE),
    resource: () => '',
    client_assertion_type: () => encodeURIComponent(ASSERTION_TYPE),
    client_assertion: () => wildAssertion(random, aim),
    client_secret: () => (random() < 0.8 ? '' : 'x'.repeat(1 + Math.floor(random() * 60))),
    claims: () => (random() < 0.8 ? '' : pick(random, WILD_VALUES)),
  }
  const parts: string[] = []
  for (const [name, value] of Object.entries(usual)) {
    const dice = random()
    if (dice < 0.05) continue
    parts.push(`${name}=${dice < 0.85 ? value() : pick(random, WILD_VALUES)}`)
    if (dice > 0.97) parts.push(`${name}=${pick(random, WILD_VALUES)}`)
  }
  if (random() < 0.05) parts.push(`${pick(random, WILD_VALUES)}=${pick(random, WILD_VALUES)}`)
  return parts.join('&')
}

const ALGORITHMS: readonly unknown[] = [
  'PS256',
  'RS256',
  'none',
  'NONE',
  'HS256',
  'ES256',
  'EdDSA',
  'ps256',
  '__proto__',
  '',
  null,
  1,
  ['PS256'],
  {},
]
const WILD_JSON: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  '',
  'x',
  'a\u0000b',
  '\ud800',
  [],
  {},
  [[]],
  { a: { b: {} } },
  'y'.repeat(3000),
]
const EXTRAS: readonly Readonly<Record<string, unknown>>[] = [
  {},
  { crit: ['b64'], b64: false },
  { crit: [] },
  { kid: '../../keys/operator.pem' },
  { jku: 'https://login.example/keys' },
  { x5u: 'https://login.example/cert' },
  { jwk: { kty: 'oct', k: 'AA' } },
  { x5c: ['AA'] },
  { zip: 'DEF' },
  { enc: 'A256GCM' },
]

/** An assertion with the right names and no valid signature. */
function wildAssertion(random: Random, { app, tenantId, origin, nowMs }: Aim): string {
  const seconds = Math.floor(nowMs / 1000)
  const maybe = (value: unknown) => (random() < 0.93 ? value : pick(random, WILD_JSON))
  const header = {
    alg: pick(random, ALGORITHMS),
    'x5t#S256': maybe(thumbprint(app.key, 'sha256')),
    ...pick(random, EXTRAS),
  }
  const claims = {
    iss: maybe(random() < 0.8 ? app.appId : `${origin}/${tenantId}/v2.0`),
    sub: maybe(app.appId),
    aud: maybe(`${origin}/${tenantId}/oauth2/v2.0/token`),
    nbf: maybe(seconds),
    exp: maybe(seconds + 600),
    jti: maybe('1'),
  }
  const signed = `${encode(maybe(header))}.${encode(maybe(claims))}`
  const mac = createHmac('sha256', app.key.certificate).update(signed).digest('base64url')
  const signature = pick(random, [mac, '', 'AA', mac.repeat(8), '!', '=', `${mac}.${mac}`])
  return random() < 0.9 ? `${signed}.${signature}` : signed.slice(Math.floor(random() * signed.length))
}

// Of this platform's own making; no request above has any of it.
const TRACE = /\n\s+at |\.ts:\d|node:internal|node_modules|SQLITE|sqlite_|PRIVATE KEY/

/** What is wrong with an answer, or nothing. */
export function fault(
  { forTokens, method }: WildRequest,
  { status, text, body }: Answer,
): string | undefined {
  if (status >= 500) return `status ${status}`
  if (TRACE.test(text)) return 'a stack trace or a name of the inside'
  if (text.includes('"access_token"')) return 'a token'
  if (!forTokens) return undefined
  if (status !== 400 && status !== 401 && status !== 414) return `status ${status}`
  // A URL that cannot be read reaches no endpoint, and a HEAD has no body.
  if (method === 'HEAD' || status === 414 || body['statusCode'] === 400) return undefined
  const { error_codes: codes } = body
  return Array.isArray(codes) && codes.length === 1 && typeof codes[0] === 'number'
    ? undefined
    : 'no envelope'
}
