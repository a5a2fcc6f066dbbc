// Each parameter missing, doubled, empty, huge, with NUL or with half of a character; and connections that say half a request.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import Fastify from 'fastify'
import { SignInLog } from '../audit/sign-in-log.ts'
import { SigningKeys } from '../discovery/signing-keys.ts'
import { openDatabase } from '../store/database.ts'
import { ReadCache } from '../store/read-cache.ts'
import { type App, assertRefused, GRAPH_SCOPE, makeKey, temporaryFolder, World } from '../test-support.ts'
import { tokenRoutes } from './routes.ts'
import { UsedAssertions } from './used-assertions.ts'
import { IssuerKeys } from './issuer-keys.ts'
import type { RefusalNumber } from './refusals.ts'

let world: World
let app: App
before(async () => {
  world = await World.start()
  app = await world.register(await makeKey(world.clock.ms))
})
after(() => world.remove())

const MALFORMED = 9002313
const DOUBLED: unique symbol = Symbol('doubled')

type Spoilt = 'missing' | 'empty' | 'half a character' | 'blank'

// What each parameter gives that is merely wrong; whatever is doubled, huge or has a NUL is malformed.
const WRONG: Readonly<Record<string, Readonly<Record<Spoilt, RefusalNumber | 200>>>> = {
  grant_type: { missing: 900144, empty: 900144, 'half a character': 70003, blank: 70003 },
  client_id: { missing: 900144, empty: 900144, 'half a character': 700016, blank: 700016 },
  scope: { missing: 90014, empty: 90014, 'half a character': 1002012, blank: 1002012 },
  client_assertion_type: { missing: 900144, empty: 900144, 'half a character': 900144, blank: 900144 },
  client_assertion: { missing: 7000216, empty: 7000216, 'half a character': 50027, blank: 50027 },
  // A second proof is one too many, whatever it says.
  client_secret: { missing: 200, empty: 200, 'half a character': 9002313, blank: 9002313 },
  claims: { missing: 200, empty: 200, 'half a character': 9002313, blank: 9002313 },
  resource: { missing: 200, empty: 200, 'half a character': 901002, blank: 901002 },
  token_type: { missing: 200, empty: 200, 'half a character': 51000, blank: 51000 },
  req_cnf: { missing: 200, empty: 200, 'half a character': 51000, blank: 51000 },
  client_info: { missing: 200, empty: 200, 'half a character': 200, blank: 200 },
}

const ENCODED: Readonly<Record<Exclude<Spoilt, 'missing'>, string>> = {
  empty: '',
  'half a character': '%ED%A0%80',
  blank: '+',
}

/** A proper form as text, with one parameter replaced by what is given, encoded already. */
function spoilt(name: string, value: string | typeof DOUBLED | undefined): string {
  const { [name]: usual = '', ...rest } = world.form(app) as Record<string, string>
  const others = new URLSearchParams(rest).toString()
  if (value === undefined) return others
  const encoded = encodeURIComponent(usual === '' ? 'x' : usual)
  return value === DOUBLED ? `${others}&${name}=${encoded}&${name}=${encoded}` : `${others}&${name}=${value}`
}

