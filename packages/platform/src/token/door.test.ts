// The short way of plain token requests and the long way through the router: whichever a request takes, the answer is the same.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { type App, type Answer, assertRefused, claimsOf, makeKey, World } from '../test-support.ts'

let world: World
let app: App
before(async () => {
  world = await World.start()
  app = await world.register(await makeKey(world.clock.ms))
})
after(() => world.remove())

const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' }

const bodyOf = (changes: Readonly<Record<string, string>> = {}) =>
  new URLSearchParams(world.form(app, changes)).toString()

/** The same request by the short way, and by each of the reasons to take the long one. */
const WAYS: Readonly<Record<string, (body: string) => Promise<Answer>>> = {
  'a plain request': (body) => post(`/${world.tenantId}/oauth2/v2.0/token`, body),
  'a path with an escape': (body) => post(`/${world.tenantId.replace('-', '%2d')}/oauth2/v2.0/token`, body),
  'a path with a query': (body) => post(`/${world.tenantId}/oauth2/v2.0/token?slice=x`, body),
  'a name in capitals': (body) =>
    post(`/${world.tenantId}/oauth2/v2.0/token`, body, { host: host().toUpperCase() }),
}

const host = () => new URL(world.platform.origin).host

const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
  world.send(path, { method: 'POST', headers: { ...FORM_TYPE, ...headers }, body })

/** What two answers must have in common: all but what is new in each. */
const constantOf = ({ status, headers, body }: Answer) => ({
  status,
  headers: Object.keys(headers)
    .filter((name) => name !== 'transfer-encoding')
    .toSorted(),
  type: headers['content-type'],
  caching: [headers['cache-control'], headers['pragma']],
  body: Object.keys(body),
})

describe('a token request', () => {
  for (const [name, way] of Object.entries(WAYS)) {
    it(`gets the same answer as any by ${name}`, async () => {
      const [usual, answer] = [await world.postForm(world.form(app)), await way(bodyOf())]
      assert.equal(answer.status, 200, answer.text)
      assert.deepEqual(constantOf(answer), constantOf(usual))
      assert.equal(claimsOf(String(answer.body['access_token']))['appid'], app.appId)
    })

    it(`is refused with the same envelope by ${name}`, async () => {
      const answer = await way(bodyOf({ grant_type: 'password' }))
      assertRefused(world, answer, 70003, "The app requested an unsupported grant type 'password'.")
    })
  }

  it('is refused under a name that is not of this machine', async () => {
    const answer = await post(`/${world.tenantId}/oauth2/v2.0/token`, bodyOf(), { host: 'evil.example' })
    assert.equal(answer.status, 421)
    assert.equal(answer.text, 'Misdirected request: this platform answers to localhost alone.\n')
  })

  it('may be 256 KiB long and no longer', async () => {
    const padded = (length: number) => bodyOf().padEnd(length, '&')
    const path = `/${world.tenantId}/oauth2/v2.0/token`
    const within = await post(path, padded(262_144))
    const beyond = await post(path, padded(262_145))
    assert.equal(within.status, 200, within.text)
    assertRefused(world, beyond, 9002313, 'Invalid request. Request is malformed or invalid.')
  })

  it('is answered when it comes in pieces, and one after another on a connection', async () => {
    const line = await open()
    const body = bodyOf()
    const head = headOf(`Content-Length: ${body.length}`)
    for (let time = 0; time < 2; time++) {
      line.write(head + body.slice(0, 40))
      await new Promise((resolve) => setImmediate(resolve))
      line.write(body.slice(40))
      const [answer] = (await once(line, 'data')) as [Buffer]
      assert.match(answer.toString(), /^HTTP\/1\.1 200 OK\r\n/)
    }
    line.destroy()
  })

  it('is answered when its length is not stated', async () => {
    const line = await open()
    const body = bodyOf()
    line.write(`${headOf('Transfer-Encoding: chunked')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)
    const [answer] = (await once(line, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 200 OK\r\n/)
    line.destroy()
  })

  it('that is cut off leaves the platform as it was', async () => {
    const line = await open()
    line.write(`${headOf('Content-Length: 5000')}grant_type=`)
    line.destroy()
    assert.equal((await world.postForm(world.form(app))).status, 200)
  })
})

const headOf = (framing: string) =>
  `POST /${world.tenantId}/oauth2/v2.0/token HTTP/1.1\r\nHost: ${host()}\r\n${framing}\r\n\r\n`

async function open(): Promise<TLSSocket> {
  const { port } = new URL(world.platform.origin)
  const socket = connect({
    host: 'localhost',
    servername: 'localhost',
    port: Number(port),
    ca: world.platform.ca,
  })
  await once(socket, 'secureConnect')
  return socket
}
