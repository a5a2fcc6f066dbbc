// Databases of PostgreSQL for tests, each of its own, on the server that a test is given.
import { randomUUID } from 'node:crypto'
import { Client, type QueryResultRow } from 'pg'

/** A database that a test has for itself. */
export interface OwnDatabase {
  readonly url: string
  readonly name: string
  remove(): Promise<void>
}

/** Makes a database on the server of this address; `settings` follow its name in `create database`. */
export async function ownDatabase(url: string, settings = ''): Promise<OwnDatabase> {
  const name = `tomte_${randomUUID().replaceAll('-', '')}`
  await statement(url, `create database ${name} ${settings}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return {
    url: own.href,
    name,
    remove: async () => void (await statement(url, `drop database ${name} with (force)`)),
  }
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
