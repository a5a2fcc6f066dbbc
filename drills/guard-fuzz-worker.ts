// A part of the wild headers of guard-fuzz.drill.ts, in a thread of its own.
import { generateKeyPairSync } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { createGuard, GuardRefusal, type KeySource } from '@tomte/guard'
import {
  AUDIENCE,
  GOOD,
  GOOD_AT,
  handmade,
  KID,
  NOW_SECONDS,
  ROLE,
  trusting,
} from '../packages/guard/src/test-support.ts'
import { seeded, type Stock, wildHeader } from '../packages/guard/src/wild-test-support.ts'
import { COSTLY_MS, type Fared, type Part } from './guard-fuzz.drill.ts'

const REPEATS = 3

async function fuzz({ seed, headers }: Part): Promise<Fared> {
  const { judge, stock } = scene()
  const chance = seeded(seed)
  let failed = 0
  let costly = 0
  let longestMs = 0
  for (let number = 0; number < headers; number++) {
    const header = wildHeader(chance, stock)
    const startMs = performance.now()
    const refused = await judge(header)
    const ms = performance.now() - startMs
    if (!refused) failed++
    // A machine that is busy makes any of them slow once.
    const leastMs = ms > COSTLY_MS ? await leastCostMs(() => judge(header)) : ms
    longestMs = Math.max(longestMs, leastMs)
    if (leastMs > COSTLY_MS) costly++
  }
  return { failed, costly, longestMs }
}

/** The CPU that the work takes, in the best of its repeats. */
async function leastCostMs(work: () => Promise<unknown>): Promise<number> {
  let leastMs = Number.POSITIVE_INFINITY
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const before = process.threadCpuUsage()
    await work()
    const { user, system } = process.threadCpuUsage(before)
    leastMs = Math.min(leastMs, (user + system) / 1000)
  }
  return leastMs
}

/** A guard, and good tokens for it to be changed; resolves with whether a header was refused as it should be. */
function scene(): { readonly judge: (header: string) => Promise<boolean>; readonly stock: Stock } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys: KeySource = { find: (kid) => (kid === KID ? { key: publicKey } : undefined) }
  const now = () => NOW_SECONDS * 1000
  const guard = createGuard({ audience: [AUDIENCE], issuers: trusting(keys), now })
  const claims = [GOOD['1.0'], GOOD['2.0'], { ...GOOD_AT, roles: [ROLE] }]
  const tokens = claims.map((each, index) =>
    handmade(privateKey, { alg: 'RS256', kid: KID, typ: index === 2 ? 'at+jwt' : 'JWT' }, each),
  )
  const judge = async (header: string) => {
    try {
      await guard.admit(header, { applications: 'any application', users: 'any user' })
      return false
    } catch (error) {
      return error instanceof GuardRefusal
    }
  }
  return { judge, stock: { tokens, claims } }
}

parentPort?.postMessage(await fuzz(workerData as Part))
