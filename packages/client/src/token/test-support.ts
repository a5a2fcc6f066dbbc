// Time that moves only when a test moves it, and an authority that answers when a test says so.
import type { Clock } from '../clock.ts'
import { UnavailableError } from '../errors.ts'
import { TokenCache } from './cache.ts'
import { type KeeperOptions, TokenKeeper } from './keeper.ts'
import type { Token } from './token.ts'

export const START_MS = Date.UTC(2026, 8, 21)

/** Lets everything run that waits for no time. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

export interface VirtualClock extends Clock {
  /** Moves time on, waking sleepers and ending time limits at their own moments, in order. */
  advance(ms: number): Promise<void>
  /** The moments, from now, that somebody sleeps until. */
  sleepers(): number[]
}

interface Alarm {
  readonly atMs: number
  readonly sleeper: boolean
  readonly ring: () => void
}

export function virtualClock(startMs = START_MS): VirtualClock {
  let nowMs = startMs
  const alarms = new Set<Alarm>()
  const set = (ms: number, sleeper: boolean, ring: () => void): Alarm => {
    const alarm = { atMs: nowMs + ms, sleeper, ring }
    alarms.add(alarm)
    return alarm
  }
  const nextBy = (endMs: number) =>
    [...alarms].filter(({ atMs }) => atMs <= endMs).sort((one, other) => one.atMs - other.atMs)[0]
  return {
    now: () => nowMs,
    sleepers: () => [...alarms].filter(({ sleeper }) => sleeper).map(({ atMs }) => atMs - nowMs),
    after(ms, end) {
      const alarm = set(ms, false, end)
      return () => alarms.delete(alarm)
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const abort = () => {
          alarms.delete(alarm)
          reject(signal?.reason)
        }
        const alarm = set(ms, true, () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        })
        signal?.addEventListener('abort', abort, { once: true })
      }),
    async advance(ms) {
      const endMs = nowMs + ms
      await settled()
      for (let alarm = nextBy(endMs); alarm; alarm = nextBy(endMs)) {
        alarms.delete(alarm)
        nowMs = alarm.atMs
        alarm.ring()
        await settled()
      }
      nowMs = endMs
    },
  }
}

/** One request that the authority has received and not yet answered. */
export interface Pending {
  readonly tenant: string
  readonly scope: string
  readonly claims: string | undefined
  readonly grant: (facts?: Partial<Token>) => Promise<void>
  readonly fail: (error: Error) => Promise<void>
}

export const down = (retryAfterMs?: number) =>
  new UnavailableError('The authority is down', { code: 'http_503', retryAfterMs })

/** A keeper at an authority that a test answers for; tokens are named after their number and live for an hour. */
export function keeperAtHand(options: Partial<KeeperOptions> = {}) {
  const clock = virtualClock()
  const cache = new TokenCache()
  const asked: Pending[] = []
  const keeper = new TokenKeeper({
    cache,
    clock,
    random: () => 0,
    tell: () => {},
    acquire: ({ tenant, scope, claims }) =>
      new Promise((resolve, reject) => {
        const number = asked.length + 1
        const grant = (facts: Partial<Token> = {}) => {
          const nowMs = clock.now()
          const token = { expiresAtMs: nowMs + 3_600_000, refreshAtMs: nowMs + 1_800_000 }
          resolve({ accessToken: `token-${number}`, ...token, ...facts })
          return settled()
        }
        const fail = (error: Error) => {
          reject(error)
          return settled()
        }
        asked.push({ tenant, scope, claims, grant, fail })
      }),
    ...options,
  })
  const request = async (number: number) => {
    await settled()
    const found = asked[number - 1]
    if (!found) throw new RangeError(`the authority was asked ${asked.length} times, not ${number}`)
    return found
  }
  return { keeper, clock, cache, asked, request }
}

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
