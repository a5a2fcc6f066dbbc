/** One thing that was done to a program under load, and how its calls fared. */
export interface Row {
  readonly what: string
  readonly calls: number
  readonly failed: number
  /** Of any call, in milliseconds of the machine's clock. */
  readonly longestWaitMs: number
  readonly tokenRequests: number
  /** How long after the end of the trouble every token was renewed, in seconds of the drill's clock; absent if they were not. */
  readonly renewedAfterSeconds?: number | undefined
  /** Whether tokens are no part of the drill. */
  readonly withoutRenewals?: boolean | undefined
  /** What had to come out, as `0 failed, <= 40 token requests`. */
  readonly goal: string
  readonly met: boolean
}

/** How long and how hard a drill is. */
export interface DrillOptions {
  /** Makes the chances of a run repeatable. */
  readonly seed: number
  /** How much faster than the machine's the drill's clock runs. */
  readonly speed?: number | undefined
}

/** What `drill()` of each drill resolves with. */
export interface DrillResult {
  readonly drill: string
  readonly rows: readonly Row[]
}

const COLUMNS: readonly (readonly [head: string, cell: (row: Row) => string | number])[] = [
  ['what', ({ what }) => what],
  ['calls', ({ calls }) => calls],
  ['failed', ({ failed }) => failed],
  ['longest wait, ms', ({ longestWaitMs }) => Math.round(longestWaitMs)],
  ['token requests', ({ tokenRequests }) => tokenRequests],
  [
    'renewed after, s',
    ({ renewedAfterSeconds, withoutRenewals }) =>
      renewedAfterSeconds?.toFixed(1) ?? (withoutRenewals ? '–' : 'never'),
  ],
  ['goal', ({ goal }) => goal],
  ['met', ({ met }) => (met ? 'yes' : 'NO')],
]

/** The rows as a table of Markdown, as bench/DRILLS.md keeps them. */
export function table(rows: readonly Row[]): string {
  const lines = [
    COLUMNS.map(([head]) => head),
    COLUMNS.map(() => '---'),
    ...rows.map((row) => COLUMNS.map(([, cell]) => String(cell(row)))),
  ]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
