// The platform is killed by SIGKILL while it writes, on SQLite and on PostgreSQL: what it had acknowledged must be there after
// its next start, but for sign-ins of the last moment. Then two replicas on one PostgreSQL issue tokens, and one is killed, or loses the connection on which it
// hears of changes: the other may fail no request, and no change may go unseen for a second.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { statement, withDatabase } from '../tools/own-database.ts'
import { startPostgres } from '../tools/postgres-server.ts'
import { steadyLoad } from './load.ts'
import { addSecret, type Answer, done, registerBySecret, type Replica, startReplica } from './replica.ts'
import type { DrillOptions, DrillResult, Row } from './row.ts'
import { signInsLost } from './sign-ins-lost.ts'

/** How much of it the tests run. */
export interface ReplicasOptions extends DrillOptions {
  /** How often a platform is killed under writes, on each store. */
  readonly kills?: number | undefined
  /** Whether the machine does other things meanwhile. */
  readonly isBusy?: boolean | undefined
  /** How many writes are acknowledged before each kill. */
  readonly writes?: number | undefined
  /** How many changes are watched from the other replica. */
  readonly changes?: number | undefined
}

const TOKENS_PER_SECOND = 100
const SEEN_WITHIN_MS = 1000

/** Runs the drill. */
export async function drill({
  kills = 10,
  writes = 150,
  changes = 50,
  isBusy = false,
}: ReplicasOptions): Promise<DrillResult> {
  const server = process.env['DATABASE_URL'] ? undefined : await startPostgres()
  const url = process.env['DATABASE_URL'] ?? server?.url ?? ''
  const home = await mkdtemp(join(tmpdir(), 'tomte-replicas-'))
  try {
    const rows = [await killedUnderWrites('SQLite', join(home, 'sqlite'), undefined, { kills, writes })]
    const tokens = { kills, requests: 10 * writes, isBusy }
    rows.push(await signInsLost('SQLite', join(home, 'sqlite-log'), undefined, tokens))
    await withDatabase(url, async (database) => {
      rows.push(await killedUnderWrites('PostgreSQL', join(home, 'first'), database, { kills, writes }))
    })
    await withDatabase(url, async (database) => {
      rows.push(await signInsLost('PostgreSQL', join(home, 'log'), database, tokens))
    })
    await withDatabase(url, async (database) => {
      const start = () => startReplica(join(home, 'second'), database)
      const [dying, other] = [await start(), await start()]
      rows.push(await oneKilled(dying, other, writes))
      const pair = { one: await start(), other }
      rows.push(await changesSeen(pair, changes))
      rows.push(await listeningCut(pair, database, changes))
      await Promise.all([pair.one.kill(), other.kill()])
    })
    return { drill: 'replicas', rows }
  } finally {
    await rm(home, { recursive: true, force: true })
    server?.process.kill(server.signal)
  }
}

/** What was acknowledged: users by id, and secrets by key. */
interface Acknowledged {
  readonly users: string[]
  readonly keys: string[]
}

async function killedUnderWrites(
  store: string,
  folder: string,
  database: string | undefined,
  { kills, writes }: { readonly kills: number; readonly writes: number },
): Promise<Row> {
  const acknowledged: Acknowledged = { users: [], keys: [] }
  let replica = await startReplica(folder, database)
  const app = await registerBySecret(replica)
  let [startedMs, longestStartMs] = [0, 0]
  for (let kill = 0; kill < kills; kill++) {
    await writeUntilKilled(replica, app.objectId, acknowledged, writes)
    startedMs = performance.now()
    replica = await startReplica(folder, database)
    longestStartMs = Math.max(longestStartMs, performance.now() - startedMs)
  }
  const lost = await missing(replica, app.objectId, acknowledged)
  await replica.kill()
  const calls = acknowledged.users.length + acknowledged.keys.length
  return {
    what: `${store}: killed ${kills} times under writes`,
    calls,
    failed: lost,
    longestWaitMs: longestStartMs,
    tokenRequests: 0,
    renewedAfterSeconds: longestStartMs / 1000,
    goal: `none of >= ${kills * writes} acknowledged changes lost`,
    met: lost === 0 && calls >= kills * writes,
  }
}

/** Eight at a time write without pause; the process is killed in the middle of them, and what was not answered does not count. */
async function writeUntilKilled(
  replica: Replica,
  objectId: string,
  { users, keys }: Acknowledged,
  writes: number,
): Promise<void> {
  let written = 0
  let killing: Promise<void> | undefined
  const writer = async () => {
    while (!killing) {
      const name = `u${randomUUID()}`
      const { status, body } = await replica.graph('POST', '/users', person(name, replica.domain))
      if (status === 201) users.push(String(body['id']))
      // One secret for many people: an object has at most 100.
      if (written++ % 40 === 0) await changeSecrets(replica, objectId, keys)
      if (written >= writes) killing ??= replica.kill()
    }
  }
  await Promise.allSettled(Array.from({ length: 8 }, writer))
  await killing
}

