import { randomUUID } from 'node:crypto'
import { GraphError } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import type { Entry } from './shape.ts'

/** What a seed stands on. */
export interface Seeding {
  readonly db: Database
  readonly nowMs: number
  /** Where `secretEnv` and `passwordEnv` are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** What the steps of a seed share: what is there, and what contradicts it. */
export interface SeedContext extends Seeding {
  readonly tenantId: string
  readonly faults: string[]
}

/** The ids that the parts of an entry hang on. */
export interface Parent {
  readonly id: string
  readonly appId: string
}

/** The id that the file states, or a new one. */
export function idOf(entry: Entry, name = 'id'): string {
  const stated = entry[name]
  return typeof stated === 'string' ? stated : randomUUID()
}

/** A text that an entry states, or what it is otherwise. */
export const textIn = (entry: Entry, name: string, otherwise = ''): string =>
  typeof entry[name] === 'string' ? entry[name] : otherwise

/** Does what the rules of Graph may refuse, and makes the refusal a fault at this path. */
export async function refusing<T>(
  { faults }: Pick<SeedContext, 'faults'>,
  path: string,
  write: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await write()
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    faults.push(`${path}: ${error.message}`)
    return undefined
  }
}
