// Answers as no server should give them, by the thousand: the other tests say what each mistake becomes, this one what no
// mistake becomes. The seed is fixed, so a failure names its answer and comes again.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { TomteError } from '../errors.ts'
import type { RawResponse } from './request.ts'
import { type Asked, readTokenResponse } from './response.ts'
import { seeded, START_MS } from './test-support.ts'

const SERVER = {
  issuer: 'https://id.example',
  tokenEndpoint: 'https://id.example/token',
  authMethods: [],
  signingAlgorithms: undefined,
}
const OPAQUE = 'an-opaque-token-0123456789abcdef'
const JWT = 'eyJhbGciOiJub25lIn0.eyJhdWQiOiJhcGk6Ly9vcmRlcnMifQ.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ'
const MESSAGE_MAX = 4096
const STATUSES = [200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503, 0, 999]

type Pick = <Value>(values: readonly Value[]) => Value

const FIELDS = [
  'access_token',
  'token_type',
  'expires_in',
  'expires_on',
  'refresh_in',
  'error',
  'error_description',
  'error_codes',
  'correlation_id',
  'trace_id',
  'refresh_token',
  '__proto__',
  'constructor',
]

const wildValues = (token: string): readonly unknown[] => [
  null,
  true,
  '',
  0,
  -1,
  0.5,
  1e300,
  '3599',
  '9'.repeat(30),
  'Bearer',
  'bEaReR',
  'bearer ',
  'pop',
  'invalid_client',
  'temporarily_unavailable',
  token,
  `${token} ${token}`,
  `AADSTS7000215: ${token}`,
  [token],
  { toString: token },
  [7000215, 700024, 90002],
  Array.from({ length: 500 }, (_, index) => index),
  'x'.repeat(20_000),
  `\u0000\u001b[2J\u2028${token}`,
]

function mutatedObject(token: string, pick: Pick, random: () => number): string {
  const body: [string, unknown][] = [
    ['token_type', 'Bearer'],
    ['expires_in', 3599],
    ['access_token', token],
  ]
  const values = wildValues(token)
  for (let left = Math.floor(random() * 4); left > 0; left -= 1) {
    const name = pick(FIELDS)
    const at = body.findIndex(([each]) => each === name)
    if (at >= 0 && random() < 0.4) body.splice(at, 1)
    else if (at >= 0) body[at] = [name, pick(values)]
    else body.push([name, pick(values)])
  }
  // By hand: an object would have no own `__proto__`.
  return `{${body.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
}

function mutatedText(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length)
  const kind = random()
  if (kind < 0.6) return text
  if (kind < 0.7) return text.slice(0, at)
  if (kind < 0.8)
    return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + text.slice(at + 1)
  if (kind < 0.9) return `${text.slice(0, at)}${text}`
  return String.fromCharCode(...Array.from({ length: 200 }, () => Math.floor(random() * 65_536)))
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body } : {}
  } catch {
    return {}
  }
}

/** The rules once more, in other words than the source's. */
function mayBeToken({ status }: RawResponse, body: Readonly<Record<string, unknown>>): boolean {
  const { access_token: token, token_type: type } = body
  return (
    status === 200 &&
    !('error' in body) &&
    typeof token === 'string' &&
    token.length > 0 &&
    /^bearer$/i.test(String(type))
  )
}

describe('readTokenResponse, of ten thousand wild answers', () => {
  for (const [place, asked] of [
    ['Entra', { clientId: 'daemon', tenant: 'contoso.example', scope: 'api://orders/.default' }],
    ['another server', { clientId: 'daemon', tenant: SERVER.issuer, scope: '', server: SERVER }],
  ] as readonly (readonly [string, Asked])[]) {
    it(`takes only a token and says only what may be said, at ${place}`, () => {
      const random = seeded(20_260_921)
      const pick: Pick = (values) => values[Math.floor(random() * values.length)] as never
      let [taken, refused] = [0, 0]
      for (let number = 0; number < 5_000; number += 1) {
        const token = pick([OPAQUE, JWT])
        const response: RawResponse = {
          status: pick(STATUSES),
          contentType: pick(['application/json', '', JWT, 'x'.repeat(16_000)]),
          retryAfter: pick([undefined, '1', '-1', 'soon', JWT, '9'.repeat(400)]),
          date: pick([undefined, 'Mon, 21 Sep 2026 14:00:00 GMT', JWT]),
          body: mutatedText(mutatedObject(token, pick, random), random),
        }
        if (answered(response, asked)) taken += 1
        else refused += 1
      }
      // Both ends of the rule were tried, and not just now and then.
      assert.ok(taken > 200 && refused > 2_000, `${taken} taken, ${refused} refused`)
    })
  }
})

/** Whether the answer was taken for a token; fails if it should not have been, or if its error says too much. */
function answered(response: RawResponse, asked: Asked): boolean {
  const body = parsed(response.body)
  const shown = JSON.stringify(response).slice(0, 2_000)
  try {
    const { accessToken, expiresAtMs, refreshAtMs } = readTokenResponse(response, asked, START_MS)
    assert.ok(mayBeToken(response, body), `taken: ${shown}`)
    assert.equal(accessToken, body['access_token'])
    assert.ok(!Number.isNaN(new Date(expiresAtMs).getTime()), `no date: ${shown}`)
    assert.ok(START_MS <= refreshAtMs && refreshAtMs <= expiresAtMs, `renewal: ${shown}`)
    return true
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
    assert.ok(error instanceof TomteError, `${String(error)}: ${shown}`)
    assert.ok(error.message.length <= MESSAGE_MAX, `long: ${shown}`)
    assert.ok(error.aadsts.length <= 20, `numbers: ${shown}`)
    const said = inspect(error, { depth: Infinity, showHidden: true })
    const token = body['access_token']
    assert.ok(!said.includes(JWT), `a JWT is said: ${shown}`)
    if (typeof token === 'string' && token.length >= 8) assert.ok(!said.includes(token), `said: ${shown}`)
    return false
  }
}
