import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AppIdentity, certificate, graph } from '@tomte/client'
import { type Platform, startPlatform } from '@tomte/platform'

const execute = promisify(execFile)
const program = fileURLToPath(new URL('msal-node-client.ts', import.meta.url))
const PEOPLE = 5

describe('unmodified @azure/msal-node', () => {
  let platform: Platform
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-msal-'))
    platform = await startPlatform({ dataFolder: folder, port: 0 })
    const { operator, origin, graphUrl, ca } = platform
    const credential = certificate({ file: operator.certificateFile })
    const identity = new AppIdentity({
      tenantId: operator.tenantId,
      clientId: operator.clientId,
      credential,
      authorityHost: origin,
      ca,
    })
    const directory = graph(identity, { baseUrl: graphUrl, ca })
    for (let number = 1; number <= PEOPLE; number += 1) {
      await directory.post('/users', {
        accountEnabled: true,
        displayName: `Person ${number}`,
        mailNickname: `person${number}`,
        userPrincipalName: `person${number}@contoso.example`,
        passwordProfile: { password: `${crypto.randomUUID()}A` },
      })
    }
  })
  after(async () => {
    await platform.close()
    await rm(folder, { recursive: true })
  })

  for (const digest of ['sha256', 'sha1']) {
    for (const by of ['tenantId', 'tenantDomain'] as const) {
      it(`gets a token with the same certificate (${digest}, tenant by ${by}), caches it, and lists the users page by page`, async () => {
        const { operator, origin, graphUrl, caFile } = platform
        const { stdout } = await execute(process.execPath, ['--conditions=@tomte/source', program, digest], {
          env: {
            PATH: process.env['PATH'],
            NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
            AZURE_TENANT_ID: operator[by],
            AZURE_CLIENT_ID: operator.clientId,
            AZURE_CLIENT_CERTIFICATE_PATH: operator.certificateFile,
            AZURE_AUTHORITY_HOST: origin,
            GRAPH_ENDPOINT: graphUrl,
            NODE_EXTRA_CA_CERTS: caFile,
          },
        })
        assert.deepEqual(JSON.parse(stdout), { tokenType: 'Bearer', fromCache: [false, true], users: PEOPLE })
      })
    }
  }

  it('finds the platform’s authority limited to this machine', async () => {
    const ca = new X509Certificate(await readFile(platform.caFile))
    assert.equal(ca.ca, true)
    assert.ok(
      ca.raw.includes(Buffer.from([0x55, 0x1d, 0x1e, 0x01, 0x01, 0xff])),
      'name constraints must be critical',
    )
  })
})
