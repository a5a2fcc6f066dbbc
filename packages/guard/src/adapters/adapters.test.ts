// One set of promises for every adapter, each behind a real socket: Fastify has tests of its own beside.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { describe, it, type TestContext } from 'node:test'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { graphBody, type RefusalBody } from '../answer.ts'
import type { Principal } from '../claims.ts'
import { createGuard, type Guard } from '../guard.ts'
import { KeysUnavailableError } from '../keys/errors.ts'
import { permissionTable } from '../permission-table.ts'
import {
  AUDIENCE,
  CLIENT,
  GOOD,
  handmade,
  KID,
  keySource,
  newRsaKeys,
  NOW_SECONDS,
  ROLE,
  TENANT,
  trusting,
} from '../test-support.ts'
import { guarded as guardedExpress } from './express.ts'
import { guarded as guardedFastify } from './fastify.ts'
import { guarded as guardedFetch, honoGuard } from './fetch.ts'
import { guarded as guardedNode } from './node.ts'

const { publicKey, privateKey } = newRsaKeys()
const newGuard = () =>
  createGuard({
    audience: [AUDIENCE],
    issuers: trusting(keySource({ [KID]: publicKey })),
    now: () => NOW_SECONDS * 1000,
  })
const bearer = (changes: object = {}) =>
  `Bearer ${handmade(privateKey, { alg: 'RS256', kid: KID, typ: 'JWT' }, { ...GOOD['2.0'], ...changes })}`

const permissions = permissionTable({
  'GET /orders/:id': [ROLE],
  'GET /orders/export': ['Admin'],
  'POST /orders': [ROLE],
  'GET /admin': ['Admin'],
})

interface Setup {
  readonly guard: Pick<Guard, 'judge'>
  readonly body?: RefusalBody<unknown> | undefined
  readonly log: string[]
}

/** Starts a server with one adapter; its routes answer with who called. */
type Start = (t: TestContext, setup: Setup) => Promise<string>

