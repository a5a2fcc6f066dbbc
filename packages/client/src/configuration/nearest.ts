const CHARACTERS_MAX = 60
// A shorter beginning fits too many words.
const BEGINNING_CHARACTERS_MIN = 4

/**
 * Returns the word that was probably meant by one that is not among those known: letter case, `_` and `-` aside, the one that
 * it begins, or the one with the fewest differing letters, a third of its length at most.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > CHARACTERS_MAX) return undefined
  const plain = plainly(word)
  const begun = known.find((name) => plainly(name).startsWith(plain))
  if (begun !== undefined && plain.length >= BEGINNING_CHARACTERS_MIN) return begun
  const near = known
    .map((name) => ({ name, distance: editDistance(plain, plainly(name)) }))
    .filter(({ name, distance }) => distance <= name.length / 3)
  return near.sort((one, other) => one.distance - other.distance)[0]?.name
}

const plainly = (word: string) => word.toLowerCase().replaceAll(/[_-]/g, '')

/** How many letters have to be added, removed or replaced (Levenshtein). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= other.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
