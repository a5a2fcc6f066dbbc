import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseEnv, promisify } from 'node:util'
import { type ManagedIdentityHost, type Platform, type SourceName, startPlatform } from '@tomte/platform'

const execute = promisify(execFile)
const program = fileURLToPath(new URL('managed-identity-client.ts', import.meta.url))
const GRAPH = 'https://graph.microsoft.com'

// Azure Arc is missing: the libraries read its key files in the agent's own folder alone, which is not ours to write to.
const CASES: readonly (readonly [library: string, source: SourceName, selectable: boolean])[] = [
  ['identity', 'imds', true],
  ['identity', 'app-service', true],
  ['msal', 'imds', true],
  ['msal', 'app-service', true],
  ['msal', 'machine-learning', true],
  ['msal', 'cloud-shell', false],
  ['msal', 'service-fabric', false],
]

describe('the platform’s managed identities, for unmodified @azure/identity and @azure/msal-node', () => {
  let platform: Platform
  let host: ManagedIdentityHost
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-managed-'))
    const identities = [
      { kind: 'system', name: 'build-machine' },
      { kind: 'user', name: 'nightly-sync' },
    ] as const
    platform = await startPlatform({ dataFolder: folder, port: 0, managedIdentity: { port: 0, identities } })
    assert.ok(platform.managedIdentity)
    host = platform.managedIdentity
  })
  after(async () => {
    await platform.close()
    await rm(folder, { recursive: true })
  })

  const claimsOf = async (source: SourceName, ...args: readonly string[]) => {
    const variables = parseEnv(await readFile(host.environmentFiles[source], 'utf8'))
    const { stdout } = await execute(process.execPath, [program, ...args], {
      env: { PATH: process.env['PATH'], ...variables },
      timeout: 30_000,
    })
    return JSON.parse(stdout) as Readonly<Record<string, unknown>>
  }

  for (const [library, source, selectable] of CASES) {
    for (const kind of selectable ? (['system', 'user'] as const) : (['system'] as const)) {
      it(`gives @azure/${library} on ${source} the token of the ${kind}-assigned identity`, async () => {
        const own = host.identities.find((identity) => identity.kind === kind)
        const selector = kind === 'user' ? [own?.clientId ?? ''] : []
        const claims = await claimsOf(source, library, GRAPH, ...selector)
        assert.equal(claims['oid'], own?.principalId)
        assert.equal(claims['appid'] ?? claims['azp'], own?.clientId)
        assert.equal(claims['xms_mirid'], own?.resourceId)
        assert.equal(claims['aud'], GRAPH)
      })
    }
  }
})
