// Twenty thousand people go into a directory, as fast as it lets them: ours beside Microsoft Graph's JavaScript client.
import { startDirectory } from './calls/directory.ts'
import { provision } from './calls/people.ts'
import type { BenchResult } from './row.ts'

export async function bench(): Promise<BenchResult> {
  const directory = await startDirectory()
  try {
    return { bench: 'provision', rows: await provision(directory) }
  } finally {
    directory.stop()
  }
}
