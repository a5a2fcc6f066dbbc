// Tokens of the platform, v1.0 and v2.0, proved by secret and by certificate, judged by the libraries that APIs use: each accepts
// them for its audience, and refuses them for another.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AppIdentity, certificate, clientSecret, graph } from '@tomte/client'
import { makeSelfSigned, type Platform, startPlatform } from '@tomte/platform'

const execute = promisify(execFile)
const program = fileURLToPath(new URL('verifier-api.ts', import.meta.url))
const DAY_MS = 24 * 60 * 60 * 1000
const VERSIONS = ['1.0', '2.0'] as const
const PROOFS = ['secret', 'certificate'] as const

interface Judged {
  readonly library: string
  readonly accepted: string
  readonly refused: string
}

describe('the verifiers of other people, given tokens of the platform', () => {
  let platform: Platform
  let folder: string
  const tokens: {
    readonly version: string
    readonly proof: string
    readonly token: string
    readonly audience: string
  }[] = []
  let judged: readonly (readonly Judged[])[]
  let clientId: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-verifiers-'))
    platform = await startPlatform({ dataFolder: join(folder, 'data'), port: 0 })
    const { operator, origin, graphUrl, ca } = platform
    const own = certificate({ file: operator.certificateFile })
    const identity = new AppIdentity({ ...operator, credential: own, authorityHost: origin, ca })
    const directory = graph(identity, { baseUrl: graphUrl, ca })
    const post = async (path: string, body: object) =>
      (await directory.post(path, body)) as {
        readonly id: string
        readonly appId: string
        readonly secretText: string
      }
    const apis = new Map<string, string>()
    for (const version of VERSIONS) {
      const uri = `api://orders-${version}`
      const api = { requestedAccessTokenVersion: Number(version) }
      const { appId } = await post('/applications', { displayName: uri, identifierUris: [uri], api })
      await post('/servicePrincipals', { appId })
      apis.set(version, appId)
    }
    const nowMs = Date.now()
    const made = await makeSelfSigned('caller', { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + DAY_MS })
    const file = join(folder, 'caller.pem')
    await writeFile(file, `${made.certificate}\n${made.privateKey}\n`, { mode: 0o600 })
    const key = made.certificate.replace(/-----[A-Z ]+-----|\s/g, '')
    const keyCredentials = [{ type: 'AsymmetricX509Cert', usage: 'Verify', key }]
    const app = await post('/applications', { displayName: 'caller', keyCredentials })
    clientId = app.appId
    await post('/servicePrincipals', { appId: app.appId })
    const { secretText } = await post(`/applications/${app.id}/addPassword`, {})
    const credentials = { secret: clientSecret(secretText), certificate: certificate({ file }) }
    for (const proof of PROOFS) {
      const caller = new AppIdentity({
        ...operator,
        clientId,
        credential: credentials[proof],
        authorityHost: origin,
        ca,
      })
      for (const version of VERSIONS) {
        const { token } = await caller.getToken(`api://orders-${version}/.default`)
        const audience = version === '2.0' ? (apis.get(version) ?? '') : `api://orders-${version}`
        tokens.push({ version, proof, token, audience })
      }
    }
    const input = JSON.stringify({ origin, tenantId: operator.tenantId, tokens })
    const asked = execute(process.execPath, ['--conditions=@tomte/source', program], {
      env: { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS: platform.caFile },
      timeout: 60_000,
    })
    asked.child.stdin?.end(input)
    judged = JSON.parse((await asked).stdout) as typeof judged
  })
  after(async () => {
    await platform.close()
    await rm(folder, { recursive: true })
  })

  for (const [index, [proof, version]] of PROOFS.flatMap((one) =>
    VERSIONS.map((two) => [one, two] as const),
  ).entries())
    it(`v${version} by ${proof}`, () => {
      const caller = [clientId]
      assert.deepEqual(
        judged[index]?.map(({ library, accepted }) => [library, accepted]),
        ['jose', 'aws-jwt-verify', 'express-oauth2-jwt-bearer'].map((library) => [library, ...caller]),
      )
      assert.deepEqual(
        judged[index]?.map(({ library, refused }) => [library, refused]),
        [
          ['jose', 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
          ['aws-jwt-verify', 'JwtInvalidAudienceError'],
          ['express-oauth2-jwt-bearer', '401 invalid_token'],
        ],
      )
    })
})
