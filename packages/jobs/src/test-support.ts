// What the tests of this package stand on: folders, another process, a small disk, and a daemon of one job.
import { execFileSync, spawnSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import { type Daemon, defineDaemon, defineJob, type JobContext } from './daemon.ts'

type Test = Pick<TestContext, 'after'>

/** A folder that is removed after the test. */
export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-jobs-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** An identity that no test here ever signs in with: its certificate is read at the first token request. */
export const ENVIRONMENT = {
  AZURE_TENANT_ID: 'contoso.example',
  AZURE_CLIENT_ID: '22222222-bbbb-4bbb-8bbb-000000000002',
  AZURE_CLIENT_CERTIFICATE_PATH: 'nowhere.pem',
} as const

/** A daemon whose one job, `work`, takes no input. */
export function daemonOf<Result extends object>(
  run: (context: JobContext<object>) => Promise<Result>,
): Daemon {
  return defineDaemon({ apis: {}, jobs: { work: defineJob({ input: z.object({}), run }) } })
}

/** A process of its own that runs this module text, with the folder as its argument. */
export function anotherProcess(t: Test, code: string, folder: string, flags: readonly string[] = []) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const args = [...flags, '--conditions=@tomte/source', '--input-type=module', '--eval', code, folder]
  const child = spawn(process.execPath, args, {
    cwd: import.meta.dirname,
    env,
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
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  /** Resolves with what was printed, once it fits. */
  const printed = (wanted: RegExp) =>
    new Promise<string>((resolve, reject) => {
      heard = () => (wanted.test(stdout) ? resolve(stdout) : undefined)
      heard()
      void ended.then(() => reject(new Error(`the process ended before ${String(wanted)}: ${stderr}`)))
    })
  return { child, ended, printed, stdout: () => stdout, stderr: () => stderr }
}

/** Why this machine cannot lend a test a disk of its own, or `false` if it can. */
export const NO_SMALL_DISK =
  process.platform !== 'linux'
    ? 'a small disk is a tmpfs, which only Linux has'
    : spawnSync('unshare', ['--mount', 'true']).status !== 0 && 'this user or container may not mount'

/** A disk of so many kilobytes, mounted for one test. @throws Error where root itself may not mount, as in a container. */
export async function smallDisk(t: Test, kilobytes: number, filesMax = 100): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,nr_inodes=${filesMax}`, 'tmpfs', folder])
  t.after(async () => {
    execFileSync('umount', ['--lazy', folder])
    await rm(folder, { recursive: true, force: true })
  })
  return folder
}

/** Random numbers below 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const START_MS = Date.UTC(2026, 0, 5, 12)

/** A clock that stands still until a test moves it. */
export class TestClock {
  #nowMs: number
  readonly #timers = new Set<{ readonly atMs: number; readonly end: () => void }>()

  constructor(startMs = START_MS) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  /** How many wait. */
  get waiting(): number {
    return this.#timers.size
  }

  after(ms: number, end: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, end }
    this.#timers.add(timer)
    if (ms <= 0) setImmediate(() => this.advance(0))
    return () => void this.#timers.delete(timer)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        drop()
        reject(signal?.reason)
      }
      if (signal?.aborted) return reject(signal.reason)
      const drop = this.after(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Sets the time, without that much time passing for those who wait. */
  jump(ms: number): void {
    this.#nowMs += ms
    const moved = [...this.#timers].map(({ atMs, end }) => ({ atMs: atMs + ms, end }))
    this.#timers.clear()
    for (const timer of moved) this.#timers.add(timer)
  }

  /** Lets time pass, and ends the waits that are over. */
  advance(ms: number): void {
    this.#nowMs += ms
    for (const timer of this.#timers) {
      if (timer.atMs > this.#nowMs) continue
      this.#timers.delete(timer)
      timer.end()
    }
  }
}
