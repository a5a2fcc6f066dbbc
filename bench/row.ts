/** One comparison: what was measured, ours and theirs in the same run, and whether the goal is met. */
export interface Row {
  readonly what: string
  readonly ours: number
  readonly theirs: number
  /** The name of the peer, of the floor, or `limit` for a fixed number. */
  readonly against: string
  readonly unit: string
  /** Ours divided by theirs. */
  readonly ratio: number
  /** Such as `<= 1.15` for the ratio, or for our number itself where theirs is a limit. */
  readonly goal: string
  readonly met: boolean
}

/** What `bench()` of each bench resolves with. */
export interface BenchResult {
  readonly bench: string
  readonly rows: readonly Row[]
}

/** Completes a row: works out the ratio, and holds the goal to it, or to our number where theirs is a limit. */
export function row(measured: Omit<Row, 'ratio' | 'met'>): Row {
  const { what, against, unit, goal } = measured
  const ours = round(measured.ours)
  const theirs = round(measured.theirs)
  // Nothing of nothing is what was wanted.
  const ratio = measured.ours === measured.theirs ? 1 : round(measured.ours / measured.theirs)
  return {
    what,
    ours,
    theirs,
    against,
    unit,
    ratio,
    goal,
    met: meets(against === 'limit' ? ours : ratio, goal),
  }
}

/** Keeps four digits, or tenths of larger numbers: no measurement here is better than that. */
function round(value: number): number {
  return Number(value >= 100 ? value.toFixed(1) : value.toPrecision(4))
}

function meets(value: number, goal: string): boolean {
  const [, sign, limit] = /^([<>])= ([\d.]+)$/.exec(goal) ?? []
  if (limit === undefined) throw new TypeError(`Cannot read the goal '${goal}': expected such as '<= 1.15'`)
  return sign === '<' ? value <= Number(limit) : value >= Number(limit)
}

/** The middle of the values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

/** Renders the rows for people, one line each. */
export function table(rows: readonly Row[]): string {
  const head = ['what', 'ours', 'theirs', 'unit', 'against', 'ratio', 'goal', 'met']
  const lines = rows.map((each) =>
    [
      each.what,
      each.ours,
      each.theirs,
      each.unit,
      each.against,
      each.ratio,
      each.goal,
      each.met ? 'yes' : 'NO',
    ].map(String),
  )
  const widths = head.map((name, column) =>
    Math.max(name.length, ...lines.map((line) => line[column]?.length ?? 0)),
  )
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
