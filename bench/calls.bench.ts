// What a call to a web API costs beside its network: ours, undici alone, and Microsoft Graph's JavaScript client.
import { startDirectory } from './calls/directory.ts'
import { smallGet } from './calls/get.ts'
import { longList } from './calls/memory.ts'
import type { BenchResult } from './row.ts'

export async function bench(): Promise<BenchResult> {
  const directory = await startDirectory()
  try {
    return { bench: 'calls', rows: [...(await smallGet(directory)), ...(await longList(directory))] }
  } finally {
    directory.stop()
  }
}
