import { randomUUID } from 'node:crypto'
import { Client } from 'pg'

/** Lends a database of its own on the PostgreSQL of this address. */
export async function withDatabase<T>(server: string, act: (url: string) => Promise<T>): Promise<T> {
  const name = `tomte_${randomUUID().replaceAll('-', '')}`
  const own = new URL(server)
  own.pathname = `/${name}`
  await statement(server, `create database ${name}`)
  try {
    return await act(own.href)
  } finally {
    await statement(server, `drop database ${name} with (force)`)
  }
}

/** Runs one statement on a connection of its own. */
export async function statement(connectionString: string, text: string): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
