// A PostgreSQL whose CPU time can be read, and rows that are inserted into it with nothing in between.
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Client } from 'pg'
import { startPostgres } from '../../tools/postgres-server.ts'
import { bareValue } from './people.ts'

/** A server that one bench has for itself. */
export interface MeasuredPostgres {
  /** The address of a new, empty database. */
  database(name: string): Promise<string>
  /** Milliseconds of CPU that all of its processes have had, those that have ended among them. */
  cpuMs(): number
  stop(): Promise<void>
}

/** Starts a server that syncs every commit; `undefined` where the CPU time of other processes cannot be read. */
export async function measuredPostgres(): Promise<MeasuredPostgres | undefined> {
  if (!existsSync('/proc/self/stat')) return undefined
  const server = await startPostgres()
  const pid = server.process.pid ?? 0
  return {
    database: async (name) => {
      const client = new Client({ connectionString: server.url })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return Object.assign(new URL(server.url), { pathname: `/${name}` }).href
    },
    cpuMs: () => cpuMs(pid),
    stop: async () => {
      server.process.kill(server.signal)
      await once(server.process, 'exit')
      await rm(server.folder, { recursive: true, force: true })
    },
  }
}

// Linux, proc(5): utime, stime, and what children had that have ended, in hundredths of a second.
const TICK_MS = 10
function cpuMs(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  const living = children.flatMap((child) => statOf(Number(child)).slice(0, 2))
  // Read last, so that it has the time of children that have ended meanwhile.
  return [...living, ...statOf(pid)].reduce((sum, ticks) => sum + ticks, 0) * TICK_MS
}

/** utime, stime, cutime and cstime, or none of a process that has ended; its name stands in brackets and may hold anything. */
function statOf(pid: number): readonly number[] {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return []
  }
  return text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
}

/** Inserts rows as the platform's own, twenty to a statement; resolves with milliseconds of CPU for each row, the server's among them. */
export async function bareStatements(
  url: string,
  batches: number,
  { server, round }: { readonly server: MeasuredPostgres; readonly round: number },
): Promise<number> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<Readonly<Record<string, unknown>>>('select * from "user" limit 1')
    const [one = {}] = rows
    const names = Object.keys(one).filter((name) => name !== 'seq')
    const places = Array.from({ length: 20 }, (_, row) =>
      names.map((_name, column) => `$${row * names.length + column + 1}`).join(),
    )
    const text = `insert into "user" (${names.join()}) values ${places.map((list) => `(${list})`).join()}`
    const beforeMs = server.cpuMs()
    const before = process.cpuUsage()
    for (let batch = 0; batch < batches; batch++) {
      const values = places.flatMap((_list, row) =>
        names.map((name) => bareValue(name, `b${round * batches + batch}-${row}`, one[name])),
      )
      await client.query({ name: 'bare', text, values })
    }
    const { user, system } = process.cpuUsage(before)
    return ((user + system) / 1000 + server.cpuMs() - beforeMs) / (batches * 20)
  } finally {
    await client.end()
  }
}
