// What the tests of the logs ask: the logs' routes, as an application that may read them.
import assert from 'node:assert/strict'
import { type Json, makeKey, type World } from '../test-support.ts'

/** Reads pages of a log. */
export interface LogReader {
  readonly token: string
  /** The rows of one page. */
  rows(path: string): Promise<readonly Json[]>
  page(path: string): Promise<Json>
}

export async function openLogs(world: World): Promise<LogReader> {
  const reader = await world.register(await makeKey(world.clock.ms), {
    displayName: 'log reader',
    roles: ['AuditLog.Read.All'],
  })
  const token = await world.token(reader)
  const page = async (path: string): Promise<Json> => {
    const answer = await world.graph('GET', `/auditLogs${path}`, undefined, token)
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }
  return { token, page, rows: async (path) => (await page(path))['value'] as readonly Json[] }
}

/** A query string of these options. */
export const query = (options: Readonly<Record<string, string>>): string =>
  `?${new URLSearchParams(options).toString()}`
