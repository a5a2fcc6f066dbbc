// What it costs to judge a token that was never seen, and one that was.
import { bareVerify } from '../floors/verify.ts'
import { fastJwt, validators } from '../peers/validators.ts'
import { type Row, row } from '../row.ts'
import { interleaved, type Work } from '../tokens/rounds.ts'
import { guardOf, type Keys, ROLE, signed } from './tokens.ts'

const ROUNDS = 20
const TOKENS = 20_000
const SLICE = TOKENS / ROUNDS

/** By how much the fastest of the peers that keep nothing have to be passed; the others are there to compare. */
const GOALS: Readonly<Record<string, string>> = { 'fast-jwt': '>= 1.5', jose: '>= 1.5' }

/** As they come from a socket: a text that was never used before, each time. */
const arriving = (bytes: Buffer) => bytes.toString('latin1')

type Judge = (token: string) => unknown

const each =
  (tokens: (round: number) => readonly Buffer[], judge: Judge): Work =>
  async (round) => {
    for (const bytes of tokens(round)) await judge(arriving(bytes))
  }

/** The guard as its adapters call it, with the permission; a header is what it gets. */
function ours(keys: Keys): Judge {
  const guard = guardOf(keys)
  const required = [ROLE]
  return (header) => guard.judge(header, required)
}

export async function neverSeen(keys: Keys): Promise<Row[]> {
  const tokens = Array.from({ length: TOKENS }, (_, number) => Buffer.from(signed(number, keys)))
  const headers = tokens.map((token) => Buffer.from(`Bearer ${token.toString()}`))
  const part = (list: readonly Buffer[]) => (round: number) => list.slice(round * SLICE, (round + 1) * SLICE)
  const peers = Object.entries(await validators(keys))
  const ms = await interleaved(ROUNDS, {
    ours: each(part(headers), ours(keys)),
    bare: each(part(tokens), bareVerify(keys.publicKey)),
    ...Object.fromEntries(peers.map(([name, judge]) => [name, each(part(tokens), judge)])),
  })
  const speed = (name: string) => (SLICE / (ms[name as keyof typeof ms] ?? Number.NaN)) * 1000
  const measured = { what: 'never seen token', ours: speed('ours'), unit: 'tokens/s' }
  return [
    row({ ...measured, theirs: speed('bare'), against: 'bare crypto.verify', goal: '>= 0.75' }),
    ...peers.map(([name]) =>
      row({ ...measured, theirs: speed(name), against: name, goal: GOALS[name] ?? '>= 1' }),
    ),
  ]
}

const SEEN = 64
const CALLS = 20_000

export async function seen(keys: Keys): Promise<Row[]> {
  const tokens = Array.from({ length: SEEN }, (_, number) => Buffer.from(signed(number, keys)))
  const headers = tokens.map((token) => Buffer.from(`Bearer ${token.toString()}`))
  const round =
    (list: readonly Buffer[], calls: number, judge: Judge): Work =>
    async () => {
      for (let call = 0; call < calls; call++) {
        const judged = judge(arriving(list[call % SEEN] as Buffer))
        // Who answers at once is not made to wait.
        if (judged instanceof Promise) await judged
      }
    }
  const guard = guardOf(keys)
  const ms = await interleaved(21, {
    ours: round(headers, CALLS, ours(keys)),
    admit: round(headers, CALLS, (header) => guard.admit(header, [ROLE])),
    fast: round(tokens, CALLS, fastJwt(keys, true)),
    bare: round(tokens, CALLS / 20, bareVerify(keys.publicKey)),
  })
  const speed = (millis: number, calls = CALLS) => (calls / millis) * 1000
  const unit = 'tokens/s'
  const measured = { what: 'seen token', ours: speed(ms.ours), unit }
  const awaited = { what: 'seen token, by admit alone', ours: speed(ms.admit), unit }
  const bare = { theirs: speed(ms.bare, CALLS / 20), against: 'bare crypto.verify', goal: '>= 8' }
  const fast = { theirs: speed(ms.fast), against: 'fast-jwt, cache', goal: '>= 1.1' }
  return [
    row({ ...measured, ...fast }),
    row({ ...measured, ...bare }),
    row({ ...awaited, ...fast }),
    row({ ...awaited, ...bare }),
  ]
}
