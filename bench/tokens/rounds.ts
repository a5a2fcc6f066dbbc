import { median } from '../row.ts'

/** Does the work once; `round` counts from 0. */
export type Work = (round: number) => Promise<unknown>

/** Runs the works in turn, round by round, and resolves with the median milliseconds of each, by name. */
export async function interleaved<Name extends string>(
  rounds: number,
  works: Readonly<Record<Name, Work>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(works) as Name[]
  const times = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    // Whoever comes after the heavy one pays for its garbage; so each begins a round as often as the others.
    const turn = names.map((_, place) => names[(place + round) % names.length] as Name)
    for (const name of turn) {
      const startMs = performance.now()
      await works[name](round)
      times.get(name)?.push(performance.now() - startMs)
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name) ?? [])])) as Record<
    Name,
    number
  >
}

/** Calls one after another, as many times. */
export const repeat =
  (times: number, call: (index: number) => Promise<unknown>): Work =>
  async () => {
    for (let index = 0; index < times; index++) await call(index)
  }
