// What a daemon costs that has nothing to do: the processor time of its process and of the database that it uses, as the operating
// system counts it, and its memory.
import { spawn } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildPackages } from '../../tools/build.ts'
import { printed } from '../../tools/ports.ts'
import { type Row, row } from '../row.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const SETTLED_MS = 60_000
const WINDOW_MS = 60_000
// What Linux counts processor time in, on every architecture that Node runs on.
const TICKS_PER_SECOND = 100

/** Three jobs that are not due for months, as a daemon has them that works at night. */
const configOf = (jobs: string, zod: string) => `
import { defineDaemon, defineJob } from '${jobs}'
import { z } from '${zod}'
const nightly = (hour: number) =>
  defineJob({ input: z.object({}), schedule: '0 ' + hour + ' 1 ' + (new Date().getUTCMonth() === 0 ? 7 : 1) + ' *', run: async () => ({}) })
export default defineDaemon({ name: 'idle', apis: {}, jobs: { one: nightly(1), two: nightly(2), three: nightly(3) } })
`

interface Daemon {
  readonly pid: number
  end(): Promise<void>
}

async function started(folder: string, environment: NodeJS.ProcessEnv): Promise<Daemon> {
  await mkdir(folder, { recursive: true })
  const jobs = pathToFileURL(join(root, 'packages/jobs/dist/mod.js')).href
  await writeFile(join(folder, 'tomte.config.ts'), configOf(jobs, import.meta.resolve('zod')))
  const child = spawn(process.execPath, [join(root, 'packages/cli/dist/bin.js'), 'run', '--json'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      AZURE_TENANT_ID: 'contoso.example',
      AZURE_CLIENT_ID: '22222222-bbbb-4bbb-8bbb-000000000002',
      AZURE_CLIENT_CERTIFICATE_PATH: 'nowhere.pem',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await printed(child, child.stdout, 'daemon_ready')
  child.stdout.resume()
  return {
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

interface Stat {
  readonly parent: number
  /** Of its own, in ticks. */
  readonly own: number
  /** Of children that have ended. */
  readonly ended: number
}

async function statOf(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The name of the program, in brackets, may hold anything.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const at = (number: number) => fields[number - 3] ?? 0
  return { parent: at(4), own: at(14) + at(15), ended: at(16) + at(17) }
}

/** The processor time of a server and of all its back ends, those that have ended too, in ticks. */
async function ticksOfServer(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const stats = await Promise.all(pids.map(statOf))
  const children = stats.filter((stat) => stat?.parent === pid)
  const server = await statOf(pid)
  return (server?.own ?? 0) + (server?.ended ?? 0) + children.reduce((sum, stat) => sum + (stat?.own ?? 0), 0)
}

const residentMb = async (pid: number): Promise<number> => {
  const [, kb = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1024
}

/** Both engines in one window, a minute after their start, on a server that nobody else has used. */
export async function idle(
  home: string,
  postgres: { readonly url: string; readonly pid: number },
): Promise<Row[]> {
  if (process.platform !== 'linux') return []
  await buildPackages(['client', 'guard', 'jobs', 'platform', 'cli'])
  const embedded = await started(join(home, 'idle-embedded'), {})
  const fleet = await started(join(home, 'idle-fleet'), { TOMTE_DATABASE_URL: postgres.url })
  try {
    await sleep(SETTLED_MS)
    const ticks = async () => [
      (await statOf(embedded.pid))?.own ?? 0,
      (await statOf(fleet.pid))?.own ?? 0,
      await ticksOfServer(postgres.pid),
    ]
    const before = await ticks()
    const startMs = performance.now()
    await sleep(WINDOW_MS)
    const after = await ticks()
    const seconds = (performance.now() - startMs) / 1000
    const [one = 0, two = 0, server = 0] = after.map(
      (each, n) => ((each - (before[n] ?? 0)) / TICKS_PER_SECOND / seconds) * 100,
    )
    const memory = [await residentMb(embedded.pid), await residentMb(fleet.pid)]
    const share = { theirs: 0.5, against: 'limit', unit: '% of a core', goal: '<= 0.5' }
    const room = { theirs: 130, against: 'limit', unit: 'MB', goal: '<= 130' }
    return [
      row({ ...share, what: 'idle daemon, embedded', ours: one }),
      row({ ...share, what: 'idle daemon, PostgreSQL, with the server', ours: two + server }),
      row({ ...room, what: 'idle daemon, embedded: resident', ours: memory[0] ?? 0 }),
      row({ ...room, what: 'idle daemon, PostgreSQL: resident', ours: memory[1] ?? 0 }),
    ]
  } finally {
    await embedded.end()
    await fleet.end()
  }
}
