import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { describe, it } from 'node:test'
import { systemNow } from './clock.ts'
import { isLoopback, requireSafeExposure } from './exposure.ts'
import { startPlatform } from './platform.ts'
import { temporaryFolder, World } from './test-support.ts'
import { makeSelfSigned } from './tls/certificates.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const PASSWORD = 'a password that is long enough'
const needs = (host: string, what: string) => ({
  name: 'PlatformError',
  code: 'exposure_refused',
  message: `Cannot listen on '${host}', as a platform that other machines reach needs ${what}`,
})

describe('exposure', () => {
  it('knows which addresses only this machine reaches', () => {
    for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '::1'])
      assert.equal(isLoopback(host), true, host)
    for (const host of ['0.0.0.0', '::', '192.0.2.1', '128.0.0.1', 'example.com', 'localhost.example', ''])
      assert.equal(isLoopback(host), false, host)
  })

  it('is refused for all that is missing at once, before anything is written', async () => {
    const all =
      'a certificate and its key (tls), the names by which it is reached (names), an administrator password (administratorPassword), to be without drills, which need no token (drills)'
    assert.throws(() => requireSafeExposure({ host: '0.0.0.0', drills: true }), needs('0.0.0.0', all))
    const dataFolder = await temporaryFolder()
    await rm(dataFolder, { recursive: true })
    await assert.rejects(
      startPlatform({
        dataFolder,
        port: 0,
        host: '::',
        names: ['x.example'],
        administratorPassword: PASSWORD,
      }),
      needs('::', 'a certificate and its key (tls)'),
    )
    await assert.rejects(rm(dataFolder), { code: 'ENOENT' })
  })

  it('is refused under a public origin that is none, or that strangers reach where there are drills', async () => {
    for (const publicOrigin of [
      '',
      'login.example',
      'http://login.example',
      'https://login.example/',
      'https://login.example/tenant',
      'https://Login.example',
      'https://user@login.example',
      'https://login.example:443',
    ])
      assert.throws(() => requireSafeExposure({ publicOrigin }), {
        name: 'PlatformError',
        code: 'public_origin_invalid',
        message: `Cannot be known as '${publicOrigin}', as an origin like https://login.example is needed: https, a name in lower case, and no path`,
      })
    assert.throws(
      () => requireSafeExposure({ publicOrigin: 'https://login.example', drills: true }),
      needs('login.example', 'to be without drills, which need no token (drills)'),
    )
    for (const publicOrigin of ['https://localhost:8443', 'https://[::1]:8443', 'https://127.0.0.1'])
      requireSafeExposure({ publicOrigin, drills: true })
  })

  it('is refused with a password or a certificate that does not do', async () => {
    const made = await makeSelfSigned('localhost', {
      notBeforeMs: systemNow() - DAY_MS,
      notAfterMs: systemNow() + DAY_MS,
    })
    const other = await makeSelfSigned('localhost', {
      notBeforeMs: systemNow() - DAY_MS,
      notAfterMs: systemNow() + DAY_MS,
    })
    assert.throws(
      () => requireSafeExposure({ administratorPassword: 'short' }),
      needs('localhost', 'an administrator password of at least 12 characters'),
    )
    for (const [tls, names, found] of [
      [
        { certificate: made.certificate, privateKey: other.privateKey },
        [],
        'the key is that of another certificate',
      ],
      [{ ...made, privateKey: 'x' }, [], 'one of the two cannot be read'],
      [made, ['login.example'], 'it is not for login.example'],
    ] as const)
      assert.throws(() => requireSafeExposure({ tls, names }), {
        code: 'certificate_unusable',
        message: `Cannot use the certificate of the platform, as a certificate for its names and the key of it are needed, both as PEM: ${found}`,
      })
  })

  it('shows the certificate that it was given, and answers to its names alone, without a word of CORS', async () => {
    const world = await World.start()
    try {
      const sent = {
        method: 'OPTIONS',
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      }
      for (const path of ['/portal', `/${world.tenantId}/oauth2/v2.0/token`, '/graph/v1.0/users']) {
        const answer = await world.send(path, sent)
        const cors = Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))
        assert.deepEqual(cors, [], path)
        assert.ok(answer.status >= 400, path)
      }
    } finally {
      await world.remove()
    }
  })

  it('listens elsewhere with everything that it needs', async () => {
    const dataFolder = await temporaryFolder()
    const tls = await makeSelfSigned('tomte.example', {
      notBeforeMs: systemNow() - DAY_MS,
      notAfterMs: systemNow() + DAY_MS,
    })
    const platform = await startPlatform({
      dataFolder,
      port: 0,
      host: '0.0.0.0',
      names: ['tomte.example'],
      tls,
      administratorPassword: PASSWORD,
    })
    try {
      const { port, hostname } = new URL(platform.origin)
      assert.equal(hostname, 'tomte.example')
      const agent = new Agent({ ca: tls.certificate, servername: 'tomte.example' })
      const status = (host: string) =>
        new Promise<number>((resolve, reject) => {
          const headers = { host: `${host}:${port}` }
          const options = { host: '127.0.0.1', port, path: '/portal/sign-in', headers, agent }
          request(options, (answer) => {
            answer.resume()
            resolve(answer.statusCode ?? 0)
          })
            .on('error', reject)
            .end()
        })
      assert.deepEqual([await status('tomte.example'), await status('evil.example')], [200, 421])
      agent.destroy()
    } finally {
      await platform.close()
      await rm(dataFolder, { recursive: true, force: true })
    }
  })
})
