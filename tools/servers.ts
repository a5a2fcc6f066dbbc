// Starts the database servers that a test run needs, hands out their addresses as one line of JSON, and stops them when
// its standard input ends: so they go with the run, however that is killed. Arguments: DATABASE_URL, REDIS_URL or both.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { startPostgres } from './postgres-server.ts'
import { startRedis } from './redis-server.ts'

/** A server that runs: what connects to it, and what is left to stop and to remove. */
export interface Server {
  readonly url: string
  readonly process: ChildProcess
  readonly folder: string
  /** What makes it stop at once and in order. */
  readonly signal: NodeJS.Signals
}

/** The servers that tests may ask for, by the environment variable that they read. */
const SERVERS = { DATABASE_URL: startPostgres, REDIS_URL: startRedis } as const satisfies Record<
  string,
  () => Promise<Server>
>

export type ServerName = keyof typeof SERVERS

const isServerName = (name: string): name is ServerName => Object.hasOwn(SERVERS, name)

/** Which servers these tests ask for and nobody has given: a test names the variable that it reads. */
export function serversWanted(texts: readonly string[], env: NodeJS.ProcessEnv): ServerName[] {
  return Object.keys(SERVERS)
    .filter(isServerName)
    .filter((name) => !env[name] && texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)))
}

/** Servers for one run, and how to stop them. */
export interface RunningServers {
  /** Environment variables for the tests; a server that could not be started has none. */
  readonly env: Readonly<Record<string, string>>
  readonly stop: () => Promise<void>
}

/** Starts servers in a process of their own, which outlives a killed run for just as long as cleaning up takes. */
export async function startServers(wanted: readonly ServerName[]): Promise<RunningServers> {
  if (wanted.length === 0) return { env: {}, stop: async () => {} }
  const keeper = spawn(process.execPath, [fileURLToPath(import.meta.url), ...wanted], {
    // Ctrl-C in a terminal goes to a whole group; in a group of its own the keeper still hears its input end.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(keeper, 'exit')
  const stop = async () => {
    keeper.stdin.end()
    await ended
  }
  const [line] = await Promise.race([once(createInterface(keeper.stdout), 'line'), ended.then(() => ['{}'])])
  return { env: JSON.parse(String(line)) as Record<string, string>, stop }
}

async function keep(names: readonly ServerName[], input: Readable): Promise<void> {
  const released = once(input.resume(), 'end')
  const started = await Promise.allSettled(names.map((name) => SERVERS[name]()))
  const running = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const env = Object.fromEntries(
    names.flatMap((name, index) => {
      const each = started[index]
      if (each?.status === 'fulfilled') return [[name, each.value.url]]
      const reason = each?.reason instanceof Error ? each.reason.message : 'unknown error'
      process.stderr.write(`Tests that read ${name} are skipped: ${reason}\n`)
      return []
    }),
  )
  process.stdout.write(`${JSON.stringify(env)}\n`)
  await released
  await Promise.all(running.map(stopServer))
}

async function stopServer({ process: server, folder, signal }: Server): Promise<void> {
  const ended = server.exitCode === null && server.signalCode === null ? once(server, 'exit') : undefined
  server.kill(signal)
  await ended
  await rm(folder, { recursive: true, force: true })
}

if (import.meta.main) await keep(process.argv.slice(2).filter(isServerName), process.stdin)
