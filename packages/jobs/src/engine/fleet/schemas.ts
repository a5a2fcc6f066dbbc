import { createHash } from 'node:crypto'

/** Where a daemon's data is, inside of one database: its runs, and the queue of pg-boss that is its alone. */
export interface Schemas {
  readonly runs: string
  readonly queue: string
}

const PLAIN = /^[a-z][a-z0-9_]{0,29}$/

/** The schemas of a daemon; other names have others, and so has whoever else uses pg-boss in the same database. */
export function schemasOf(name: string): Schemas {
  const runs = `tomte_jobs_${PLAIN.test(name) ? name : shortened(name)}`
  return { runs, queue: `${runs}_queue` }
}

const shortened = (name: string): string =>
  `${name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 20)}_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
