// Which requests are for this machine at all, and how (appId='…') reaches the router.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { rewriteAlternateKey } from './request-rules.ts'
import { World } from './test-support.ts'

let world: World
before(async () => {
  world = await World.start()
})
after(() => world.remove())

const PATHS = () => [
  '/',
  `/${world.tenantId}/oauth2/v2.0/token`,
  `/${world.tenantId}/v2.0/.well-known/openid-configuration`,
  '/graph/v1.0/users',
  '/nothing/here',
]

describe('the Host header', () => {
  it('must name this machine and this port, or the request is misdirected', async () => {
    const { port } = new URL(world.platform.origin)
    const evil = [
      'example.com',
      `example.com:${port}`,
      'localhost',
      'localhost:1',
      `localhost.example.com:${port}`,
      `localhost:${port}.example.com`,
      `127.0.0.2:${port}`,
      `0.0.0.0:${port}`,
      `a@localhost:${port}`,
    ]
    for (const path of PATHS()) {
      for (const host of evil) {
        const { status, headers, text } = await world.send(path, { headers: { host } })
        assert.deepEqual(
          [status, headers['content-type'], text],
          [421, 'text/plain', 'Misdirected request: this platform answers to localhost alone.\n'],
          `${path} ${host}`,
        )
      }
    }
  })

  it('may be any of the three names of this machine', async () => {
    const { port } = new URL(world.platform.origin)
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      const { status } = await world.send(`/${world.tenantId}/discovery/v2.0/keys`, { headers: { host } })
      assert.equal(status, 200, host)
    }
  })
})

describe('a request for nothing', () => {
  it('is answered without a stack trace, a file name or a version', async () => {
    for (const path of [
      '/nothing/here',
      '/graph/v1.0/nothing',
      '/%',
      '/graph/v1.0/users/%zz',
      `/${'x'.repeat(400)}/y`,
    ]) {
      const { status, headers, text } = await world.send(path)
      assert.ok([400, 401, 404, 414].includes(status), `${path}: ${status}`)
      assert.doesNotMatch(text, /\n\s+at |\.ts:|node:|node_modules/)
      assert.equal(headers['server'] ?? headers['x-powered-by'], undefined)
    }
  })
})

describe('rewriteAlternateKey', () => {
  const id = '22222222-bbbb-4bbb-8bbb-000000000002'
  const graph = (path: string) => `/graph/v1.0${path}`
  it('turns every spelling of (appId=…) into one path', () => {
    for (const [open, equals, quote, close] of [
      ['(', '=', "'", ')'],
      ['%28', '%3D', '%27', '%29'],
      ['(', '%3d', '%27', ')'],
    ]) {
      const url = `${graph('/applications')}${open}appId${equals}${quote}${id}${quote}${close}`
      assert.equal(rewriteAlternateKey(url), graph(`/applications/appId:${id}`))
      assert.equal(rewriteAlternateKey(`${url}/x?y=(z)`), graph(`/applications/appId:${id}/x?y=(z)`))
    }
    assert.equal(
      rewriteAlternateKey(graph(`/servicePrincipals(appId='${id}')`)),
      graph(`/servicePrincipals/appId:${id}`),
    )
  })

  it('turns (roleTemplateId=…) of a directory role into one path', () => {
    assert.equal(
      rewriteAlternateKey(graph(`/directoryRoles(roleTemplateId='${id}')/members`)),
      graph(`/directoryRoles/roleTemplateId=${id}/members`),
    )
  })

  it('leaves everything else alone', () => {
    for (const url of [
      graph(`/users(appId='${id}')`),
      graph("/applications(appId='short')"),
      graph(`/applications(appId="${id}")`),
      `/other/graph/v1.0/applications(appId='${id}')`,
      graph('/applications'),
      '/',
    ]) {
      assert.equal(rewriteAlternateKey(url), url)
    }
  })
})
