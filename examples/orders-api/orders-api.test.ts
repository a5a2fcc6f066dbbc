import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { AppIdentity, certificate, graph } from '@tomte/client'
import { type Platform, startPlatform } from '@tomte/platform'
import { type Registered, register } from './registration.ts'
import { localCertificate } from './test-support.ts'

let folder: string
let platform: Platform
let registered: Registered
let api: ChildProcess
let url: string
let environment: NodeJS.ProcessEnv
let ca: string
let said = ''

/** A program of this example, as it stands. */
function program(name: string, extra: NodeJS.ProcessEnv = {}): ChildProcess {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const args = ['--conditions=@tomte/source', join(import.meta.dirname, name)]
  return spawn(process.execPath, args, { env: { ...inherited, ...environment, ...extra } })
}

async function daemon(): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> {
  const child = program('daemon.ts')
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const [code] = (await once(child, 'close')) as [unknown]
  return { code, out, err }
}

async function ask(path: string, authorization?: string) {
  const headers = authorization === undefined ? {} : { authorization }
  const outgoing = request(url + path, { ca, headers, agent: false }).end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  incoming.resume()
  await once(incoming, 'end')
  return { status: incoming.statusCode, challenge: incoming.headers['www-authenticate'] }
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tomte-orders-'))
  platform = await startPlatform({ dataFolder: join(folder, 'platform'), port: 0 })
  const { operator, origin, graphUrl } = platform
  const credential = certificate({ file: operator.certificateFile })
  const administrator = new AppIdentity({ ...operatorOf(platform), credential, ca: platform.ca })
  registered = await register(graph(administrator, { baseUrl: graphUrl, ca: platform.ca }))
  const tls = await localCertificate()
  ca = tls.certificate
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  environment = {
    AZURE_TENANT_ID: operator.tenantId,
    AZURE_AUTHORITY_HOST: origin,
    AZURE_CLIENT_ID: registered.daemonClientId,
    AZURE_CLIENT_SECRET: registered.daemonSecret,
    ORDERS_API_CLIENT_ID: registered.apiClientId,
    NODE_EXTRA_CA_CERTS: await file('ca.pem', `${platform.ca}\n${ca}`),
    TLS_CERTIFICATE_PATH: await file('tls.pem', ca),
    TLS_KEY_PATH: await file('tls.key', tls.key),
    PORT: '0',
  }
  api = program('start.ts')
  api.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [line] = (await once(createInterface({ input: api.stdout ?? assert.fail() }), 'line')) as [string]
  url = line
  environment['ORDERS_API_URL'] = url
})

after(async () => {
  api.kill()
  await platform.close()
  await rm(folder, { recursive: true })
})

const operatorOf = ({ operator: { tenantId, clientId }, origin }: Platform) => ({
  tenantId,
  clientId,
  authorityHost: origin,
})

describe('the API that exposes access_as_application', () => {
  it('refuses who brings no token, and who brings one that it did not ask for', async () => {
    assert.deepEqual(await ask('/orders'), { status: 401, challenge: 'Bearer realm=""' })
    const { status, challenge } = await ask('/orders', 'Bearer eyJhbGciOiJub25lIn0.e30.AA')
    assert.equal(status, 401)
    assert.match(challenge ?? '', /^Bearer realm="", error="invalid_token"/)
  })

  it('refuses the daemon until the role is assigned, and tells it which; then lets it in', async () => {
    const refused = await daemon()
    assert.deepEqual([refused.code, refused.out], [1, ''])
    assert.match(refused.err, /access_as_application/)
    assert.match(said, /holds no role, and one of access_as_application is needed/)

    await registered.assignRole()
    assert.deepEqual(await daemon(), {
      code: 0,
      out: '1001: 12 × lantern\n1002: 3 × porridge bowl\n',
      err: '',
    })
    assert.match(said, new RegExp(`application ${registered.daemonClientId}: /orders`))
    assert.ok(!said.includes(registered.daemonSecret) && !said.includes('eyJ'))
  })
})
