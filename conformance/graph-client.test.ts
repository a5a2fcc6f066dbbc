import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Platform, startPlatform } from '@tomte/platform'

const execute = promisify(execFile)
const program = fileURLToPath(new URL('graph-client-client.ts', import.meta.url))

describe('the platform’s directory, for unmodified @microsoft/microsoft-graph-client with @azure/identity', () => {
  let platform: Platform
  let folder: string
  let printed: Readonly<Record<string, unknown>>

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tomte-graph-client-'))
    platform = await startPlatform({ dataFolder: folder, port: 0 })
    const { operator, origin, graphUrl, caFile } = platform
    const { stdout } = await execute(process.execPath, [program], {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        AZURE_TENANT_ID: operator.tenantId,
        AZURE_CLIENT_ID: operator.clientId,
        AZURE_CLIENT_CERTIFICATE_PATH: operator.certificateFile,
        AZURE_AUTHORITY_HOST: origin,
        GRAPH_ENDPOINT: graphUrl,
        NODE_EXTRA_CA_CERTS: caFile,
      },
      timeout: 60_000,
    })
    printed = JSON.parse(stdout) as typeof printed
  })
  after(async () => {
    await platform.close()
    await rm(folder, { recursive: true })
  })

  it('runs its batches, and nothing that depends on a failure', () => {
    assert.deepEqual(printed['batch'], [
      ...Array.from({ length: 7 }, (_, n) => [String(n), 201]),
      ['twin', 400],
      ['after', 424],
    ])
  })

  it('is read by its page iterator, everybody once', () => {
    assert.deepEqual(
      printed['pages'],
      Array.from({ length: 7 }, (_, n) => `person${n}`),
    )
  })

  it('tells it what has changed since a delta link', () => {
    assert.deepEqual(printed['delta'], {
      before: 7,
      after: [{ displayName: 'Renamed' }, { '@removed': { reason: 'changed' } }],
    })
  })

  it('answers its advanced queries, and refuses what lacks their parameters', () => {
    assert.deepEqual(printed['queries'], {
      advanced: [1, [{ displayName: 'Renamed' }]],
      searched: 2,
      refused: [400, 'Request_UnsupportedQuery'],
    })
  })

  it('keeps its groups, with members, deleted and restored', () => {
    assert.deepEqual(printed['groups'], { members: ['person3', 'person4'], deleted: 1 })
  })
})
