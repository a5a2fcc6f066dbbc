import type { Token } from '../token/token.ts'
import type { StoredEntry } from './store.ts'

/** A token that was found in a store. */
export interface FoundToken extends Token {
  /** When it was put there, by the reader's clock. */
  readonly putAtMs: number
}

/** A token as the bytes that are sealed; `lifetimeMs` is what it is put with. */
export function entryBytes({ accessToken, expiresAtMs, refreshAtMs }: Token, lifetimeMs: number): Uint8Array {
  return Buffer.from(JSON.stringify({ accessToken, expiresAtMs, refreshAtMs, lifetimeMs }))
}

/**
 * Reads a token from opened bytes; `undefined` if they hold none. Its moments are the writer's. A writer's clock that runs
 * fast would keep a token in use beyond its end: what the store measured on one clock brings them forward, never back.
 */
export function readEntry(
  content: Uint8Array,
  { restMs }: Pick<StoredEntry, 'restMs'>,
  nowMs: number,
): FoundToken | undefined {
  const found = parsed(content)
  if (!found || !(restMs >= 0)) return undefined
  const { accessToken, expiresAtMs, refreshAtMs, lifetimeMs } = found
  const leftMs = Math.min(restMs, lifetimeMs)
  const aheadMs = Math.max(0, expiresAtMs - (nowMs + leftMs))
  return {
    accessToken,
    expiresAtMs: expiresAtMs - aheadMs,
    refreshAtMs: refreshAtMs - aheadMs,
    putAtMs: nowMs - (lifetimeMs - leftMs),
  }
}

interface Written extends Token {
  readonly lifetimeMs: number
}

function parsed(content: Uint8Array): Written | undefined {
  try {
    const read: unknown = JSON.parse(Buffer.from(content).toString('utf8'))
    return isWritten(read) ? read : undefined
  } catch {
    return undefined
  }
}

function isWritten(read: unknown): read is Written {
  if (typeof read !== 'object' || read === null) return false
  const { accessToken, ...moments } = read as Partial<Record<keyof Written, unknown>>
  const { expiresAtMs, refreshAtMs, lifetimeMs } = moments
  return (
    typeof accessToken === 'string' &&
    accessToken !== '' &&
    [expiresAtMs, refreshAtMs, lifetimeMs].every((each) => Number.isFinite(each))
  )
}