async function listening(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const said = (error: unknown) => (error instanceof Error ? error.message : String(error))
const answer = (response: ServerResponse, { appId }: Principal) =>
  void response.end(JSON.stringify({ appId }))

const answering = (request: IncomingMessage & { principal?: Principal }, response: ServerResponse) =>
  answer(response, request.principal ?? assert.fail('nobody was let in'))

/** Express, whose error handler takes four arguments. */
const failing =
  (log: string[]) => (error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => {
    log.push(said(error))
    response.writeHead(500).end()
  }

const withExpress: Start = (t, { guard, body, log }) => {
  const app = express()
  app.use(guardedExpress({ guard, permissions, body, onRefused: (error) => void log.push(said(error)) }))
  app.get('/orders/export', answering)
  app.get('/orders/:id', answering)
  app.post('/orders', answering)
  app.get('/admin', answering)
  app.get('/hidden', answering)
  app.use(failing(log))
  return listening(t, app)
}

const node: Start = (t, { guard, body, log }) => {
  const heard = (error: unknown) => void log.push(said(error))
  const options = { guard, permissions, body, onRefused: heard, onError: heard }
  return listening(
    t,
    guardedNode(options, (_request, response, principal) => answer(response, principal)),
  )
}

/** What a server of `fetch` handlers does, such as Deno's or a worker's. */
const serving =
  (handle: (request: Request) => Response | Promise<Response>, log: string[]): RequestListener =>
  async (incoming, response) => {
    const { method = '', url = '', headers } = incoming
    const init = method === 'POST' ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' } : {}
    try {
      const request = new Request(`http://api.example${url}`, {
        method,
        headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
        ...(init as object),
      })
      const { status, headers: sent, body } = await handle(request)
      response.writeHead(status, Object.fromEntries(sent))
      if (body) for await (const chunk of body) response.write(chunk)
      response.end()
    } catch (error) {
      log.push(said(error))
      response.writeHead(500).end()
    }
  }

const plainFetch: Start = (t, { guard, body, log }) => {
  const options = { guard, permissions, body, onRefused: (error: Error) => void log.push(said(error)) }
  const handle = guardedFetch(options, (_request, { appId }) => Response.json({ appId }))
  return listening(t, serving(handle, log))
}

const hono: Start = (t, { guard, body, log }) => {
  const app = new Hono<{ Variables: { principal: Principal } }>()
  app.use(honoGuard({ guard, permissions, body, onRefused: (error) => void log.push(said(error)) }))
  app.on(['GET', 'POST'], ['/orders/export', '/orders/:id', '/orders', '/admin', '/hidden'], (context) =>
    context.json({ appId: context.get('principal').appId }),
  )
  app.onError((error, context) => {
    log.push(said(error))
    return context.body(null, 500)
  })
  return listening(t, serving(app.fetch, log))
}

const withFastify: Start = async (t, { guard, body, log }) => {
  const app = fastify()
  guardedFastify(app, { guard, permissions, body })
  const handler = async ({ principal }: { principal: Principal }) => ({ appId: principal.appId })
  app.get('/orders/export', handler)
  app.get('/orders/:id', handler)
  app.post('/orders', handler)
  app.get('/admin', handler)
  app.setErrorHandler((error, _request, reply) => {
    log.push(said(error))
    return reply.code(500).send()
  })
  t.after(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

async function ask(url: string, authorization?: string, method = 'GET') {
  const response = await fetch(url, { method, headers: authorization === undefined ? {} : { authorization } })
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    type: response.headers.get('content-type'),
    body: await response.text(),
  }
}

const problem = (status: number, title: string, detail: string, challenge: string | null) => ({
  status,
  challenge,
  type: 'application/problem+json; charset=utf-8',
  body: JSON.stringify({ status, title, detail }),
})
const NO_TOKEN = problem(401, 'token_missing', 'Access token is empty.', 'Bearer realm=""')
const PRIVILEGES = 'Insufficient privileges to complete the operation.'
const insufficient = (code: string) =>
  problem(
    403,
    code,
    PRIVILEGES,
    `Bearer realm="", error="insufficient_scope", error_description="${PRIVILEGES}"`,
  )

const ADAPTERS: Readonly<Record<string, Start>> = { withExpress, node, plainFetch, hono, withFastify }

for (const [name, start] of Object.entries(ADAPTERS)) {
  describe(`the adapter '${name}'`, () => {
    it('lets in who may come, the first time and again, and says who it is', async (t) => {
      const url = await start(t, { guard: newGuard(), log: [] })
      const header = bearer()
      for (let time = 0; time < 2; time++) {
        for (const [path, method] of [
          ['/orders/7', 'GET'],
          ['/orders', 'POST'],
        ] as const) {
          const { status, challenge, body } = await ask(url + path, header, method)
          assert.deepEqual([status, challenge, body], [200, null, JSON.stringify({ appId: CLIENT })])
        }
      }
    })

    it('refuses with status, challenge and problem+json, each time', async (t) => {
      const log: string[] = []
      const url = await start(t, { guard: newGuard(), log })
      const header = bearer()
      for (let time = 0; time < 2; time++) {
        assert.deepEqual(await ask(`${url}/orders/7`), NO_TOKEN)
        assert.deepEqual(await ask(`${url}/admin`, header), insufficient('role_missing'))
        const description = 'Access token validation failure. Invalid audience.'
        assert.deepEqual(
          await ask(`${url}/orders/7`, bearer({ aud: 'other' })),
          problem(
            401,
            'audience_invalid',
            description,
            `Bearer realm="", error="invalid_token", error_description="${description}"`,
          ),
        )
      }
      if (name === 'withFastify') return
      const lines = [
        'Cannot let the request in: no Authorization header',
        `Cannot let the request in: application ${CLIENT} holds Orders.Read.All, Orders.Write.All, and one of Admin is needed`,
        'Cannot let the request in: aud is another API',
      ]
      assert.deepEqual(log, [...lines, ...lines])
    })

    it('lets nobody into what is not in the table, and strangers do not learn of it', async (t) => {
      if (name === 'withFastify') return t.skip('Fastify has routes, or 404')
      const url = await start(t, { guard: newGuard(), log: [] })
      for (const path of ['/hidden', '/orders/7/lines', '/orders/a%2Fb', '/orders/']) {
        assert.deepEqual(await ask(url + path), NO_TOKEN)
        assert.deepEqual(await ask(url + path, bearer()), insufficient('route_unlisted'), path)
      }
      return undefined
    })

    it('lets nobody past a route by writing its path in another way', async (t) => {
      const url = await start(t, { guard: newGuard(), log: [] })
      for (const path of ['/orders/export', '/orders/%65xport', '/orders/%65%78port'])
        assert.equal((await ask(url + path, bearer())).status, 403, path)
      // To Fastify, which minds case, this is an order.
      const expected = name === 'withFastify' ? 200 : 403
      for (const path of ['/orders/EXPORT', '/orders/Export'])
        assert.equal((await ask(url + path, bearer())).status, expected, path)
    })

    it('gives a claims challenge to who understands it', async (t) => {
      const guard = newGuard()
      const url = await start(t, { guard, log: [] })
      guard.revoke({ tenantId: TENANT, issuedBeforeMs: NOW_SECONDS * 1000 })
      const { status, challenge } = await ask(`${url}/orders/7`, bearer({ xms_cc: ['cp1'] }))
      const claims = Buffer.from(
        `{"access_token":{"nbf":{"essential":true,"value":"${NOW_SECONDS}"}}}`,
      ).toString('base64')
      assert.deepEqual(
        [status, challenge],
        [
          401,
          `Bearer realm="", error="insufficient_claims", error_description="Continuous access evaluation resulted in challenge.", claims="${claims}"`,
        ],
      )
    })

    it('takes the body from the API, as Graph has it', async (t) => {
      const facts = { requestId: 'r-1', nowMs: NOW_SECONDS * 1000 }
      const url = await start(t, { guard: newGuard(), log: [], body: (refused) => graphBody(refused, facts) })
      const innerError = { date: '2026-09-21T14:13:20', 'request-id': 'r-1', 'client-request-id': 'r-1' }
      const error = (code: string, message: string) =>
        JSON.stringify({ error: { code, message, innerError } })
      const { type, body } = await ask(`${url}/orders/7`)
      assert.deepEqual(
        [type, body],
        ['application/json; charset=utf-8', error('InvalidAuthenticationToken', 'Access token is empty.')],
      )
      assert.equal(
        (await ask(`${url}/admin`, bearer())).body,
        error('Authorization_RequestDenied', PRIVILEGES),
      )
    })

    it('answers 503 while there are no keys to judge by, and tells the client nothing more', async (t) => {
      const failure = new KeysUnavailableError('asked for an internal address', {
        code: 'keys_untrusted',
        hint: 'a hint',
        retryAfterMs: 4500,
      })
      const guard = { judge: () => Promise.reject(failure) }
      const url = await start(t, { guard, log: [] })
      const response = await fetch(`${url}/orders/7`, { headers: { authorization: bearer() } })
      assert.deepEqual(
        [response.status, response.headers.get('retry-after'), await response.text()],
        [
          503,
          '5',
          '{"status":503,"title":"keys_unavailable","detail":"The token cannot be judged now; try again later."}',
        ],
      )
    })

    it('passes on errors that are no refusals, and lets nobody in', async (t) => {
      const log: string[] = []
      const broken = { judge: () => Promise.reject(new Error('a bug')) }
      const url = await start(t, { guard: broken, log })
      assert.equal((await ask(`${url}/orders/7`, bearer())).status, 500)
      assert.deepEqual(log, ['a bug'])
    })
  })
}

describe('the guard of Express', () => {
  it('judges by the path as it came, in whatever router it is mounted', async (t) => {
    const router = express.Router()
    router.use(guardedExpress({ guard: newGuard(), permissions }))
    router.get('/:id', answering)
    // Taken off its mount each of them is the path `/7`.
    const url = await listening(
      t,
      express().use('/orders', router).use('/admin', router).use('/orders/7', router),
    )
    assert.equal((await ask(`${url}/orders/7`, bearer())).body, JSON.stringify({ appId: CLIENT }))
    for (const path of ['/admin/7', '/orders/7/7'])
      assert.deepEqual(await ask(url + path, bearer()), insufficient('route_unlisted'), path)
  })

  it('takes one permission for all that comes its way', async (t) => {
    const app = express()
    app.use('/open', (_request, response) => void response.end('open'))
    app.use(guardedExpress({ guard: newGuard(), permissions: ['Admin', ROLE] }))
    app.get('/anything', answering)
    const url = await listening(t, app)
    assert.equal((await ask(`${url}/anything`, bearer())).body, JSON.stringify({ appId: CLIENT }))
    assert.deepEqual(await ask(`${url}/anything`, bearer({ roles: [] })), insufficient('role_missing'))
    assert.deepEqual(await ask(`${url}/nowhere`), NO_TOKEN)
    assert.equal((await ask(`${url}/open`)).body, 'open')
  })
})
