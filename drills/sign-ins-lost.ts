import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { registerBySecret, type Replica, type SecretApp, startReplica } from './replica.ts'
import type { Row } from './row.ts'

/** Sign-ins are written in the background, twenty times a second: those of the last moment may be lost with the process. */
const LOST_WITHIN_MS = 200

interface SignInsOptions {
  readonly kills: number
  /** How many are answered before each kill. */
  readonly requests: number
  /** Whether the machine does other things meanwhile: what is late by no more than the slowest answer is not counted then. */
  readonly isBusy: boolean
}

/** Kills a platform while it issues tokens, several times: which token requests that were answered are not in the log afterwards? */
export async function signInsLost(
  store: string,
  folder: string,
  database: string | undefined,
  { kills, requests, isBusy }: SignInsOptions,
): Promise<Row> {
  let replica = await startReplica(folder, database)
  const app = await registerBySecret(replica)
  let [answered, tooOld, oldestMs] = [0, 0, 0]
  for (let kill = 0; kill < kills; kill++) {
    const answers = new Map<string, number>()
    const { killedAtMs, slowestMs } = await tokensUntilKilled(replica, app, answers, requests)
    const withinMs = LOST_WITHIN_MS + (isBusy ? slowestMs : 0)
    const written = new Set(await writtenSignIns(folder, database))
    for (const [correlationId, atMs] of answers) {
      if (written.has(correlationId)) continue
      oldestMs = Math.max(oldestMs, killedAtMs - atMs)
      if (killedAtMs - atMs > withinMs) tooOld += 1
    }
    answered += answers.size
    replica = await startReplica(folder, database)
  }
  await replica.kill()
  return {
    what: `${store}: killed ${kills} times under token requests; the oldest sign-in lost was answered ${Math.round(oldestMs)} ms before`,
    calls: answered,
    failed: tooOld,
    longestWaitMs: oldestMs,
    tokenRequests: answered,
    withoutRenewals: true,
    goal: `none of >= ${kills * requests} lost that was answered > ${LOST_WITHIN_MS} ms before the kill`,
    met: tooOld === 0 && answered >= kills * requests,
  }
}

/** Eight at a time ask without pause; returns when the process was killed in the middle of them. */
async function tokensUntilKilled(
  replica: Replica,
  app: SecretApp,
  answers: Map<string, number>,
  requests: number,
): Promise<{ readonly killedAtMs: number; readonly slowestMs: number }> {
  let killed: Promise<void> | undefined
  let [killedAtMs, slowestMs] = [0, 0]
  const client = async () => {
    while (!killed) {
      const correlationId = randomUUID()
      const askedMs = performance.now()
      const { status } = await replica.token(app, correlationId)
      const nowMs = performance.now()
      if (!killed) slowestMs = Math.max(slowestMs, nowMs - askedMs)
      if (status === 200 && !killed) answers.set(correlationId, nowMs)
      if (answers.size < requests || killed) continue
      killedAtMs = performance.now()
      killed = replica.kill()
    }
  }
  await Promise.allSettled(Array.from({ length: 8 }, client))
  await killed
  return { killedAtMs, slowestMs }
}

const WRITTEN = 'select correlation_id from sign_in'

async function writtenSignIns(folder: string, database: string | undefined): Promise<readonly string[]> {
  if (database === undefined) {
    const sqlite = new DatabaseSync(join(folder, 'platform.db'))
    try {
      return sqlite
        .prepare(WRITTEN)
        .all()
        .map((row) => String(row['correlation_id']))
    } finally {
      sqlite.close()
    }
  }
  const client = new Client({ connectionString: database })
  await client.connect()
  try {
    const { rows } = await client.query<{ correlation_id: string }>(WRITTEN)
    return rows.map((row) => row.correlation_id)
  } finally {
    await client.end()
  }
}
