import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Platform, startPlatform } from '@tomte/platform'
import { daemonEnvironment } from './demo/daemon.ts'
import { operatorDirectory } from './demo/operator.ts'
import { consentedAt, grantConsent, registerDaemon } from './demo/registration.ts'
import type { ProvisionResult } from './job/counts.ts'

/** How a program ended, and everything it printed. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly ended: Promise<Ended>
  /** What it has printed on standard error so far. */
  readonly stderr: () => string
  /** Kills the program and everything it started, as `kill -9` of the whole process group does. */
  readonly kill: () => void
}

const example = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Runs a file of this example as a program of its own, in a process group of its own. */
export function run(name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const child = spawn(process.execPath, ['--conditions=@tomte/source', example(name), ...args], {
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  return { ended, stderr: () => stderr, kill }
}

/** `npm start -- --once --json` on a data folder, to its end. */
export const startOnce = (folder: string): Running =>
  run('start.ts', ['--once', '--json', '--port', '0', '--data', folder])

/** A folder that is removed after the test. */
export async function temporaryFolder(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-test-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The one JSON document on standard output. */
export const document = (ended: Ended): ProvisionResult & Record<string, unknown> =>
  JSON.parse(ended.stdout) as never

/** The people of a platform's directory as its operator sees them. */
export async function directoryPeople(platform: Platform): Promise<readonly Record<string, unknown>[]> {
  const people: Record<string, unknown>[] = []
  const select = 'id,employeeId,userPrincipalName,displayName,accountEnabled,jobTitle,department'
  for await (const person of operatorDirectory(platform).pages(`/users?$select=${select}&$top=999`)) {
    people.push(person as Record<string, unknown>)
  }
  return people
}

/** A platform with an empty directory and a daemon that has consent. */
export async function platformWithDaemon(t: Pick<TestContext, 'after'>, dataFolder?: string) {
  const folder = await temporaryFolder(t)
  const platform = await startPlatform({ dataFolder: dataFolder ?? join(folder, 'platform'), port: 0 })
  t.after(() => platform.close())
  const directory = operatorDirectory(platform)
  const daemon = await registerDaemon(directory, platform, Date.now())
  if ((await consentedAt(directory, daemon)) === undefined) await grantConsent(directory, daemon)
  const environment = daemonEnvironment(platform, daemon)
  const provision = (args: readonly string[], changed: NodeJS.ProcessEnv = {}) =>
    run('provision.ts', ['--json', '--data', join(folder, 'daemon'), ...args], { ...environment, ...changed })
      .ended
  return { folder, platform, directory, daemon, environment, provision }
}

/** One {@link platformWithDaemon} for all tests of the suite that asks for it, which must leave the directory empty. */
export function platformOfSuite(): () => Awaited<ReturnType<typeof platformWithDaemon>> {
  const closing: (() => unknown)[] = []
  let stage: Awaited<ReturnType<typeof platformWithDaemon>> | undefined
  before(async () => {
    stage = await platformWithDaemon({ after: (close) => void closing.unshift(close as () => unknown) })
  })
  after(async () => {
    for (const close of closing) await close()
  })
  return () => stage ?? assert.fail('asked for before the suite has begun')
}

export const readText = (file: string): Promise<string> => readFile(file, 'utf8')
