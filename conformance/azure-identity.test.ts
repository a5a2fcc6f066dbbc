// Every credential of @azure/identity that a daemon uses, against the platform; its tokens checked by jose. Managed identities have
// a test of their own, and so have other verifiers.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPrivateKey, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose'
import { AppIdentity, certificate, graph } from '@tomte/client'
import { makeSelfSigned, type Platform, startPlatform } from '@tomte/platform'
import { startIssuer, type StartedIssuer } from './issuer-test-support.ts'
import { newKey } from './tls-test-support.ts'

const execute = promisify(execFile)
const program = fileURLToPath(new URL('azure-identity-client.ts', import.meta.url))

const realHostProgram = fileURLToPath(new URL('real-host-client.ts', import.meta.url))

const SUBJECT = 'system:serviceaccount:jobs:nightly'
const EXCHANGE = 'api://AzureADTokenExchange'
const DAY_MS = 24 * 60 * 60 * 1000

interface Registered {
  readonly appId: string
  readonly secret: string
  readonly ordersAppId: string
}

describe('unmodified @azure/identity', () => {
  let platform: Platform
  let issuer: StartedIssuer
  let folder: string
  let app: Registered
  let files: { readonly certificate: string; readonly token: string }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-azure-'))
    const issuerKey = newKey()
    issuer = await startIssuer({ kid: 'k1', publicKey: issuerKey.publicKey })
    platform = await startPlatform({
      dataFolder: join(folder, 'data'),
      port: 0,
      federation: { allowPrivateNetwork: true, ca: issuer.ca },
      asRealHosts: true,
    })
    const nowMs = Date.now()
    const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + DAY_MS }
    const certified = await makeSelfSigned('nightly', validity)
    app = await register(platform, certified.certificate, issuer.url)
    files = { certificate: join(folder, 'app.pem'), token: join(folder, 'token') }
    await writeFile(files.certificate, `${certified.certificate}\n${certified.privateKey}\n`, { mode: 0o600 })
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuer(issuer.url)
      .setSubject(SUBJECT)
      .setAudience(EXCHANGE)
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(createPrivateKey(issuerKey.privateKey))
    await writeFile(files.token, assertion, { mode: 0o600 })
  })
  after(async () => {
    await platform.close()
    issuer.close()
    await rm(folder, { recursive: true })
  })

  /** Runs the program with these variables and no others. */
  async function tokenOf(kind: string, variables: Record<string, string>, scope: string) {
    const env = {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      HOME: folder,
      NODE_EXTRA_CA_CERTS: platform.caFile,
      ...variables,
    }
    const args = ['--conditions=@tomte/source', program, kind, scope]
    const { stdout } = await execute(process.execPath, args, { env, timeout: 60_000 })
    return JSON.parse(stdout) as { readonly token: string; readonly expiresAtMs: number }
  }

  async function checked(token: string, issuerUrl: string, audience: string) {
    const keys = await getJson(`${platform.origin}/common/discovery/keys`, platform.ca)
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys as JSONWebKeySet), {
      issuer: issuerUrl,
      audience,
      algorithms: ['RS256'],
    })
    return payload
  }

  const told = () => ({
    TENANT: platform.operator.tenantId,
    CLIENT: app.appId,
    SECRET: app.secret,
    CERTIFICATE: files.certificate,
    TOKEN_FILE: files.token,
    AUTHORITY: platform.origin,
  })
  // What a host is told by: the tenant's name here is the one door that needs no option in code.
  const surroundings = (more: Record<string, string>) => ({
    AZURE_TENANT_ID: 'adfs',
    AZURE_CLIENT_ID: app.appId,
    AZURE_AUTHORITY_HOST: platform.origin,
    ...more,
  })

  const CASES: readonly (readonly [
    kind: string,
    proof: '1' | '2',
    variables: () => Record<string, string>,
  ])[] = [
    ['secret', '1', told],
    ['certificate', '2', told],
    ['certificate with chain', '2', told],
    ['assertion', '2', told],
    ['workload identity', '2', told],
    ['environment alone', '1', () => surroundings({ AZURE_CLIENT_SECRET: app.secret })],
    ['environment alone', '2', () => surroundings({ AZURE_CLIENT_CERTIFICATE_PATH: files.certificate })],
    [
      'workload identity by environment alone',
      '2',
      () => surroundings({ AZURE_FEDERATED_TOKEN_FILE: files.token }),
    ],
    ['default chain', '1', () => surroundings({ AZURE_CLIENT_SECRET: app.secret })],
    ['default chain', '2', () => surroundings({ AZURE_FEDERATED_TOKEN_FILE: files.token })],
  ]
  for (const [kind, proof, variables] of CASES) {
    it(`gets a token by ${kind} (proof ${proof}) that jose accepts as v1.0`, async () => {
      const { token, expiresAtMs } = await tokenOf(kind, variables(), 'https://graph.microsoft.com/.default')
      const { tenantId } = platform.operator
      const claims = await checked(
        token,
        `https://sts.windows.net/${tenantId}/`,
        'https://graph.microsoft.com',
      )
      assert.deepEqual([claims['appid'], claims['appidacr'], claims['tid']], [app.appId, proof, tenantId])
      assert.ok(Math.abs(expiresAtMs - (claims.exp ?? 0) * 1000) < 60_000, `${expiresAtMs} and ${claims.exp}`)
    })
  }

  it('gets a token of v2.0 where the resource wants that', async () => {
    const { token } = await tokenOf('secret', told(), 'api://orders/.default')
    const issuerUrl = `${platform.origin}/${platform.operator.tenantId}/v2.0`
    const claims = await checked(token, issuerUrl, app.ordersAppId)
    assert.deepEqual([claims['azp'], claims['azpacr'], claims['ver']], [app.appId, '1', '2.0'])
  })

  it('gets tokens with no option at all, as does @azure/msal-node, from the platform as the real host', async () => {
    const { tenantId } = platform.operator
    const { stdout } = await execute(process.execPath, ['--conditions=@tomte/source', realHostProgram], {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        NODE_EXTRA_CA_CERTS: platform.realHosts?.caFile,
        TENANT: tenantId,
        CLIENT: app.appId,
        SECRET: app.secret,
        PORT: new URL(platform.origin).port,
        SCOPE: 'api://orders/.default',
      },
      timeout: 60_000,
    })
    const real = `https://login.microsoftonline.com/${tenantId}/v2.0`
    assert.deepEqual(JSON.parse(stdout), [real, real])
  })

  it('prints the number, the trace id and the correlation id of a refusal', async () => {
    const wrong = { ...told(), SECRET: randomUUID() }
    await assert.rejects(
      tokenOf('secret', wrong, 'api://orders/.default'),
      (error: { readonly stderr: string }) => {
        assert.match(error.stderr, /AADSTS7000215: Invalid client secret provided\./)
        assert.match(error.stderr, /Trace ID: [0-9a-f-]{36} Correlation ID: [0-9a-f-]{36}/)
        assert.equal(error.stderr.includes(wrong.SECRET), false)
        return true
      },
    )
  })
})

