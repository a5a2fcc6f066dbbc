import type { RunCheckpoints, StoredStep } from '../engine/engine.ts'

/**
 * Steps and a ledger that are gone when the rehearsal is: nothing of it may be taken for a checkpoint.
 *
 * @param before What the rehearsal goes on from, and leaves as it is. Default: nothing.
 */
export function memoryCheckpoints(before?: RunCheckpoints): RunCheckpoints {
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
    async step(run, name) {
      const text = steps.get(name)
      return text === undefined ? before?.step(run, name) : (JSON.parse(text) as StoredStep)
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
    async findEntries(run, collection, keys) {
      const found = (await before?.findEntries(run, collection, keys)) ?? new Map<string, unknown>()
      for (const [key, value] of keys.flatMap((each) => entry(collection, each))) found.set(key, value)
      return found
    },
    async pageEntries(run, collection, after, limit) {
      const keys = keysOf(collection)
      const start = firstAfter(keys, after)
      const own = keys.slice(start, start + limit).flatMap((key) => entry(collection, key))
      const earlier = (await before?.pageEntries(run, collection, after, limit)) ?? []
      // Of the first so many of each, the first so many of both.
      const both = [...new Map([...earlier, ...own])].toSorted(([one], [other]) => (one < other ? -1 : 1))
      return new Map(both.slice(0, limit))
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
