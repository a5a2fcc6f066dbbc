// npm start, killed with its whole process group at a moment of its walk, and started again.
import { setTimeout as pause } from 'node:timers/promises'
import { startPlatform } from '@tomte/platform'
import { directoryPeople, document, startOnce } from './test-support.ts'

/** A moment of the walk, told by what has been printed; with a further wait it falls between two lines. */
export interface Moment {
  readonly when: string
  readonly printed: RegExp
  readonly waitMs: number
  /** Whether the tests kill at it too; the drill kills at all. */
  readonly inTests: boolean
}

const moment = (when: string, printed: RegExp, waitMs: number, inTests = false): Moment => ({
  when,
  printed,
  waitMs,
  inTests,
})

export const MOMENTS: readonly Moment[] = [
  moment('when the platform is ready', /^ready /m, 0),
  moment('while the directory is filled', /400\/711 people/, 20, true),
  moment('while the first managers are set', /\/658 managers/, 0),
  moment('while the daemon is registered', /has a directory of 711 people/, 5),
  moment('while the job is refused', /^3\. /m, 150),
  moment('just after consent', /^4\. /m, 0),
  moment('while the job starts', /^4\. /m, 450),
  moment('in the middle of the people', /500\/1000 people/, 15),
  moment('in the middle of the managers', /494\/988 managers|\d+\/988 managers/, 10, true),
  moment('near the end', /741\/988 managers|760\/988 managers/, 60),
]

/** What the job reports in the end, however often it was interrupted. */
export const OUTCOME = {
  code: 0,
  rows: 1000,
  created: 290,
  updated: 143,
  disabled: 25,
  unchanged: 555,
  rejected: 12,
  notInFile: 18,
} as const

/** Kills it at the moment, starts it again, and resolves with what that run reported and what is in the directory then. */
export async function killedAndFinished(folder: string, { printed, waitMs }: Moment) {
  const killed = startOnce(folder)
  await untilPrinted(killed, printed)
  await pause(waitMs)
  killed.kill()
  await killed.ended
  const next = await startOnce(folder).ended
  const { created, updated, disabled, unchanged, rejected, notInFile, rows } = document(next)
  const counts = { rows, created, updated, disabled, unchanged, rejected: rejected.length, notInFile }
  const platform = await startPlatform({ dataFolder: folder, port: 0 })
  try {
    const people = await directoryPeople(platform)
    const employees = people.flatMap(({ employeeId }) => (typeof employeeId === 'string' ? [employeeId] : []))
    return { outcome: { code: next.code, ...counts }, people: people.length, employees }
  } finally {
    await platform.close()
  }
}

async function untilPrinted({ ended, stderr }: ReturnType<typeof startOnce>, printed: RegExp): Promise<void> {
  let over = false
  void ended.then(() => (over = true))
  while (!printed.test(stderr())) {
    if (over) throw new Error(`It ended before ${String(printed)} was printed: ${stderr()}`)
    await pause(2)
  }
}
