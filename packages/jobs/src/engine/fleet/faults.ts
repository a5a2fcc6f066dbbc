import { JobError } from '../../errors.ts'

interface Fault {
  readonly code: string
  readonly needed: string
  readonly hint: string
}

const AWAY: Fault = {
  code: 'database_unreachable',
  needed: 'its server must answer',
  hint: 'Start the server, or check host, port and network of the address',
}
const LATE: Fault = {
  code: 'database_late',
  needed: 'its server must answer in time',
  hint: 'See what the server is doing, in pg_stat_activity',
}
const LOGIN: Fault = {
  code: 'database_login_refused',
  needed: 'its server must let the user in',
  hint: "Check user and password of the address, and the server's pg_hba.conf",
}
const READ_ONLY: Fault = {
  code: 'database_read_only',
  needed: 'it must take writes',
  hint: 'Give the address of the primary server',
}
const FULL: Fault = {
  code: 'disk_full',
  needed: 'free space is needed',
  hint: 'Free some space on the disk of the database: runs go on where their last checkpoints stand',
}
const OTHER: Fault = {
  code: 'database_unusable',
  needed: 'its server must do what is asked',
  hint: 'See the log of the server',
}

/** By SQLSTATE of PostgreSQL, or its class, and by the codes of Node's sockets. */
const FAULTS: Readonly<Record<string, Fault>> = {
  '08': AWAY,
  '57P01': AWAY,
  '57P02': AWAY,
  '57P03': AWAY,
  '57014': LATE,
  '55P03': LATE,
  '25P03': LATE,
  '40': LATE,
  '53': LATE,
  '53100': FULL,
  '25006': READ_ONLY,
  '28000': LOGIN,
  '28P01': LOGIN,
  '3D000': {
    code: 'database_missing',
    needed: 'it must exist',
    hint: 'Make it with: create database NAME, or check the name in the address',
  },
  '42501': {
    code: 'database_rights_missing',
    needed: 'its user must be allowed to make schemas, or own those of the daemon',
    hint: 'Grant it: grant create on database NAME to USER',
  },
  ECONNREFUSED: AWAY,
  ECONNRESET: AWAY,
  EPIPE: AWAY,
  ENOTFOUND: AWAY,
  EAI_AGAIN: AWAY,
  EHOSTUNREACH: AWAY,
  ENETUNREACH: AWAY,
  ETIMEDOUT: LATE,
  ENOSPC: FULL,
}

/** What the package pg throws without a code. */
const MESSAGES: readonly (readonly [message: RegExp, fault: Fault])[] = [
  [/^Query read timeout|^timeout exceeded|timeout expired$|due to connection timeout/i, LATE],
  [/^Connection terminated|^Client has encountered a connection error|not queryable/i, AWAY],
]

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

function faultOf(error: unknown): Fault | undefined {
  const code = codeOf(error)
  const byClass = /^[0-9A-Z]{5}$/.test(code) ? FAULTS[code.slice(0, 2)] : undefined
  const message = error instanceof Error ? error.message : ''
  return FAULTS[code] ?? byClass ?? MESSAGES.find(([pattern]) => pattern.test(message))?.[1]
}

/** Whether the same statement may succeed a moment later: the server restarts, is busy, or the connection is gone. */
export function isPassing(error: unknown): boolean {
  const fault = faultOf(error)
  return fault === AWAY || fault === LATE
}

/** Whether two transactions wrote the same unique row at once; the second sees the first's when it is made again. */
export const isDuplicate = (error: unknown): boolean => codeOf(error) === '23505'

/** Says what went wrong with a PostgreSQL in words a person can act on; `place` is its address without user and password. */
export function explainFault(place: string, error: unknown): Error {
  if (error instanceof JobError) return error
  const fault = faultOf(error) ?? OTHER
  const found = (error instanceof Error ? error.message : String(error)) || codeOf(error)
  return new JobError(
    fault === FULL
      ? `Cannot write to the database at ${place}, as free space is needed: the disk is full`
      : `Cannot use the database at ${place}, as ${fault.needed}: ${found}`,
    { code: fault.code, hint: fault.hint, cause: error },
  )
}

/**
 * Reads the address of a PostgreSQL; it may hold a password, so no error repeats it.
 *
 * @throws JobError `database_address_invalid`
 */
export function readAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPostgres = url !== undefined && /^postgres(ql)?:$/.test(url.protocol)
  if (isPostgres && url.hostname !== '' && url.pathname.length > 1) return url
  const found = isPostgres
    ? `${url.protocol} without host or name of a database`
    : (url?.protocol ?? 'no URL')
  throw new JobError(
    `Cannot keep runs in PostgreSQL, as an address like postgres://user:password@host/name is needed: found ${found}`,
    { code: 'database_address_invalid', hint: 'Check the address of the database' },
  )
}

/** Where a database is, for messages: without user, password and parameters. */
export const placeOf = (address: URL): string =>
  `${address.hostname}:${address.port || '5432'}${address.pathname}`
