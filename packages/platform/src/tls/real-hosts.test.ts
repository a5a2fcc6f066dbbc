// The third door of clients.md: the platform under the names of the real login hosts, with an authority of its own for them.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { connect, createServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import * as x509 from '@peculiar/x509'
import {
  type App,
  ASSERTION_TYPE,
  claimsOf,
  type Json,
  GRAPH_SCOPE,
  makeKey,
  World,
} from '../test-support.ts'
import { makeNamedAuthority, makeServerCertificate } from './certificates.ts'
import { REAL_HOSTS } from './local-authority.ts'

const HOST = 'login.microsoftonline.com'
const DAY_MS = 24 * 60 * 60 * 1000

let world: World
let app: App
before(async () => {
  world = await World.start(undefined, { asRealHosts: true })
  app = await world.register(await makeKey(world.clock.ms))
  await world.register(app.key, {
    displayName: 'orders',
    identifierUris: ['api://orders'],
    api: { requestedAccessTokenVersion: 2 },
  })
})
after(() => world.remove())

const port = () => new URL(world.platform.origin).port

/** One request as a client sends it to which the hosts file has given this machine for the name. */
interface Asked {
  readonly host?: string
  readonly ca?: string
  readonly body?: string
  /** In place of the host, in the Host header. */
  readonly header?: string
}

function ask(path: string, asked: Asked = {}) {
  const { host = HOST, ca = world.platform.realHosts?.ca ?? '', body = '' } = asked
  const { header = host } = asked
  const method = body === '' ? 'GET' : 'POST'
  return new Promise<{ status: number; body: Json }>((resolve, reject) => {
    const outgoing = request(
      {
        host: 'localhost',
        port: port(),
        servername: host,
        path,
        method,
        ca,
        agent: false,
        headers: { host: header },
      },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const json = text.startsWith('{') ? (JSON.parse(text) as Json) : {}
          resolve({ status: incoming.statusCode ?? 0, body: json })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function form(scope: string): string {
  const aud = `https://${HOST}/${world.tenantId}/oauth2/v2.0/token`
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: app.appId,
    scope,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: world.assertion(app, { claims: { aud } }),
  }).toString()
}

describe('the platform as the real login hosts', () => {
  it('gives tokens to assertions for that host, and names it as their issuer', async () => {
    const path = `/${world.tenantId}/oauth2/v2.0/token`
    const { status, body } = await ask(path, { body: form('api://orders/.default') })
    assert.equal(status, 200, JSON.stringify(body))
    const claims = claimsOf(String(body['access_token']))
    assert.equal(claims['iss'], `https://${HOST}/${world.tenantId}/v2.0`)
    const refused = await ask(path, { body: form('User.Read') })
    assert.equal(refused.body['error_uri'], `https://${HOST}/error?code=1002012`)
  })

  it('describes itself by each of the names, with the port of the platform or without', async () => {
    for (const name of REAL_HOSTS) {
      for (const header of [name, `${name}:${port()}`]) {
        const { status, body } = await ask(`/contoso.example/v2.0/.well-known/openid-configuration`, {
          host: name,
          header,
        })
        assert.deepEqual(
          [status, body['issuer'], body['token_endpoint']],
          [
            200,
            `https://${header}/${world.tenantId}/v2.0`,
            `https://${header}/${world.tenantId}/oauth2/v2.0/token`,
          ],
        )
      }
    }
  })

  it('vouches for its own authorities when an SDK asks it about them', async () => {
    for (const origin of [`https://${HOST}`, world.platform.origin]) {
      const endpoint = encodeURIComponent(`${origin}/contoso.example/oauth2/v2.0/authorize`)
      const path = `/common/discovery/instance?api-version=1.1&authorization_endpoint=${endpoint}`
      const { status, body } = await ask(path)
      assert.deepEqual(
        [status, body['tenant_discovery_endpoint']],
        [200, `${origin}/contoso.example/v2.0/.well-known/openid-configuration`],
      )
    }
  })

  it('stays what it was under its own name, where the directory takes tokens of both', async () => {
    const token = String(
      (await ask(`/${world.tenantId}/oauth2/v2.0/token`, { body: form(GRAPH_SCOPE) })).body['access_token'],
    )
    assert.equal((await world.graph('GET', '/users', undefined, token)).status, 403)
    const { body } = await world.send('/contoso.example/v2.0/.well-known/openid-configuration')
    assert.equal(body['issuer'], `${world.platform.origin}/${world.tenantId}/v2.0`)
  })

  it('answers to no other name', async () => {
    for (const header of ['login.example', `evil.${HOST}`, `${HOST}.example`, `${HOST}:1`])
      assert.equal((await ask('/common/discovery/keys', { header })).status, 421, header)
  })

  it('is not there unless it is asked for', async () => {
    const ordinary = await World.start()
    const { status } = await ordinary.send('/common/discovery/keys', { headers: { host: HOST } })
    assert.deepEqual([status, ordinary.platform.realHosts], [421, undefined])
    await ordinary.remove()
  })
})

describe('the authority for the real login hosts', () => {
  it('is another one than that of this machine, and neither is trusted for the other’s names', async () => {
    const { realHosts, ca } = world.platform
    assert.notEqual(realHosts?.ca, ca)
    assert.equal((await readFile(realHosts?.caFile ?? '', 'utf8')).trim(), realHosts?.ca.trim())
    await assert.rejects(ask('/common/discovery/keys', { ca }), /unable to|self-signed/)
    await assert.rejects(
      ask('/common/discovery/keys', { host: 'localhost', header: `localhost:${port()}` }),
      /unable to|self-signed/,
    )
  })

  it('can vouch for these names alone, critically so, and for no address', async () => {
    const nowMs = world.clock.ms
    const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + DAY_MS }
    const authority = await makeNamedAuthority('test', validity, REAL_HOSTS)
    const certificate = new x509.X509Certificate(authority.certificate)
    assert.equal(certificate.getExtension('2.5.29.30')?.critical, true)
    assert.equal(new X509Certificate(authority.certificate).ca, true)
    for (const name of REAL_HOSTS) {
      assert.equal(await handshake(authority, [name], name, validity), 'trusted')
      assert.equal(
        await handshake(authority, [`westeurope.${name}`], `westeurope.${name}`, validity),
        'trusted',
      )
    }
    for (const name of [
      'localhost',
      'microsoftonline.com',
      'graph.microsoft.com',
      'login.microsoftonline.com.example',
    ])
      assert.equal(await handshake(authority, [name], name, validity), 'permitted subtree violation', name)
    for (const address of ['127.0.0.1', '10.0.0.1', '::1', '2001:db8::1'])
      assert.equal(await handshake(authority, [HOST, address], HOST, validity), 'excluded subtree violation')
  })
})

/** What a client that trusts the authority says of a server with a certificate for these names. */
async function handshake(
  authority: Awaited<ReturnType<typeof makeNamedAuthority>>,
  names: readonly string[],
  servername: string,
  validity: { readonly notBeforeMs: number; readonly notAfterMs: number },
): Promise<string> {
  const { certificate, privateKey } = await makeServerCertificate(authority, validity, names)
  const listener = createServer({ cert: certificate, key: privateKey }, (socket) => socket.end())
  listener.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  try {
    return await new Promise((resolve) => {
      const { port: listening } = listener.address() as AddressInfo
      const socket = connect(
        { host: '127.0.0.1', port: listening, servername, ca: authority.certificate },
        () => {
          socket.destroy()
          resolve('trusted')
        },
      )
      socket.on('error', (error) => resolve(error.message))
    })
  } finally {
    listener.close()
  }
}
