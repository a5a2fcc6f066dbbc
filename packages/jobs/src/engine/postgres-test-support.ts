// Databases of PostgreSQL for tests, each of its own, on the server that a test is given.
import { randomUUID } from 'node:crypto'
import { Client, type QueryResultRow } from 'pg'

/** A database that a test has for itself. */
export interface OwnDatabase {
  readonly url: string
  remove(): Promise<void>
}

/** Makes a database on the server of this address. */
export async function ownDatabase(server: string): Promise<OwnDatabase> {
  const name = `tomte_${randomUUID().replaceAll('-', '')}`
  const url = new URL(server)
  await statement(url.href, `create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return {
    url: own.href,
    remove: async () => void (await statement(url.href, `drop database ${name} with (force)`)),
  }
}

/** Forgets all runs of a daemon, which is quicker than to make another database. */
export async function emptyDatabase(url: string, name = 'daemon'): Promise<void> {
  const [runs, queue] = [`tomte_jobs_${name}`, `tomte_jobs_${name}_queue`]
  const tables = ['run', 'step', 'entry', 'schedule', 'pause', 'turn'].map((table) => `${runs}.${table}`)
  const deletions = [...tables, `${queue}.job`].map((table) => `delete from ${table}`)
  await statement(url, deletions.join('; '))
}

/** Runs one statement on a connection of its own. */
export async function statement(
  connectionString: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly QueryResultRow[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    return (await client.query<QueryResultRow>(text, [...values])).rows
  } finally {
    await client.end()
  }
}
