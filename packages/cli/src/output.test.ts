import assert from 'node:assert/strict'
import { existsSync, openSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { failureOf, failureText } from './failure.ts'
import { progressBar } from './output.ts'
import { configured, hasStack, IMPORTS, tomte } from './test-support.ts'

function shown(isTTY: boolean, use: (bar: ReturnType<typeof progressBar>) => void): string {
  const stream = Object.assign(new PassThrough(), { isTTY })
  use(progressBar(stream))
  return (stream.read() as Buffer | null)?.toString() ?? ''
}

describe('progressBar', () => {
  const redraw = '\r\u001B[K  '

  it('redraws one line on a terminal and ends it when all is done', () => {
    const text = shown(true, (bar) => {
      bar.show(0, 30, 'people')
      bar.show(10, 30, 'people')
      bar.show(30, 30, 'people')
      bar.end()
    })
    assert.equal(
      text,
      `${redraw}${'░'.repeat(30)}   0 %  0/30 people` +
        `${redraw}${'█'.repeat(10)}${'░'.repeat(20)}  33 %  10/30 people` +
        `${redraw}${'█'.repeat(30)} 100 %  30/30 people\n`,
    )
  })

  it('ends an open line once, so that what follows stands on a line of its own', () => {
    const text = shown(true, (bar) => {
      bar.end()
      bar.show(1, 2, 'rows')
      bar.end()
      bar.end()
    })
    assert.equal(text, `${redraw}${'█'.repeat(15)}${'░'.repeat(15)}  50 %  1/2 rows\n`)
  })

  it('counts nothing to do as all done, and more than all as all', () => {
    assert.equal(
      shown(true, (bar) => bar.show(0, 0, 'rows')),
      `${redraw}${'█'.repeat(30)} 100 %  0/0 rows\n`,
    )
    assert.equal(
      shown(true, (bar) => bar.show(7, 5, 'rows')),
      `${redraw}${'█'.repeat(30)} 100 %  7/5 rows\n`,
    )
  })

  it('says that not quite all is done as 99 %', () => {
    assert.match(
      shown(true, (bar) => bar.show(999, 1000, 'rows')),
      / {2}99 % {2}999\/1000 rows$/,
    )
  })

  it('elsewhere writes a plain line for each quarter of each kind of work', () => {
    const text = shown(false, (bar) => {
      for (let done = 0; done <= 100; done += 1) bar.show(done, 100, 'people')
      for (const done of [1, 2, 2, 3, 4]) bar.show(done, 4, 'managers')
      bar.end()
    })
    const lines = ['25/100 people', '50/100 people', '75/100 people', '100/100 people']
    const more = ['1/4 managers', '2/4 managers', '3/4 managers', '4/4 managers']
    assert.equal(text, [...lines, ...more].map((line) => `  ${line}\n`).join(''))
  })
})

describe('a failure', () => {
  it('holds what tomte’s errors carry, and nothing else of them', () => {
    const facts = { code: 'c', hint: 'h', aadsts: [1], correlationId: 'i', token: 'secret' }
    const error = Object.assign(new Error('m', { cause: 'secret' }), facts)
    assert.deepEqual(failureOf(error), {
      code: 'c',
      message: 'm',
      hint: 'h',
      aadsts: [1],
      correlationId: 'i',
    })
  })

  it('leaves out what is empty or of another type', () => {
    const facts = { code: 7, hint: undefined, aadsts: [], correlationId: null }
    assert.deepEqual(failureOf(Object.assign(new Error('m'), facts)), { code: 'unexpected', message: 'm' })
  })

  it('is told in as many lines as it has something to tell', () => {
    assert.equal(failureText({ code: 'c', message: 'm' }), 'm\n')
    assert.equal(
      failureText({ code: 'c', message: 'm', hint: 'h', correlationId: 'i' }),
      'm\nNext: h\nCorrelation id: i\n',
    )
  })
})

const DAEMON = `${IMPORTS}
const input = z.object({})
const work = defineJob({ input, async run({ log, step }) { log('a line'); await step('one', async () => 1); return { n: 1 } } })
const talkative = defineJob({ input, async run({ log }) {
  for (let n = 0; n < 2000; n += 1) { log('line ' + n); if (n % 100 === 0) await new Promise(setImmediate) }
  return {}
} })
const failing = defineJob({ input, async run() { throw new Error('it failed') } })
export default defineDaemon({ apis: {}, jobs: { work, talkative, failing } })
`
const UNWRITABLE = 'Cannot write the result to standard output, as whoever reads it must take it all: '
const NO_SPACE = `${UNWRITABLE}ENOSPC: no space left on device, write\n`
const NO_READER = `${UNWRITABLE}write EPIPE\n`

// Which job, with which options, and what standard error says of it beside that the result could not be written.
const RUNS: readonly (readonly [string, string | undefined])[] = [
  ['run work', ''],
  ['run work --json', 'a line\n'],
  ['run talkative', ''],
  ['--help', ''],
  ['run --help', ''],
  ['run failing', undefined],
  ['run failing --json', undefined],
]

describe('standard output that takes nothing', () => {
  const noFull = !existsSync('/dev/full') && 'this system has no /dev/full'
  for (const [args, before] of RUNS) {
    it(`ends 'tomte ${args}' with 1 and one message on a full disk`, { skip: noFull }, async (t) => {
      const cwd = await configured(t, DAEMON)
      const ended = await tomte(t, args.split(' '), { cwd, stdout: openSync('/dev/full', 'w') }).ended
      assert.equal(ended.code, 1)
      assert.equal(ended.stderr, before === undefined ? 'it failed\n' : before + NO_SPACE)
      assert.equal(hasStack(ended), false)
    })

    const noPipe = process.platform === 'win32' && 'Windows tells nobody that a pipe was closed'
    it(`ends 'tomte ${args}' with 1 and one message when nobody reads it`, { skip: noPipe }, async (t) => {
      const cwd = await configured(t, DAEMON)
      const running = tomte(t, args.split(' '), { cwd })
      running.child.stdout?.destroy()
      const ended = await running.ended
      assert.equal(ended.code, 1)
      assert.equal(ended.stderr, before === undefined ? 'it failed\n' : before + NO_READER)
      assert.equal(hasStack(ended), false)
    })
  }

  it('does not keep a job from finishing its work', { skip: noFull }, async (t) => {
    const cwd = await configured(t, DAEMON)
    const first = await tomte(t, ['run', 'work'], { cwd, stdout: openSync('/dev/full', 'w') }).ended
    assert.equal(first.code, 1)
    // A finished run is not resumed.
    const second = await tomte(t, ['run', 'work'], { cwd }).ended
    assert.deepEqual([second.code, second.stdout], [0, 'a line\n\n'])
  })
})

describe('standard error that takes nothing', () => {
  it('keeps neither a result nor a failure from standard output', async (t) => {
    const cwd = await configured(t, DAEMON)
    for (const [job, code] of [
      ['work', 0],
      ['failing', 1],
    ] as const) {
      const running = tomte(t, ['run', job, '--json'], { cwd })
      running.child.stderr?.destroy()
      const ended = await running.ended
      assert.equal(ended.code, code)
      assert.equal(Object.keys(JSON.parse(ended.stdout))[0], code === 0 ? 'n' : 'error')
    }
  })
})
