// Runs the command as the program it is, on a daemon that is written for the tests.
import { type SpawnOptions, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tomte as runTomte } from './main.ts'
import type { Output } from './output.ts'

type Test = Pick<TestContext, 'after'>

/** How a program ended, and everything it printed. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder that is removed after the test. */
export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-cli-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** What a daemon's configuration in another folder imports, spelled so that it is found from there. */
export const IMPORTS = `import { defineDaemon, defineJob } from '${import.meta.resolve('@tomte/jobs')}'
import { z } from '${import.meta.resolve('zod')}'
`

/** An identity that no test here ever signs in with. */
const IDENTITY = {
  AZURE_TENANT_ID: 'contoso.example',
  AZURE_CLIENT_ID: '22222222-bbbb-4bbb-8bbb-000000000002',
  AZURE_CLIENT_CERTIFICATE_PATH: 'nowhere.pem',
}

const program = fileURLToPath(new URL('bin.ts', import.meta.url))

export interface Surroundings {
  readonly cwd?: string
  /** A file descriptor, or a pipe if there is none. */
  readonly stdout?: number
  readonly stderr?: number
  /** Over the variables of the test itself and of {@link IDENTITY}. */
  readonly environment?: NodeJS.ProcessEnv
}

/** Starts `tomte` with these arguments. */
export function tomte(
  t: Test,
  args: readonly string[],
  { cwd, stdout, stderr, environment }: Surroundings = {},
) {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const options: SpawnOptions = {
    cwd: cwd ?? tmpdir(),
    env: { ...inherited, ...IDENTITY, ...environment },
    stdio: ['ignore', stdout ?? 'pipe', stderr ?? 'pipe'],
  }
  const child = spawn(process.execPath, ['--conditions=@tomte/source', program, ...args], options)
  t.after(() => child.kill('SIGKILL'))
  const printed = { stdout: '', stderr: '' }
  let heard = () => {}
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk: Buffer) => {
      printed[name] += chunk.toString()
      heard()
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, ...printed }))
  })
  /** Resolves once what was printed on standard output or error fits. */
  const prints = (wanted: RegExp) =>
    new Promise<void>((resolve, reject) => {
      heard = () => (wanted.test(printed.stdout + printed.stderr) ? resolve() : undefined)
      heard()
      void ended.then((how) => reject(new Error(`it ended before ${String(wanted)}: ${JSON.stringify(how)}`)))
    })
  return { child, ended, prints, printed }
}

/**
 * How `tomte` ends in this process, and all that it prints: for what neither runs a job nor listens, as a process of its own costs
 * half a second. What the test runner says on standard output, which is no text, passes.
 */
export async function here(t: Pick<TestContext, 'mock'>, args: readonly string[]) {
  const printed = { stdout: '', stderr: '' }
  const mocks = (['stdout', 'stderr'] as const).map((name) => {
    const write = process[name].write.bind(process[name])
    return t.mock.method(process[name], 'write', (text: unknown, ...rest: unknown[]) => {
      if (typeof text !== 'string') return (write as (...all: unknown[]) => boolean)(text, ...rest)
      printed[name] += text
      for (const written of rest) if (typeof written === 'function') written()
      return true
    })
  })
  try {
    return { code: await runTomte(args), ...printed }
  } finally {
    for (const { mock } of mocks) mock.restore()
  }
}

/** What a command printed. */
export interface Printed {
  readonly document: Readonly<Record<string, unknown>>
  readonly text: string
}

/** Does a command's work in this process, and returns its result as both readers get it. */
export async function resultOf(work: (output: Output) => Promise<void>): Promise<Printed> {
  let printed: Printed = { document: {}, text: '' }
  await work({
    json: false,
    say: () => {},
    result: async (document, text) => void (printed = { document: { ...document }, text }),
    failure: async () => {},
    print: async () => {},
    progress: () => {},
  })
  return printed
}

/** A folder with a `tomte.config.ts` of this text. */
export async function configured(t: Test, text: string): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'tomte.config.ts'), text)
  return folder
}

/** Whether a stack of calls was printed, which no user should see. */
export const hasStack = ({ stdout, stderr }: Pick<Ended, 'stdout' | 'stderr'>): boolean =>
  /^\s+at /m.test(stdout + stderr)
