// How long a person waits after `npm start` in a clone that is installed, until the platform takes requests.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type BenchResult, median, row } from './row.ts'

const ROUNDS = 5
const LIMIT_MS = 3000
const PATIENCE_MS = 60_000
const root = fileURLToPath(new URL('..', import.meta.url))
const windows = process.platform === 'win32'

export async function bench(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-bench-'))
  try {
    const fresh: number[] = []
    for (let round = 0; round < ROUNDS; round++) fresh.push(await start(join(folder, `${round}`)))
    const made: number[] = []
    for (let round = 0; round < ROUNDS; round++) made.push(await start(join(folder, '0')))
    const limit = { theirs: LIMIT_MS, against: 'limit', unit: 'ms', goal: `<= ${LIMIT_MS}` }
    return {
      bench: 'start',
      rows: [
        row({ what: 'npm start to ready, new data folder', ours: median(fresh), ...limit }),
        row({ what: 'npm start to ready, same data folder', ours: median(made), ...limit }),
      ],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Starts the platform on a data folder, stops it again, and resolves with the milliseconds until it was ready. */
async function start(data: string): Promise<number> {
  const args = ['start', '--', '--once', '--json', '--data', data, '--port', '0']
  const startMs = performance.now()
  const child = spawn('npm', args, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, so that npm, the launcher and the platform can all be stopped through it.
    detached: !windows,
    shell: windows,
  })
  const ended = once(child, 'exit')
  try {
    await ready(child)
    // A pipe that nobody reads would block the program once it is full.
    child.stderr?.resume()
    return performance.now() - startMs
  } finally {
    stop(child, 'SIGTERM')
    const deadline = setTimeout(() => stop(child, 'SIGKILL'), PATIENCE_MS / 6)
    await ended
    clearTimeout(deadline)
    // npm can end before the programs that it started, which still use the data folder.
    stop(child, 'SIGKILL')
  }
}

/** Resolves at the line on standard error that begins with `ready `. */
async function ready(child: ChildProcess): Promise<void> {
  if (child.stderr === null) throw new TypeError('Cannot wait for a program whose standard error is not read')
  const said: string[] = []
  const lines = createInterface({ input: child.stderr, signal: AbortSignal.timeout(PATIENCE_MS) })
  for await (const line of lines) {
    if (line.startsWith('ready ')) return
    said.push(line)
  }
  throw new Error(`Cannot measure the start: no line began with 'ready '; found:\n${said.join('\n')}`)
}

function stop(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    if (windows) child.kill(signal)
    else process.kill(-child.pid, signal)
  } catch {
    // The whole group has ended already.
  }
}
