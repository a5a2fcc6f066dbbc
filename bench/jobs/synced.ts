import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Row, row } from '../row.ts'

const PROCESS = fileURLToPath(new URL('./synced-process.ts', import.meta.url))
// So few that SQLite moves nothing from its log into the database meanwhile, which is a sync of no commit.
const COUNT = 40

/** How often the system was told to sync a file, by a process that does something so many times. */
async function syncs(home: string, what: 'runs' | 'saves', count: number): Promise<number> {
  const folder = await mkdtemp(join(home, 'synced-'))
  const trace = join(folder, 'trace')
  const node = [process.execPath, '--conditions=@tomte/source', PROCESS, folder, what, String(count)]
  const traced = ['-f', '-qq', '-e', 'trace=fsync,fdatasync', '-o', trace, ...node]
  const { status, stderr } = spawnSync('strace', traced, { encoding: 'utf8', timeout: 60_000 })
  if (status !== 0)
    throw new Error(`Cannot count syncs, as strace is needed: it ended with ${status} ${stderr}`)
  const lines = (await readFile(trace, 'utf8')).split('\n')
  return lines.filter((line) => /\bf(?:data)?sync\(/.test(line)).length
}

/** How many synced commits a run that does nothing costs, and a cursor that is saved. */
export async function syncedCommits(home: string): Promise<Row[]> {
  const rows: Row[] = []
  for (const [what, of, limit, goal] of [
    ['synced commits of a no-op run, embedded', 'runs', 2, '<= 2'],
    ['synced commits of a saved cursor, embedded', 'saves', 1, '<= 1'],
  ] as const) {
    const ours = ((await syncs(home, of, COUNT)) - (await syncs(home, of, 0))) / COUNT
    rows.push(row({ what, ours, theirs: limit, against: 'limit', unit: 'commits', goal }))
  }
  return rows
}
