// Tenants take turns: start-time fair queuing, written into the one number by which pg-boss orders a queue.

/** How many turns fit between one priority and the next: 201 priorities share the 32 bits of pg-boss's. */
export const TURNS_MAX = 21_000_000

/** When there is nothing queued and so many turns have been taken, they begin again. */
export const TURNS_RESET = 1_000_000

/** pg-boss starts the highest first: our priority decides, and within it the lower turn. */
export const rankOf = (priority: number, turn: number): number =>
  priority * TURNS_MAX - Math.min(Math.max(0, turn), TURNS_MAX - 1)

/** The lowest rank of a priority. */
export const lowestRank = (priority: number): number => rankOf(priority, TURNS_MAX - 1)

/** Where the turns of one job and priority stand. */
export interface Turns {
  /** The turn of the first run that is queued and due, if there is one. */
  readonly front: number | undefined
  /** The turn after the last that was given. */
  readonly end: number
  /** The turn after the last that was given to each tenant. */
  readonly tenants: ReadonlyMap<string, number>
}

/** Gives a turn to each run, in the order of their tenants; returns those, and where the turns stand then. */
export function takeTurns(
  turns: Turns,
  of: readonly string[],
): {
  readonly turns: readonly number[]
  readonly end: number
  readonly tenants: ReadonlyMap<string, number>
} {
  // A tenant that comes now has the turn that is served now: it neither waits for turns that others have been given, nor is
  // it paid for the time in which it asked for nothing.
  const now = turns.front ?? turns.end
  const tenants = new Map<string, number>()
  let end = turns.end
  const given = of.map((tenant) => {
    const turn = Math.max(now, tenants.get(tenant) ?? turns.tenants.get(tenant) ?? 0)
    tenants.set(tenant, turn + 1)
    end = Math.max(end, turn + 1)
    return turn
  })
  return { turns: given, end, tenants }
}
