// What it costs to guard an API: ours beside the libraries that people take, and the least that does the same work. Every part
// interleaves its sides, so that what else the machine does falls on all.
import { neverSeen, seen } from './guard/judged.ts'
import { flatMemory } from './guard/memory.ts'
import { wholeRequest } from './guard/request.ts'
import { newKeys } from './guard/tokens.ts'
import type { BenchResult } from './row.ts'

export async function bench(): Promise<BenchResult> {
  const keys = newKeys()
  const rows = [
    // Each of 20,000 tokens is judged once: the whole walk.
    ...(await neverSeen(keys)),
    // What most requests bring.
    ...(await seen(keys)),
    // And what of it is left in a whole request.
    ...(await wholeRequest(keys)),
    // Whether a daemon that gets a new token for each call makes the API grow.
    ...(await flatMemory()),
  ]
  return { bench: 'guard', rows }
}
