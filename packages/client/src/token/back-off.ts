const FIRST_MS = 250
// An authority that is back should be found within a few seconds, by however many callers wait for it.
const MAX_MS = 5_000

/** How long to wait after the given failed attempt (1 for the first): doubling, at most 5 s, the half of it by chance. */
export function backOffMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(FIRST_MS * 2 ** (attempt - 1), MAX_MS)
  return ceiling / 2 + (random() * ceiling) / 2
}
