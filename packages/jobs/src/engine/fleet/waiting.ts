import { lockJob } from './enqueue.ts'
import { jobIdSql } from './queue.ts'
import type { FleetStore } from './store.ts'

/** Lets those runs into the queue that wait for others of their job and tenant, once these have ended: the oldest goes next. */
export async function wakeWaiting(store: FleetStore): Promise<void> {
  const { queue, database } = store
  const waiting = await database.query<{ job: string }>(
    "select distinct job from run where state = 'queued' and waits_for = 'others'",
  )
  for (const { job } of waiting) {
    await database.transaction(async (query) => {
      await lockJob(store, query, job)
      const woken = await query(
        `with next as (select distinct on (w.tenant) w.id, w.tenant from run w
           where w.job = $1 and w.state = 'queued' and w.waits_for = 'others'
           and not exists (select from run o where o.job = $1 and o.tenant = w.tenant and o.state = 'queued'
             and o.waits_for <> 'others')
           order by w.tenant, w.id),
         freed as (update ${queue.table} j set blocked = false from next n
           where j.name = $1 and j.id = ${jobIdSql('n.id')})
         update run r set waits_for = '' from next n where r.id = n.id returning r.id`,
        [job],
      )
      if (woken.length > 0) await store.tell(query, undefined)
    })
  }
}
