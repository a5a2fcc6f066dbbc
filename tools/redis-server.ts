// A Redis or Valkey for one test run: in memory alone, loopback alone, with a password made for it.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort, printed } from './ports.ts'
import type { Server } from './servers.ts'

/** Starts Redis or Valkey on a free port. @throws Error which says what is missing. */
export async function startRedis(): Promise<Server> {
  const program = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => ['redis-server', 'valkey-server'].map((name) => join(folder, name)))
    .find((path) => existsSync(path))
  if (program === undefined)
    throw new Error('Redis or Valkey is needed: set REDIS_URL, or install redis-server or valkey-server')
  const folder = await mkdtemp(join(tmpdir(), 'tomte-redis-'))
  try {
    const port = await freePort()
    const password = randomBytes(24).toString('hex')
    const server = spawn(program, ['-'], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] })
    // By its standard input, where the list of processes does not show the password.
    server.stdin.end(
      `bind 127.0.0.1\nport ${port}\nrequirepass ${password}\nsave ""\nappendonly no\ndir ${folder}\n`,
    )
    await printed(server, server.stdout, 'Ready to accept connections')
    return { url: `redis://:${password}@127.0.0.1:${port}`, process: server, folder, signal: 'SIGTERM' }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
