import type { RunCheckpoints, StoredStep } from '../engine/engine.ts'

/** Steps and a ledger that are gone when the rehearsal is: nothing of it may be taken for a checkpoint. */
export function memoryCheckpoints(): RunCheckpoints {
  const steps = new Map<string, string>()
  const collections = new Map<string, Map<string, string>>()
  const sorted = new Map<string, readonly string[]>()
  const entry = (collection: string, key: string): [string, unknown][] => {
    const text = collections.get(collection)?.get(key)
    return text === undefined ? [] : [[key, JSON.parse(text) as unknown]]
  }
  const keysOf = (collection: string) => {
    const known = sorted.get(collection)
    const keys = known ?? [...(collections.get(collection)?.keys() ?? [])].toSorted()
    sorted.set(collection, keys)
    return keys
  }
  return {
    async step(_, name) {
      const text = steps.get(name)
      return text === undefined ? undefined : (JSON.parse(text) as StoredStep)
    },
    async saveStep(_, name, { finished, value }, entries) {
      steps.set(name, JSON.stringify({ finished, value: value ?? null }))
      for (const [collection, values] of Object.entries(entries)) {
        const kept = collections.get(collection) ?? new Map<string, string>()
        collections.set(collection, kept)
        for (const [key, value] of Object.entries(values)) kept.set(key, JSON.stringify(value ?? null))
        sorted.delete(collection)
      }
    },
    findEntries: async (_, collection, keys) => new Map(keys.flatMap((key) => entry(collection, key))),
    async pageEntries(_, collection, after, limit) {
      const keys = keysOf(collection)
      const start = firstAfter(keys, after)
      return new Map(keys.slice(start, start + limit).flatMap((key) => entry(collection, key)))
    },
  }
}

/** The place of the first key that is greater, by halving. */
function firstAfter(keys: readonly string[], after: string): number {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle] ?? '') > after) high = middle
    else low = middle + 1
  }
  return low
}
