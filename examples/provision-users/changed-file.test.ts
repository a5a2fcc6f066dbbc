import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openDesk, runDaemon, runJob } from '@tomte/jobs'
import { COLUMNS } from './job/person.ts'
import { temporaryFolder } from './test-support.ts'
import daemon from './tomte.config.ts'

// Its certificate is nowhere, so that every run ends at its first call.
const ENVIRONMENT = {
  AZURE_TENANT_ID: 'contoso.example',
  AZURE_CLIENT_ID: '22222222-bbbb-4bbb-8bbb-000000000002',
  AZURE_CLIENT_CERTIFICATE_PATH: 'nowhere.pem',
  GRAPH_ENDPOINT: 'https://localhost:1/graph/v1.0',
}
const people = (id: string) =>
  `${COLUMNS.join(',')}\n${COLUMNS.map((column) => `${column}${id}`).join(',')}\n`

describe('an unfinished run whose file has changed', () => {
  it('is dropped for one of the changed file, by a daemon as by whoever runs it', async (t) => {
    const dataFolder = await temporaryFolder(t)
    const file = join(dataFolder, 'people.csv')
    const options = { input: { file }, dataFolder, environment: ENVIRONMENT }
    await writeFile(file, people('1'))
    await assert.rejects(runJob(daemon, 'provision', options), { name: 'ConfigurationError' })

    await writeFile(file, people('2'))
    const ending = new AbortController()
    const ends: string[] = []
    await runDaemon({
      load: async () => daemon,
      dataFolder,
      environment: ENVIRONMENT,
      sink: { write: () => {} },
      process,
      signal: ending.signal,
      onEvent({ type }) {
        if (type !== 'run_superseded' && type !== 'run_dead') return
        ends.push(type)
        if (type === 'run_dead') ending.abort()
      },
    })
    assert.deepEqual(ends, ['run_superseded', 'run_dead'])

    await writeFile(file, people('3'))
    await assert.rejects(runJob(daemon, 'provision', options), { name: 'ConfigurationError' })
    const desk = await openDesk({ load: async () => daemon, dataFolder, environment: ENVIRONMENT })
    t.after(() => desk.close())
    assert.deepEqual(
      (await desk.runs({ limit: 9 })).map(({ state }) => state),
      ['queued', 'dead', 'superseded'],
    )
  })
})
