/** Chance that can be repeated: the same seed always tells the same story, on every machine. */
export interface Random {
  /** A whole number from 0 up to, but not including, `max`. */
  int(max: number): number
  pick<T>(list: readonly T[]): T
  chance(probability: number): boolean
  /** A shuffled copy; the list itself stays as it is. */
  shuffle<T>(list: readonly T[]): T[]
}

/** Makes a generator (mulberry32) that is ample for test data, and for nothing that has to be secret. */
export function seededRandom(seed: number): Random {
  const next = mulberry32(seed)
  const int = (max: number) => Math.floor(next() * max)
  return {
    int,
    pick(list) {
      if (list.length === 0) throw new RangeError('Cannot pick from an empty list')
      return list[int(list.length)]!
    },
    chance: (probability) => next() < probability,
    shuffle<T>(list: readonly T[]) {
      const rest = [...list]
      const shuffled: T[] = []
      while (rest.length > 0) shuffled.push(...rest.splice(int(rest.length), 1))
      return shuffled
    },
  }
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
