import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { loadDaemon } from './config-file.ts'
import { IMPORTS, temporaryFolder } from './test-support.ts'

/** A daemon whose job is in other files, with what a package and a data file say; its schedule is spelled out by all of them. */
async function project(t: TestContext) {
  const folder = await temporaryFolder(t)
  const write = async (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true })
      await writeFile(join(folder, name), text)
    }
  }
  await write({
    'package.json': '{"type": "module", "imports": {"#hour": "./hour.js"}}',
    'tomte.config.ts': `${IMPORTS}
      import { work } from './jobs/work.ts'
      import { day } from 'almanac'
      const schedule = work.minute + ' ' + work.hour + ' ' + day + ' ' + work.month + ' *'
      export default defineDaemon({ apis: {}, jobs: { work: defineJob({ input: z.object({}), schedule, run: work.run }) } })`,
    'jobs/work.ts': `import hour from '#hour'
      import month from '../month.json' with { type: 'json' }
      import { minute } from './minute.ts'
      export const work = { minute, hour, month, run: async () => ({ url: (await import('./late.ts')).late }) }`,
    'jobs/minute.ts': 'export const minute: number = 1',
    'jobs/late.ts': 'export const late = 1',
    'hour.js': 'export default 2',
    'month.json': '4',
    'node_modules/almanac/package.json': '{"type": "module", "exports": "./almanac.js"}',
    'node_modules/almanac/almanac.js': "export * from './day.js'",
    'node_modules/almanac/day.js': 'export const day = 3',
  })
  const load = async (edition: number) => {
    const { jobs } = await loadDaemon(join(folder, 'tomte.config.ts'), edition)
    const work = jobs['work'] as unknown as { readonly schedule: string; run(): Promise<object> }
    return { schedule: work.schedule, result: await work.run() }
  }
  return { write, load }
}

describe('a configuration that is loaded again', () => {
  it('is as its files are now, at any depth, and its packages are as they were', async (t) => {
    const { write, load } = await project(t)
    assert.deepEqual(await load(0), { schedule: '1 2 3 4 *', result: { url: 1 } })
    await write({ 'jobs/minute.ts': 'export const minute = 11', 'jobs/late.ts': 'export const late = 2' })
    assert.deepEqual(await load(1), { schedule: '11 2 3 4 *', result: { url: 2 } })
    await write({ 'hour.js': 'export default 12', 'month.json': '5' })
    await write({ 'node_modules/almanac/day.js': 'export const day = 13' })
    assert.deepEqual(await load(2), { schedule: '11 12 3 5 *', result: { url: 2 } })
  })

  it('may be broken in a file that it imports, and is loaded once that is mended', async (t) => {
    const { write, load } = await project(t)
    await load(0)
    await write({ 'jobs/minute.ts': 'export const minute = ' })
    await assert.rejects(load(1), { name: 'JobError', code: 'config_unusable' })
    await write({ 'jobs/minute.ts': 'export const minute = 21' })
    assert.deepEqual(await load(2), { schedule: '21 2 3 4 *', result: { url: 1 } })
  })
})
