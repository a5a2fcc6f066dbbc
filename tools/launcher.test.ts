// The launcher runs before anything is installed, so it is tested on a repository of its own, made for each test.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { root } from './files.ts'

const NAMES = 'start, provision, tomte, test, ok, format, bench, drill, build'
const TARGET = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const PINNED = `node_modules/node-${TARGET}/bin/${process.platform === 'win32' ? 'node.exe' : 'node'}`
const INSTALLING = 'tomte: installing the packages that package-lock.json names (npm ci)\n'
const noSignals = process.platform === 'win32' && 'Windows has no signals'

/** What stands in for npm: it notes that it ran, and installs what the lock file of these tests names. */
const NPM = `const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
appendFileSync('ran', process.argv.slice(2).join(' ') + '\\n')
console.log('npm on its standard output')
if (process.env.NPM_FAILS) process.exit(Number(process.env.NPM_FAILS))
mkdirSync('node_modules', { recursive: true })
writeFileSync('node_modules/.package-lock.json', '{"packages":{"node_modules/one":{"version":"1.0.0"}}}')
`
const LOCK =
  '{"packages":{"":{},"node_modules/one":{"version":"1.0.0"},"node_modules/rare":{"version":"2.0.0","optional":true}}}'

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A repository with the launcher, a lock file of no packages, and a program for the name `tomte`. */
async function repository(t: TestContext, program: string, lock = '{"packages":{"":{}}}') {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-launcher-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  await cp(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true })
  await put('package.json', '{"type":"module"}')
  await put('package-lock.json', lock)
  await put('npm/npm-cli.js', NPM)
  await put('npm/package.json', '{}')
  await put('packages/cli/src/bin.ts', program)
  const start = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const child = spawn(process.execPath, [join(folder, 'scripts/run.js'), ...args], {
      cwd: folder,
      env: { ...env, npm_execpath: join(folder, 'npm/npm-cli.js'), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.after(() => child.kill('SIGKILL'))
    let [stdout, stderr] = ['', '']
    let heard = () => {}
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      heard()
    })
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const ended = new Promise<Ended>((resolve) =>
      child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
    )
    const printed = (text: string) =>
      new Promise<void>((resolve, reject) => {
        heard = () => (stdout.includes(text) ? resolve() : undefined)
        heard()
        void ended.then((how) => reject(new Error(JSON.stringify(how))))
      })
    return { child, ended, printed }
  }
  return { folder, put, start, npmRuns: () => readFile(join(folder, 'ran'), 'utf8').catch(() => '') }
}

describe('the launcher', () => {
  it('refuses a name that it does not know with 2 and the list of those that it knows', async (t) => {
    const { start } = await repository(t, '')
    for (const args of [['nope'], [''], ['constructor'], []]) {
      assert.deepEqual(await start(args).ended, {
        code: 2,
        signal: null,
        stdout: '',
        stderr: `tomte: Cannot run '${args[0] ?? ''}': expected one of ${NAMES}\n`,
      })
    }
  })

  it('passes on arguments, standard output and exit code, and prints nothing itself', async (t) => {
    const program = `const args: string[] = process.argv.slice(2)
      process.stdout.write(JSON.stringify({ args, conditions: process.execArgv }))
      process.exitCode = Number(args[0])`
    const { start } = await repository(t, program)
    for (const code of [0, 1, 2, 42]) {
      const given = [String(code), '--json', 'a b', '', '"quoted"', '$HOME', '*']
      const ended = await start(['tomte', ...given]).ended
      const stdout = JSON.stringify({ args: given, conditions: ['--conditions=@tomte/source'] })
      assert.deepEqual(ended, { code, signal: null, stdout, stderr: '' })
    }
  })

  it('ends with 128 and the number of the signal that killed the program', { skip: noSignals }, async (t) => {
    for (const [signal, code] of [
      ['SIGKILL', 137],
      ['SIGTERM', 143],
    ] as const) {
      const { start } = await repository(
        t,
        `process.kill(process.pid, '${signal}'); setInterval(() => {}, 1000)`,
      )
      assert.equal((await start(['tomte']).ended).code, code)
    }
  })

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`passes ${signal} on, waits for the program, and ends as it does`, { skip: noSignals }, async (t) => {
      const program = `let alive = setInterval(() => {}, 1000)
        process.on('${signal}', () => { console.log('stopping'); clearInterval(alive); process.exitCode = 7 })
        console.log('ready')`
      const { start } = await repository(t, program)
      const running = start(['tomte'])
      await running.printed('ready')
      running.child.kill(signal)
      assert.deepEqual(await running.ended, {
        code: 7,
        signal: null,
        stdout: 'ready\nstopping\n',
        stderr: '',
      })
    })
  }

  it('runs on the Node that the lock file pins if it is there, and on its own if that cannot start', async (t) => {
    const { folder, put, start } = await repository(t, "console.log('own', process.argv[2])")
    if (process.platform !== 'win32') {
      await put(PINNED, '#!/bin/sh\necho pinned "$3"\n')
      await chmod(join(folder, PINNED), 0o755)
      assert.equal((await start(['tomte', 'x']).ended).stdout, 'pinned x\n')
    }
    await put(PINNED, 'no program of this machine')
    await chmod(join(folder, PINNED), 0o644)
    assert.deepEqual(await start(['tomte', 'x']).ended, {
      code: 0,
      signal: null,
      stdout: 'own x\n',
      stderr: '',
    })
  })
})

