// npm start is killed with its whole process group at ten moments of its walk, one after another, each on a new folder, and
// started again: what is asked of it is that the work ends as if nothing had happened.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { company, SEED } from '../examples/provision-users/hr/population.ts'
import { killedAndFinished, MOMENTS, OUTCOME } from '../examples/provision-users/killed-start-test-support.ts'
import type { DrillResult, Row } from './row.ts'

/** Kills at every moment. */
export async function drill(): Promise<DrillResult> {
  const { expected } = company(SEED)
  const rows: Row[] = []
  for (const moment of MOMENTS) {
    const folder = await mkdtemp(join(tmpdir(), 'tomte-drill-'))
    const startMs = performance.now()
    try {
      const { outcome, people, employees } = await killedAndFinished(folder, moment)
      const met =
        isDeepStrictEqual(outcome, OUTCOME) &&
        people === expected.directory.after &&
        new Set(employees).size === employees.length
      rows.push({
        what: `killed ${moment.when}`,
        calls: people,
        failed: met ? 0 : 1,
        longestWaitMs: performance.now() - startMs,
        tokenRequests: 0,
        withoutRenewals: true,
        goal: 'the same counts, everybody once',
        met,
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  return { drill: 'start-kill', rows }
}
