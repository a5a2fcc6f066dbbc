import { errorCode } from '../errors.ts'
import { isDiskFull } from './database.ts'

/** The database did not do what was asked, and may do it later: its server is away, busy, full or read-only. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly statusCode = 503
  /** A sentence for clients: it names no host and no user. */
  readonly sentence: string

  constructor(sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? {} : { cause })
    this.sentence = sentence
  }
}

const FULL = 'The platform cannot write: its disk is full.'
const AWAY = 'The platform cannot reach its database.'
const LATE = 'The database of the platform did not answer in time.'
const BUSY = 'The database of the platform has no room for this request.'
const READ_ONLY = 'The platform cannot write: its database is read-only.'

/** Why a request is refused before a database is asked. */
export const UNAVAILABLE = { late: LATE, busy: BUSY } as const

/** The SQLSTATE of PostgreSQL, by code or by class, and the codes of Node's sockets. */
const SENTENCES: Readonly<Record<string, string>> = {
  '08': AWAY,
  '57P01': AWAY,
  '57P02': AWAY,
  '57P03': AWAY,
  '57014': LATE,
  '55P03': LATE,
  '25P03': LATE,
  '40': BUSY,
  '53': BUSY,
  '53100': FULL,
  '25006': READ_ONLY,
  ECONNREFUSED: AWAY,
  ECONNRESET: AWAY,
  EPIPE: AWAY,
  ENOTFOUND: AWAY,
  EAI_AGAIN: AWAY,
  EHOSTUNREACH: AWAY,
  ENETUNREACH: AWAY,
  ETIMEDOUT: LATE,
}

/** What the package pg throws without a code. */
const MESSAGES: readonly (readonly [message: RegExp, sentence: string])[] = [
  [/^Query read timeout|^timeout exceeded|timeout expired$|due to connection timeout/i, LATE],
  [/^Connection terminated|^Client has encountered a connection error|not queryable/i, AWAY],
]

/** The error of an unavailable PostgreSQL as {@link StoreUnavailable}, as is any if there was no connection; every other as it is. */
export function explainPostgres(error: unknown, isConnecting: boolean): unknown {
  const code = errorCode(error) ?? ''
  const message = error instanceof Error ? error.message : ''
  const sentence =
    SENTENCES[code] ??
    (/^[0-9A-Z]{5}$/.test(code) ? SENTENCES[code.slice(0, 2)] : undefined) ??
    MESSAGES.find(([pattern]) => pattern.test(message))?.[1] ??
    (isConnecting ? AWAY : undefined)
  return sentence === undefined ? error : new StoreUnavailable(sentence, error)
}

/** Why the store could not serve a request, as a sentence for a 503; `undefined` if it is something else that failed. */
export function unavailableBecause(error: unknown): string | undefined {
  if (error instanceof StoreUnavailable) return error.sentence
  return isDiskFull(error) ? FULL : undefined
}
