// What a long list costs in memory: nothing that grows with its length.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Row, row } from '../row.ts'
import type { ScriptedDirectory } from './directory.ts'

const USERS = 1_000_000

export async function longList(directory: ScriptedDirectory): Promise<Row[]> {
  await directory.control({ users: USERS })
  const program = join(import.meta.dirname, 'memory-process.ts')
  const options = ['--expose-gc', '--conditions=@tomte/source', program, directory.origin, String(USERS)]
  const child = spawn(process.execPath, options, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(directory.ca)
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const { grownMib } = JSON.parse(printed) as { grownMib: number }
  const what = 'resident memory from page 10 to the end of 1,000,000 users'
  return [
    row({ what, ours: Math.max(0.1, grownMib), theirs: 60, against: 'limit', unit: 'MiB', goal: '<= 60' }),
  ]
}