const post = (body: string) =>
  world.send(`/${world.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  })

describe('a parameter of a token request', () => {
  for (const [name, expected] of Object.entries(WRONG)) {
    for (const [how, outcome] of Object.entries(expected) as [Spoilt, RefusalNumber | 200][]) {
      it(`${name}, ${how}: ${outcome}`, async () => {
        const { status, body } = await post(spoilt(name, how === 'missing' ? undefined : ENCODED[how]))
        if (outcome === 200) assert.equal(status, 200)
        else assert.deepEqual([status >= 400 && status < 500, body['error_codes']], [true, [outcome]])
      })
    }

    it(`${name}, doubled, of 1 MB or with a NUL: malformed`, async () => {
      const values: readonly (string | typeof DOUBLED)[] = [
        DOUBLED,
        'a'.repeat(1_000_000),
        'a'.repeat(65_537),
        '%00',
        'a%00b',
      ]
      for (const value of values)
        assertRefused(
          world,
          await post(spoilt(name, value)),
          MALFORMED,
          'Invalid request. Request is malformed or invalid.',
        )
    })
  }

  it('with a client id that no text can hold is quoted in whole characters', async () => {
    const { text } = await post(spoilt('client_id', encodeURIComponent('😀'.repeat(200))))
    assert.equal(text.includes('\ufffd'), false)
    assert.deepEqual((JSON.parse(text) as { readonly error_codes: unknown }).error_codes, [700016])
  })
})

/** A TLS connection on which the test writes HTTP itself. */
async function rawConnection(to: World = world): Promise<{ socket: TLSSocket; answer: Promise<string> }> {
  const { port } = new URL(to.platform.origin)
  const socket = connect({
    host: 'localhost',
    port: Number(port),
    servername: 'localhost',
    ca: to.platform.ca,
  })
  await once(socket, 'secureConnect')
  const answer = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('error', () => resolve(text))
    socket.on('end', () => resolve(text))
  })
  return { socket, answer }
}

const head = (length: number) => {
  const { host } = new URL(world.platform.origin)
  const lines = [
    `POST /${world.tenantId}/oauth2/v2.0/token HTTP/1.1`,
    `Host: ${host}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${length}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

describe('a connection', () => {
  it('that ends in the middle of a body, or of a head, is refused without a token or a word of the inside', async () => {
    for (const text of [
      `${head(1000)}grant_type=client_credentials`,
      'POST /x HTTP/1.1\r\nHost: loc',
      '\u0016\u0003',
    ]) {
      const { socket, answer } = await rawConnection()
      socket.end(text)
      const said = await answer
      assert.match(said, /^(HTTP\/1\.1 400 |$)/, text)
      assert.doesNotMatch(said, /access_token|\n\s+at |\.ts:/)
    }
  })

  it('that stops in the middle of a body keeps no other from its token', async () => {
    const stalled = await Promise.all(Array.from({ length: 20 }, () => rawConnection()))
    for (const { socket } of stalled) socket.write(`${head(1000)}grant_type=`)
    assert.equal((await world.postForm(world.form(app))).status, 200)
    for (const { socket } of stalled) socket.destroy()
  })

  it('that goes on with half a head or half a body is ended with 408 when its time is over', async () => {
    const impatient = await World.start(undefined, { requestTimeMs: 100 })
    for (const text of ['POST /x HTTP/1.1\r\nHost: loc', `${head(1000)}grant_type=`]) {
      const { socket, answer } = await rawConnection(impatient)
      socket.write(text.replace(new URL(world.platform.origin).host, new URL(impatient.platform.origin).host))
      assert.match(await answer, /^HTTP\/1\.1 408 Request Timeout\r\n/)
    }
    await impatient.remove()
  })

  it('may bring its body in many pieces', async () => {
    const body = new URLSearchParams(world.form(app, { scope: GRAPH_SCOPE })).toString()
    const { socket, answer } = await rawConnection()
    socket.write(head(body.length).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    for (let at = 0; at < body.length; at += 50) {
      socket.write(body.slice(at, at + 50))
      // The event loop turns, so that the platform reads each piece by itself.
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.match(await answer, /^HTTP\/1\.1 200 /)
  })
})

describe('a failure of the platform itself', () => {
  it('is 503 in the same envelope, and says nothing of the inside', async () => {
    const folder = await temporaryFolder()
    const db = await openDatabase(folder)
    const now = () => world.clock.ms
    const keys = await SigningKeys.load(db, Buffer.alloc(32, 1), now)
    await db.destroy()
    const logDb = await openDatabase(folder)
    const signIns = new SignInLog({ db: logDb })
    const fastify = Fastify()
    const network = { allowPrivate: false, ca: undefined }
    const issuers = new IssuerKeys({ network, own: () => undefined, now })
    const { origin } = world.platform
    const cache = new ReadCache(db)
    const assertions = new UsedAssertions({ db, now })
    tokenRoutes(fastify, {
      cache,
      keys,
      issuers,
      assertions,
      originFor: () => origin,
      now,
      loops: undefined,
      signIns,
    })
    const { statusCode, headers, payload } = await fastify.inject({
      method: 'POST',
      url: `/${world.tenantId}/oauth2/v2.0/token`,
      payload: new URLSearchParams(world.form(app)).toString(),
    })
    const answer = {
      status: statusCode,
      headers: headers as never,
      text: payload,
      body: JSON.parse(payload) as never,
    }
    assertRefused(world, answer, 90033, 'A transient error has occurred. Please try again.')
    await fastify.close()
    await signIns.close()
    await logDb.destroy()
    await rm(folder, { recursive: true })
  })
})
