import type { Engine, NewRun, RunState, Taken } from './engine.ts'

const PASSED_OVER = new Set<RunState>(['skipped', 'superseded'])
const LOOKED_AT = 100

/** Nobody else has the file, so there is no state in which the run would be somebody else's. */
export async function takeAlone(engine: Engine, run: NewRun): Promise<Taken> {
  while ((await engine.recover()).length > 0);
  const aside = await asideRun(engine, run)
  const id = (aside ? (await engine.retry(aside)).id : (await engine.enqueue([run]))[0]?.id) ?? ''
  return { id, claimed: await engine.claimRun(id) }
}

/** The latest run, if it is of the same work and was put aside: its checkpoint is where to go on. */
async function asideRun(engine: Engine, { job, tenant, key }: NewRun): Promise<string | undefined> {
  const runs = await engine.runs({ job, tenant, limit: LOOKED_AT })
  const latest = runs.find(({ state }) => !PASSED_OVER.has(state))
  return latest?.state === 'dead' && latest.key === key ? latest.id : undefined
}
