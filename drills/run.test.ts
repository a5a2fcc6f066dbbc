import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Row, table } from './row.ts'

function drill(...args: readonly string[]) {
  const program = ['--conditions=@tomte/source', join(import.meta.dirname, 'run.ts')]
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

const NAMES = readdirSync(import.meta.dirname)
  .flatMap((file) => /^(.+)\.drill\.ts$/.exec(file)?.[1] ?? [])
  .sort()

const REFUSED: readonly (readonly [args: readonly string[], message: string])[] = [
  [['flood'], `Cannot run drill 'flood': expected one of ${NAMES.join(', ')}\n`],
  [['outage', 'rotation'], `Cannot run drill 'outage rotation': expected one of ${NAMES.join(', ')}\n`],
  [['outage', '--seed', 'x'], "Cannot use the seed 'x': expected a whole number, such as 1\n"],
  [['outage', '--seed', '1.5'], "Cannot use the seed '1.5': expected a whole number, such as 1\n"],
]

describe('npm run drill', () => {
  it('lists the drills without a name, for people and as JSON', () => {
    assert.ok(NAMES.includes('outage') && NAMES.includes('rotation'), NAMES.join())
    assert.deepEqual(drill(), { status: 0, stdout: `${NAMES.join('\n')}\n`, stderr: '' })
    assert.deepEqual(drill('--json'), {
      status: 0,
      stdout: `${JSON.stringify({ drills: NAMES })}\n`,
      stderr: '',
    })
  })

  for (const [args, message] of REFUSED) {
    it(`ends with 2 for ${args.join(' ')}`, () => {
      assert.deepEqual(drill(...args), { status: 2, stdout: '', stderr: message })
    })
  }

  it('ends with 2 for an option that nobody knows', () => {
    const { status, stderr } = drill('outage', '--speed', '2')
    assert.equal(status, 2)
    assert.match(stderr, /^Cannot run a drill: Unknown option '--speed'/)
  })
})

describe('table', () => {
  it('has one line of Markdown for each row', () => {
    const row: Row = {
      what: 'status 503',
      calls: 100,
      failed: 1,
      longestWaitMs: 12.4,
      tokenRequests: 7,
      goal: '0 failed',
      met: false,
    }
    assert.equal(
      table([row, { ...row, renewedAfterSeconds: 1.26, met: true }]),
      [
        '| what | calls | failed | longest wait, ms | token requests | renewed after, s | goal | met |',
        '| --- | --- | --- | --- | --- | --- | --- | --- |',
        '| status 503 | 100 | 1 | 12 | 7 | never | 0 failed | NO |',
        '| status 503 | 100 | 1 | 12 | 7 | 1.3 | 0 failed | yes |',
      ].join('\n'),
    )
  })
})
