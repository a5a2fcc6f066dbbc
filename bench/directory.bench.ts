// What a directory of a million costs beside one of a thousand, and what a person costs who is created in a batch.
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bareInserts, multiply, person } from './directory/people.ts'
import { serve, type Served } from './directory/served.ts'
import { bareStatements, measuredPostgres } from './directory/postgres.ts'
import { type BenchResult, median, type Row, row } from './row.ts'
import { interleaved, repeat } from './tokens/rounds.ts'

const FEW = 1_000
const MANY = 1_000_000
const ROUNDS = 15
const CALLS = 60
const BATCHES = 100
const BATCH_ROUNDS = 9

export async function bench(): Promise<BenchResult> {
  const home = await mkdtemp(join(tmpdir(), 'tomte-bench-directory-'))
  try {
    return { bench: 'directory', rows: [...(await sizes(home)), ...(await batches(home))] }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** A platform with one person, or with as many copies of them as are wanted. */
async function filled(folder: string, count: number, database?: string): Promise<Served> {
  const first = await serve(folder, database)
  await first.call('POST', '/users', person('p0'))
  await first.stop()
  if (count > 1) multiply(join(folder, 'platform.db'), count)
  return serve(folder, database)
}

async function sizes(home: string): Promise<Row[]> {
  const few = await filled(join(home, 'few'), FEW)
  const many = await filled(join(home, 'many'), MANY)
  try {
    const rows: Row[] = []
    for (const [what, path] of CASES) {
      const calls = (served: Served, count: number) =>
        repeat(CALLS, (index) => served.call('GET', path(Math.floor(((index + 0.5) * count) / CALLS))))
      // Once before, so that neither reads from the disk what the other has in memory.
      await Promise.all([calls(few, FEW)(0), calls(many, MANY)(0)])
      const { ours, theirs } = await interleaved(ROUNDS, { ours: calls(many, MANY), theirs: calls(few, FEW) })
      const unit = 'ms'
      rows.push(
        row({
          what,
          ours: ours / CALLS,
          theirs: theirs / CALLS,
          against: '1,000 users',
          unit,
          goal: '<= 1.5',
        }),
      )
    }
    return rows
  } finally {
    await Promise.all([few.stop(), many.stop()])
  }
}

const after = (position: number) => Buffer.from(`after:${position}`).toString('base64url')
const CASES: readonly (readonly [what: string, path: (position: number) => string])[] = [
  ['page of 100 out of 1,000,000 users', (n) => `/users?$top=100&$skiptoken=${after(Math.max(0, n - 100))}`],
  ['the first page of 100, ordered by name', () => '/users?$top=100&$orderby=displayName'],
  [
    'lookup by employee id',
    (n) => `/users?$select=id&$filter=${encodeURIComponent(`employeeId eq 'p${n + 1}'`)}`,
  ],
  ['lookup by principal name', (n) => `/users/p${n + 1}@contoso.example?$select=id`],
  ['delta query with nothing new', () => '/users/delta?$deltatoken=latest'],
]

async function batches(home: string): Promise<Row[]> {
  const served = await filled(join(home, 'batches'), 1)
  const rows: Row[] = []
  try {
    const bare = async (round: number) => {
      const file = join(home, `bare-${round}.db`)
      // A copy of the other directory, which nothing has open.
      await copyFile(join(home, 'few', 'platform.db'), file)
      return bareInserts(file, BATCHES)
    }
    rows.push(await created('SQLite', served, { beside: () => 0, bare }))
  } finally {
    await served.stop()
  }
  return [...rows, ...(await batchesOnPostgres(home))]
}

async function batchesOnPostgres(home: string): Promise<Row[]> {
  const server = await measuredPostgres()
  if (!server) return []
  try {
    const [database, other] = [await server.database('ours'), await server.database('bare')]
    await (await filled(join(home, 'postgres-bare'), 1, other)).stop()
    const served = await filled(join(home, 'postgres'), 1, database)
    try {
      const bare = (round: number) => bareStatements(other, BATCHES, { server, round })
      return [await created('PostgreSQL and its server', served, { beside: () => server.cpuMs(), bare })]
    } finally {
      await served.stop()
    }
  } finally {
    await server.stop()
  }
}

interface Floor {
  /** Milliseconds of CPU that others have had for the platform. */
  readonly beside: () => number
  /** Inserts rows, and resolves with the milliseconds of CPU that each takes. */
  readonly bare: (round: number) => Promise<number>
}

async function created(where: string, served: Served, { beside, bare }: Floor): Promise<Row> {
  const ours: number[] = []
  const theirs: number[] = []
  const cpuMs = async () => (await served.cpuMs()) + beside()
  for (let round = 0; round < BATCH_ROUNDS; round++) {
    const before = await cpuMs()
    for (let batch = 0; batch < BATCHES; batch++)
      await served.call('POST', '/$batch', batchOf(`${round}-${batch}`))
    ours.push(((await cpuMs()) - before) / (BATCHES * 20))
    theirs.push(await bare(round))
  }
  const [here, there] = [1 / median(ours), 1 / median(theirs)]
  const measured = { against: 'bare inserts of 20', unit: 'persons per ms of CPU', goal: '>= 0.15' }
  return row({ what: `created by $batch of 20, ${where}`, ours: here, theirs: there, ...measured })
}

const batchOf = (name: string) => ({
  requests: Array.from({ length: 20 }, (_, n) => ({
    id: String(n),
    method: 'POST',
    url: '/users',
    headers: { 'Content-Type': 'application/json' },
    body: person(`u${name}-${n}`.slice(0, 16)),
  })),
})