async function changeSecrets(replica: Replica, objectId: string, keys: string[]): Promise<void> {
  const { status, body } = await replica.graph('POST', `/applications/${objectId}/addPassword`, {})
  if (status === 200) keys.push(String(body['keyId']))
}

const person = (name: string, domain: string) => ({
  accountEnabled: true,
  displayName: name,
  mailNickname: name,
  userPrincipalName: `${name}@${domain}`,
  passwordProfile: { password: `Aa1-${randomUUID()}` },
})

async function missing(replica: Replica, objectId: string, { users, keys }: Acknowledged): Promise<number> {
  let lost = 0
  for (const id of users) if ((await replica.graph('GET', `/users/${id}?$select=id`)).status !== 200) lost++
  const { passwordCredentials } = await done(replica.graph('GET', `/applications/${objectId}`))
  const kept = new Set((passwordCredentials as { readonly keyId: string }[]).map(({ keyId }) => keyId))
  return lost + keys.filter((keyId) => !kept.has(keyId)).length
}

const succeed = async (asked: Promise<Answer>) => void (await done(asked))

async function oneKilled(one: Replica, other: Replica, writes: number): Promise<Row> {
  const app = await registerBySecret(one)
  const dying = steadyLoad(TOKENS_PER_SECOND, () => one.token(app))
  const living = steadyLoad(TOKENS_PER_SECOND, () => succeed(other.token(app)))
  await writeUntilKilled(one, app.objectId, { users: [], keys: [] }, writes)
  // It goes on while the connections of the dead one are swept up.
  for (let number = 0; number < 500; number++) await succeed(other.token(app))
  await registerBySecret(other)
  const fared = await living.stop()
  await dying.stop()
  return {
    what: 'two replicas, one killed under load: requests to the other',
    calls: fared.calls,
    failed: fared.failed,
    longestWaitMs: fared.longestWaitMs,
    tokenRequests: fared.calls,
    renewedAfterSeconds: 0,
    goal: '0 failed',
    met: fared.failed === 0 && fared.calls > 0,
  }
}

/** Two replicas on one PostgreSQL. */
interface Pair {
  readonly one: Replica
  readonly other: Replica
}

/** Secrets are added and removed at one replica; the other is asked until it knows. */
async function changesSeen(
  { one, other }: Pair,
  changes: number,
  before: () => Promise<void> = async () => {},
): Promise<Row> {
  const app = await registerBySecret(one)
  const load = steadyLoad(TOKENS_PER_SECOND / 2, () => succeed(other.token(app)))
  let longestMs = 0
  for (let change = 0; change < changes; change++) {
    await before()
    const added = { ...app, ...(await addSecret(one, app.objectId)) }
    longestMs = Math.max(longestMs, await untilStatus(other, added, 200))
    const { keyId } = added
    await done(one.graph('POST', `/applications/${app.objectId}/removePassword`, { keyId }))
    longestMs = Math.max(longestMs, await untilStatus(other, added, 401))
  }
  const fared = await load.stop()
  return {
    what: `${2 * changes} changes at one replica, seen by the other`,
    calls: fared.calls,
    failed: fared.failed,
    longestWaitMs: longestMs,
    tokenRequests: fared.calls,
    renewedAfterSeconds: longestMs / 1000,
    goal: `0 failed, each seen within ${SEEN_WITHIN_MS} ms`,
    met: fared.failed === 0 && longestMs <= SEEN_WITHIN_MS,
  }
}

const LISTENERS = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'tomte platform' and query in ('select 1', 'listen tomte_change')`

async function listeningCut(pair: Pair, database: string, changes: number): Promise<Row> {
  const row = await changesSeen(pair, changes, () => statement(database, LISTENERS))
  return { ...row, what: `${row.what}, whose LISTEN is cut before each` }
}

/** Asks for tokens until the status is this one; returns how long that took, in milliseconds. */
async function untilStatus(replica: Replica, app: Parameters<Replica['token']>[0], status: number) {
  const startMs = performance.now()
  for (;;) {
    const askedMs = performance.now()
    if ((await replica.token(app)).status === status) return askedMs - startMs
    if (askedMs - startMs > 10 * SEEN_WITHIN_MS) return Number.POSITIVE_INFINITY
  }
}
