import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ManagedIdentityHost, type Platform, type SourceName, startPlatform } from '@tomte/platform'

const execute = promisify(execFile)
const program = fileURLToPath(new URL('managed-identity-client.ts', import.meta.url))
const GRAPH = 'https://graph.microsoft.com'

// Azure Arc is missing: the libraries read its key files in the agent's own folder alone, which is not ours to write to.
const CASES: readonly (readonly [library: string, source: SourceName, selectable: boolean, said?: string])[] =
  [
    ['identity', 'imds', true],
    ['identity', 'app-service', true],
    ['msal', 'imds', true, 'DefaultToImds'],
    ['msal', 'app-service', true, 'AppService'],
    ['msal', 'machine-learning', true, 'MachineLearning'],
    ['msal', 'cloud-shell', false, 'CloudShell'],
    ['msal', 'service-fabric', false, 'ServiceFabric'],
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

  /** Runs the program with the platform's environment file for this kind of host, and nothing else. */
  const given = async (source: SourceName, ...args: readonly string[]) => {
    const told = [`--env-file=${host.environmentFiles[source]}`, program, ...args]
    const { stdout } = await execute(process.execPath, told, {
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] },
      timeout: 30_000,
    })
    return JSON.parse(stdout) as {
      readonly source?: string
      readonly claims: Readonly<Record<string, unknown>>
    }
  }

  for (const [library, source, selectable, said] of CASES) {
    for (const kind of selectable ? (['system', 'user'] as const) : (['system'] as const)) {
      it(`gives @azure/${library} on ${source} the token of the ${kind}-assigned identity`, async () => {
        const own = host.identities.find((identity) => identity.kind === kind)
        const selector = kind === 'user' ? [own?.clientId ?? ''] : []
        const { source: found, claims } = await given(source, library, GRAPH, ...selector)
        assert.equal(found, said)
        assert.deepEqual([claims['oid'], claims['sub']], [own?.principalId, own?.principalId])
        assert.equal(claims['appid'] ?? claims['azp'], own?.clientId)
        assert.equal(claims['xms_mirid'], own?.resourceId)
        assert.equal(claims['aud'], GRAPH)
      })
    }
  }
})
