import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fastify, { type FastifyInstance } from 'fastify'
import { type JWTPayload, SignJWT } from 'jose'
import { createGuard } from '../guard.ts'
import {
  AUDIENCE,
  CLIENT,
  GOOD,
  keySource,
  newRsaKeys,
  NOW_SECONDS,
  ROLE,
  trusting,
} from '../test-support.ts'
import { assertEveryRouteListed, permissionTable } from '../permission-table.ts'
import { guarded, registeredRoutes } from './fastify.ts'

const { publicKey, privateKey } = newRsaKeys()
const guard = createGuard({
  audience: [AUDIENCE],
  issuers: trusting(keySource({ 'key-1': publicKey })),
  now: () => NOW_SECONDS * 1000,
})

const bearer = async (changes: JWTPayload = {}) => {
  const jwt = new SignJWT({ ...GOOD['2.0'], ...changes }).setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
  return `Bearer ${await jwt.sign(privateKey)}`
}

const ROLELESS = { roles: [] }

/** A server on a real socket, made by `build`. */
async function listening(t: TestContext, build: (app: FastifyInstance) => void): Promise<string> {
  const app = fastify()
  build(app)
  t.after(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

const orders = (app: FastifyInstance) =>
  app.get('/orders', { config: { roles: [ROLE] } }, async ({ principal }) => ({ appId: principal.appId }))

async function ask(url: string, authorization?: string, method = 'GET') {
  const headers = authorization === undefined ? {} : { authorization }
  const response = await fetch(url, { method, headers })
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    type: response.headers.get('content-type'),
    body: await response.text(),
  }
}

const problem = (status: number, title: string, detail: string, challenge: string) => ({
  status,
  challenge,
  type: 'application/problem+json; charset=utf-8',
  body: JSON.stringify({ status, title, detail }),
})

const NO_TOKEN = problem(401, 'token_missing', 'Access token is empty.', 'Bearer realm=""')
const PRIVILEGES = 'Insufficient privileges to complete the operation.'
const NO_ROLE = problem(
  403,
  'role_missing',
  PRIVILEGES,
  `Bearer realm="", error="insufficient_scope", error_description="${PRIVILEGES}"`,
)

describe('guarded', () => {
  it('lets in who holds the role, and tells the route who it is', async (t) => {
    const url = await listening(t, (app) => {
      guarded(app, { guard })
      orders(app)
    })
    assert.deepEqual(await ask(`${url}/orders`, await bearer()), {
      status: 200,
      challenge: null,
      type: 'application/json; charset=utf-8',
      body: JSON.stringify({ appId: CLIENT }),
    })
  })

  it('answers a refusal with its status, its challenge and problem+json', async (t) => {
    const url = await listening(t, (app) => {
      guarded(app, { guard })
      orders(app)
    })
    assert.deepEqual(await ask(`${url}/orders`), NO_TOKEN)
    assert.deepEqual(await ask(`${url}/orders`, await bearer(ROLELESS)), NO_ROLE)
    assert.deepEqual(
      await ask(`${url}/orders`, 'Basic YTpi'),
      problem(
        401,
        'token_malformed',
        'The access token is not a signed JWT.',
        'Bearer realm="", error="invalid_token", error_description="The access token is not a signed JWT."',
      ),
    )
  })

  it('does not run a route, or read its body, for who is refused', async (t) => {
    let ran = false
    const url = await listening(t, (app) => {
      guarded(app, { guard })
      app.post('/orders', { config: { roles: [ROLE] } }, () => {
        ran = true
      })
    })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/orders`, { method: 'POST', headers, body: 'no JSON' })
    assert.equal(response.status, 401)
    assert.equal(ran, false)
  })

  it('takes the body of a refusal from the API', async (t) => {
    const url = await listening(t, (app) => {
      guarded(app, { guard, body: ({ code }, { url: path }) => ({ error: { code, path } }) })
      orders(app)
    })
    assert.deepEqual(await ask(`${url}/orders?a=b`), {
      ...NO_TOKEN,
      type: 'application/json; charset=utf-8',
      body: '{"error":{"code":"token_missing","path":"/orders?a=b"}}',
    })
  })

  it('lets in any application where the word says so, and still none without a token', async (t) => {
    const url = await listening(t, (app) => {
      guarded(app, { guard })
      app.get('/any', { config: { roles: 'any application' } }, async () => 'in')
    })
    assert.equal((await ask(`${url}/any`, await bearer(ROLELESS))).body, 'in')
    assert.deepEqual(await ask(`${url}/any`), NO_TOKEN)
  })

  it('guards the HEAD that Fastify adds to a GET', async (t) => {
    const url = await listening(t, (app) => {
      guarded(app, { guard })
      orders(app)
    })
    assert.equal((await ask(`${url}/orders`, undefined, 'HEAD')).status, 401)
    assert.equal((await ask(`${url}/orders`, await bearer(ROLELESS), 'HEAD')).status, 403)
    assert.equal((await ask(`${url}/orders`, await bearer(), 'HEAD')).status, 200)
  })

  it('does not say to strangers which paths there are', async (t) => {
    const url = await listening(t, (app) => {
      guarded(app, { guard })
      orders(app)
    })
    assert.deepEqual(await ask(`${url}/nothing`), NO_TOKEN)
    assert.deepEqual(await ask(`${url}/orders`, undefined, 'DELETE'), NO_TOKEN)
    assert.equal((await ask(`${url}/nothing`, await bearer())).status, 404)
  })

  it('guards the routes of its scope and no others', async (t) => {
    const url = await listening(t, (app) => {
      app.get('/health', async () => 'well')
      app.register(async (scope) => {
        guarded(scope, { guard })
        orders(scope)
        scope.register(
          async (inner) => void inner.get('/inner', { config: { roles: [ROLE] } }, async () => 'in'),
        )
      })
    })
    assert.equal((await ask(`${url}/health`)).body, 'well')
    assert.deepEqual(await ask(`${url}/orders`), NO_TOKEN)
    assert.deepEqual(await ask(`${url}/inner`), NO_TOKEN)
    assert.equal((await ask(`${url}/inner`, await bearer())).body, 'in')
  })

  it('guards the scope that registers it as a plugin', async (t) => {
    const url = await listening(t, (app) => {
      app.register(guarded, { guard })
      orders(app)
      app.register(async (later) => void orders(later), { prefix: '/later' })
    })
    for (const path of ['/orders', '/later/orders']) {
      assert.deepEqual(await ask(`${url}${path}`), NO_TOKEN)
      assert.equal((await ask(`${url}${path}`, await bearer())).status, 200)
    }
  })

  it('lets nobody into a route without roles that a plugin came too late to refuse', async (t) => {
    const url = await listening(t, (app) => {
      app.register(guarded, { guard })
      app.get('/forgotten', async () => 'in')
    })
    assert.deepEqual(await ask(`${url}/forgotten`), NO_TOKEN)
    assert.deepEqual(await ask(`${url}/forgotten`, await bearer()), NO_ROLE)
  })

  for (const [name, config] of [
    ['no config', undefined],
    ['a config without roles', {}],
    ['an empty list of roles', { roles: [] }],
  ] as const) {
    it(`refuses to register a route with ${name}`, () => {
      const app = fastify()
      guarded(app, { guard })
      assert.throws(
        () => app.get('/orders', config === undefined ? {} : { config }, async () => 'in'),
        new TypeError('Cannot register GET /orders, as a guarded route needs config.roles: found none'),
      )
      const both = { method: ['PUT', 'POST'], url: '/orders', handler: async () => 'in' }
      assert.throws(
        () => app.route(config === undefined ? both : { ...both, config }),
        new TypeError('Cannot register PUT,POST /orders, as a guarded route needs config.roles: found none'),
      )
    })
  }

  it('lets errors that are no refusals reach the error handler of the API', async (t) => {
    const failure = new Error('no connection to the keys')
    const broken = { judge: () => Promise.reject(failure) }
    const seen: unknown[] = []
    const url = await listening(t, (app) => {
      guarded(app, { guard: broken })
      app.setErrorHandler((error, _request, reply) => {
        seen.push(error)
        return reply.code(503).send('later')
      })
      orders(app)
    })
    const { status, challenge, body } = await ask(`${url}/orders`, await bearer())
    assert.deepEqual({ status, challenge, body }, { status: 503, challenge: null, body: 'later' })
    assert.deepEqual(seen, [failure])
  })

  it('tells the log why, and tells it nothing of the token', async (t) => {
    const lines: string[] = []
    const app = fastify({ logger: { stream: { write: (line: string) => void lines.push(line) } } })
    guarded(app, { guard })
    orders(app)
    t.after(() => app.close())
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const authorization = await bearer(ROLELESS)
    await ask(`${url}/orders`, authorization)
    const refused = lines.map((line) => JSON.parse(line) as object).find((line) => 'reason' in line)
    assert.partialDeepStrictEqual(refused, {
      code: 'role_missing',
      reason: `application ${CLIENT} holds no role, and one of ${ROLE} is needed`,
      msg: 'refused',
    })
    for (const part of authorization.split(/[ .]/).slice(1)) assert.ok(!lines.join('').includes(part))
  })
})

describe('guarded, with a permission table', () => {
  const permissions = permissionTable({
    'GET /v1/orders': [ROLE],
    'PUT /v1/orders': [ROLE],
    'POST /v1/orders': ['Orders.Write.All'],
  })
  const refused = (route: string) =>
    new TypeError(
      `Cannot register ${route}, as a guarded route needs config.roles or one line in the permission table: found none`,
    )

  it('finds who may call by method and path, prefix included', async (t) => {
    let routes: readonly string[] = []
    const url = await listening(t, (app) => {
      routes = registeredRoutes(app)
      guarded(app, { guard, permissions })
      app.register(
        async (scope) => {
          scope.get('/orders', async () => 'read')
          scope.put('/orders', async () => 'put')
          scope.post('/orders', async () => 'write')
        },
        { prefix: '/v1' },
      )
    })
    const readOnly = await bearer({ roles: [ROLE] })
    assert.equal((await ask(`${url}/v1/orders`, readOnly)).body, 'read')
    assert.equal((await ask(`${url}/v1/orders`, readOnly, 'HEAD')).status, 200)
    assert.deepEqual(await ask(`${url}/v1/orders`, readOnly, 'POST'), NO_ROLE)
    assertEveryRouteListed(permissions, routes)
  })

  it('refuses to register what the table does not list', () => {
    const app = fastify()
    guarded(app, { guard, permissions })
    assert.throws(() => app.delete('/v1/orders', async () => ''), refused('DELETE /v1/orders'))
    assert.throws(() => app.get('/orders', async () => ''), refused('GET /orders'))
  })

  it('refuses one route for methods that the table treats apart', () => {
    const app = fastify()
    guarded(app, { guard, permissions })
    const route = { url: '/v1/orders', method: ['GET', 'POST'], handler: async () => '' }
    assert.throws(() => app.route(route), refused('GET,POST /v1/orders'))
  })

  it('lets no empty list of a route hide behind the table', () => {
    const app = fastify()
    guarded(app, { guard, permissions })
    assert.throws(
      () => app.get('/v1/orders', { config: { roles: [] } }, async () => ''),
      refused('GET /v1/orders'),
    )
  })
})
