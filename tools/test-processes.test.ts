import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { root } from './files.ts'
import { testProcesses, writeTestPrograms } from './test-processes.ts'

const file = (path: string, text = '') => ({ path, text })

describe('testProcesses', () => {
  it('runs each file once: those that are long or change their process alone and first', () => {
    const guard = Array.from({ length: 13 }, (_, n) => `packages/guard/src/${n}.test.ts`)
    assert.deepEqual(
      testProcesses([
        ...guard.map((path) => file(path)),
        file('drills/outage.test.ts'),
        file('packages/guard/src/trust.test.ts', 'setDefaultCACertificates([ca])'),
        file('packages/guard/src/environment.test.ts', "process.env['PORT'] = '1'"),
        file('packages/guard/src/clock.test.ts', 't.mock.timers.enable()'),
        file('packages/jobs/src/one.test.ts', "const port = process.env['PORT']"),
      ]),
      [
        ['drills/outage.test.ts'],
        ['packages/guard/src/trust.test.ts'],
        ['packages/guard/src/environment.test.ts'],
        ['packages/guard/src/clock.test.ts'],
        guard.slice(0, 7),
        guard.slice(7),
        ['packages/jobs/src/one.test.ts'],
      ],
    )
  })
})

describe('the program of a test process', () => {
  const HOOKED = (name: string) => `import { after, before, it } from 'node:test'
    before(() => console.log('before ${name}'))
    after(() => console.log('after ${name}'))
    it('is in ${name}', () => console.log('in ${name}'))`

  async function ran(t: { after(clean: () => Promise<void>): void }, texts: readonly string[]) {
    const folder = await mkdtemp(join(tmpdir(), 'tomte-test-processes-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const paths = texts.map((_, n) => relative(root, join(folder, `${n}.mjs`)))
    await Promise.all(texts.map((text, n) => writeFile(join(folder, `${n}.mjs`), text)))
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const [program = ''] = await writeTestPrograms(folder, [paths])
    return spawnSync(process.execPath, [program], { encoding: 'utf8', env })
  }

  it('runs one file after the other, each with hooks of its own', async (t) => {
    const { status, stdout } = await ran(t, [HOOKED('one'), HOOKED('two')])
    assert.equal(status, 0)
    const order = stdout.match(/^(?:before|in|after) .*/gm)
    assert.deepEqual(order, ['before one', 'in one', 'after one', 'before two', 'in two', 'after two'])
  })

  it('fails when a file cannot be loaded, and runs the others', async (t) => {
    const { status, stdout } = await ran(t, ["import './nowhere.mjs'", HOOKED('two')])
    assert.equal(status, 1)
    assert.match(stdout, /Cannot find module/)
    assert.match(stdout, /in two/)
  })
})