/** Registers the application with each kind of credential, and an API whose tokens are of v2.0. */
async function register(platform: Platform, certificatePem: string, issuerUrl: string): Promise<Registered> {
  const { operator, origin, graphUrl, ca } = platform
  const identity = new AppIdentity({
    tenantId: operator.tenantId,
    clientId: operator.clientId,
    credential: certificate({ file: operator.certificateFile }),
    authorityHost: origin,
    ca,
  })
  const directory = graph(identity, { baseUrl: graphUrl, ca })
  const post = async (path: string, body: object) =>
    (await directory.post(path, body)) as {
      readonly id: string
      readonly appId: string
      readonly secretText: string
    }
  const orders = await post('/applications', {
    displayName: 'orders',
    identifierUris: ['api://orders'],
    api: { requestedAccessTokenVersion: 2 },
  })
  await post('/servicePrincipals', { appId: orders.appId })
  const key = certificatePem.replace(/-----[A-Z ]+-----|\s/g, '')
  const { id, appId } = await post('/applications', {
    displayName: 'nightly',
    keyCredentials: [{ type: 'AsymmetricX509Cert', usage: 'Verify', key }],
  })
  await post('/servicePrincipals', { appId })
  const credential = { name: 'cluster', issuer: issuerUrl, subject: SUBJECT, audiences: [EXCHANGE] }
  await post(`/applications/${id}/federatedIdentityCredentials`, credential)
  const { secretText } = await post(`/applications/${id}/addPassword`, { passwordCredential: {} })
  return { appId, secret: secretText, ordersAppId: orders.appId }
}

function getJson(url: string, ca: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))))
    }).on('error', reject)
  })
}
