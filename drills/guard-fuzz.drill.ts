// Ten million wild headers at the guard: none may be let in, none may throw anything but a refusal, and none may cost more than
// 5 ms of CPU in each of three repeats. Two threads take half each, as one would need more than ten minutes.
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { DrillOptions, DrillResult } from './row.ts'

const HEADERS = 10_000_000
const THREADS = 2

/** More CPU than any header may cost, in milliseconds. */
export const COSTLY_MS = 5

export interface FuzzOptions extends DrillOptions {
  /** Default: ten million. */
  readonly headers?: number | undefined
}

/** What one thread is to do. */
export interface Part {
  readonly seed: number
  readonly headers: number
}

/** And what came out. */
export interface Fared {
  readonly failed: number
  readonly costly: number
  readonly longestMs: number
}

export async function drill({ seed, headers = HEADERS }: FuzzOptions): Promise<DrillResult> {
  const parts = await Promise.all(
    Array.from({ length: THREADS }, async (_, index) =>
      part({ seed: seed * THREADS + index, headers: headers / THREADS }),
    ),
  )
  const sum = (of: (fared: Fared) => number) => parts.reduce((total, each) => total + of(each), 0)
  const [failed, costly] = [sum((each) => each.failed), sum((each) => each.costly)]
  const row = {
    what: `${headers.toLocaleString('en')} wild headers`,
    calls: headers,
    failed,
    longestWaitMs: Math.max(...parts.map(({ longestMs }) => longestMs)),
    tokenRequests: 0,
    withoutRenewals: true,
    goal: `0 let in or thrown, 0 over ${COSTLY_MS} ms of CPU`,
    met: failed === 0 && costly === 0,
  }
  return { drill: 'guard-fuzz', rows: [row] }
}

async function part(workerData: Part): Promise<Fared> {
  const worker = new Worker(join(import.meta.dirname, 'guard-fuzz-worker.ts'), { workerData })
  const [fared] = (await once(worker, 'message')) as [Fared]
  return fared
}
