// Only here does a job of this package make calls: against an authority and an API that are one scripted HTTPS server.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { api } from '@tomte/client'
import { z } from 'zod'
import { defineDaemon, defineJob } from './daemon.ts'
import { runJob } from './runner.ts'
import { temporaryFolder } from './test-support.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** A certificate for localhost and its key, good for the server's TLS and for the daemon's assertions alike. */
async function certifiedKey() {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const made = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  })
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey))
  const kind = 'PRIVATE KEY'
  return {
    cert: made.toString('pem'),
    key: `-----BEGIN ${kind}-----\n${der.toString('base64')}\n-----END ${kind}-----`,
  }
}

describe('what a run has cost', () => {
  const trusted = getCACertificates('default')
  let [origin, pem, throttled] = ['', '', 0]
  let close = () => {}
  after(() => {
    setDefaultCACertificates(trusted)
    close()
  })

  before(async () => {
    const { cert, key } = await certifiedKey()
    pem = `${cert}\n${key}\n`
    setDefaultCACertificates([...trusted, cert])
    const server = createServer({ cert, key }, (incoming, response) => {
      incoming.resume()
      if (incoming.url?.endsWith('/token')) {
        const token = { token_type: 'Bearer', expires_in: 3600, access_token: 'a scripted token' }
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(token))
      } else if (throttled > 0) {
        throttled -= 1
        response.writeHead(429, { 'retry-after': '0' }).end()
      } else {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      }
    })
    server.listen(0, 'localhost')
    await once(server, 'listening')
    origin = `https://localhost:${(server.address() as AddressInfo).port}`
    close = () => {
      server.close()
      server.closeAllConnections()
    }
  })

  it('is added up across restarts: token requests, calls and retries, those of failed attempts too', async (t) => {
    const folder = await temporaryFolder(t)
    await writeFile(join(folder, 'daemon.pem'), pem)
    let attempt = 0
    const job = defineJob({
      input: z.object({}),
      apis: ['orders', 'stock'],
      async run({ api, step }) {
        attempt += 1
        throttled = 2
        await step(`attempt ${attempt}`, async (cursor) => {
          await api.orders.get('/orders')
          await api.stock.get('/stock')
          await cursor.save(attempt)
        })
        await step('last', async () => {
          await api.orders.get('/counted-though-the-run-ends-here')
          if (attempt < 3) throw new Error('interrupted')
        })
        return { attempt }
      },
    })
    const scope = 'api://orders/.default'
    const daemon = defineDaemon({
      apis: {
        orders: (identity) => api(identity, { baseUrl: `${origin}/orders`, scope }),
        stock: (identity) => api(identity, { baseUrl: `${origin}/stock`, scope: 'api://stock/.default' }),
      },
      jobs: { work: job },
    })
    const run = () =>
      runJob(daemon, 'work', {
        input: {},
        dataFolder: join(folder, 'data'),
        environment: {
          AZURE_TENANT_ID: 'contoso.example',
          AZURE_CLIENT_ID: 'orders-sync',
          AZURE_CLIENT_CERTIFICATE_PATH: join(folder, 'daemon.pem'),
          AZURE_AUTHORITY_HOST: origin,
        },
        now: () => 0,
      })
    await assert.rejects(run(), { message: 'interrupted' })
    await assert.rejects(run(), { message: 'interrupted' })
    // Three times: two tokens, two calls and two retries before the save; and each time the last call.
    assert.deepEqual((await run()).result, {
      attempt: 3,
      tokenRequests: 6,
      apiRequests: 3 * 5,
      retries: 6,
      seconds: 0,
    })
  })
})