describe('the launcher in a repository where nothing is installed', () => {
  const program = "console.log('started')"
  const CI = 'ci --include=dev --include=optional --loglevel=error --no-audit --no-fund\n'

  it('installs once, with what npm prints on standard error, and then starts', async (t) => {
    const { start, npmRuns } = await repository(t, program, LOCK)
    assert.deepEqual(await start(['tomte']).ended, {
      code: 0,
      signal: null,
      stdout: 'started\n',
      stderr: `${INSTALLING}npm on its standard output\n`,
    })
    assert.deepEqual(await start(['tomte']).ended, { code: 0, signal: null, stdout: 'started\n', stderr: '' })
    assert.equal(await npmRuns(), CI)
  })

  it('takes an installation by hand for one, and an optional package that is missing for none of its business', async (t) => {
    const { put, start, npmRuns } = await repository(t, program, LOCK)
    await put('node_modules/.package-lock.json', '{"packages":{"node_modules/one":{"version":"1.0.0"}}}')
    assert.equal((await start(['tomte']).ended).stdout, 'started\n')
    assert.equal(await npmRuns(), '')
  })

  it('installs again when the lock file has changed', async (t) => {
    const { put, start, npmRuns } = await repository(t, program, LOCK)
    await start(['tomte']).ended
    await put('package-lock.json', LOCK.replace('1.0.0', '1.0.1'))
    assert.equal((await start(['tomte']).ended).code, 0)
    assert.equal(await npmRuns(), CI + CI)
  })

  it('ends with the exit code of npm when it fails, and starts nothing', async (t) => {
    const { folder, start } = await repository(t, program, LOCK)
    const ended = await start(['tomte'], { NPM_FAILS: '9' }).ended
    assert.deepEqual([ended.code, ended.stdout], [9, ''])
    await assert.rejects(stat(join(folder, '.npm-ci.lock')), { code: 'ENOENT' })
    assert.equal((await start(['tomte']).ended).stdout, 'started\n')
  })

  it('installs once when several launchers start together', async (t) => {
    const { folder, start, npmRuns } = await repository(t, program, LOCK)
    const all = await Promise.all([1, 2, 3, 4].map(() => start(['tomte']).ended))
    for (const { code, stdout } of all) assert.deepEqual([code, stdout], [0, 'started\n'])
    assert.equal(await npmRuns(), CI)
    await assert.rejects(stat(join(folder, '.npm-ci.lock')), { code: 'ENOENT' })
  })

  it('does not wait for a launcher that was killed while it installed', { skip: noSignals }, async (t) => {
    const { put, start } = await repository(t, program, LOCK)
    const dead = spawn(process.execPath, ['--eval', ''])
    await new Promise((resolve) => dead.once('exit', resolve))
    await put('.npm-ci.lock', String(dead.pid))
    assert.equal((await start(['tomte']).ended).stdout, 'started\n')
  })
})
