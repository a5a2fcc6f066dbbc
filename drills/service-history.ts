import { openDesk, type RunRecord } from '@tomte/jobs'

/** What the history of a daemon that has ended says, read back from its file. */
export interface HistoryFacts {
  readonly runs: number
  readonly finished: number
  /** Firings of the schedule that have more than one run. */
  readonly doubled: number
  /** Runs that are neither finished nor decided on: the last ones may wait. */
  readonly unfinished: number
  readonly dead: number
  readonly deaths: number
  readonly failures: number
  readonly tokenRequests: number
  readonly longestGapMs: number
}

const PAGE = 500

/** Reads every run, page by page. */
async function allRuns(dataFolder: string): Promise<readonly RunRecord[]> {
  const desk = await openDesk({
    load: async () => ({ apis: {}, jobs: {} }),
    dataFolder,
    environment: {},
  })
  try {
    const runs: RunRecord[] = []
    for (let before: string | undefined; ; before = runs.at(-1)?.id) {
      const page = await desk.runs({ limit: PAGE, before })
      runs.push(...page)
      if (page.length < PAGE) return runs
    }
  } finally {
    await desk.close()
  }
}

export async function readHistory(dataFolder: string): Promise<HistoryFacts> {
  const runs = await allRuns(dataFolder)
  const count = (state: string) => runs.filter((run) => run.state === state).length
  const sum = (of: (run: RunRecord) => number) => runs.reduce((total, run) => total + of(run), 0)
  const firings = runs.flatMap(({ firingMs }) => firingMs ?? [])
  const ends = runs
    .flatMap(({ endedAtMs, state }) => (state === 'finished' ? (endedAtMs ?? []) : []))
    .toSorted((one, other) => one - other)
  return {
    runs: runs.length,
    finished: count('finished'),
    doubled: firings.length - new Set(firings).size,
    unfinished: count('queued') + count('running'),
    dead: count('dead'),
    deaths: sum(({ deaths }) => deaths),
    failures: sum(({ failures }) => failures),
    tokenRequests: sum(({ traffic }) => traffic.tokenRequests),
    longestGapMs: Math.max(0, ...ends.map((end, index) => end - (ends[index - 1] ?? end))),
  }
}
