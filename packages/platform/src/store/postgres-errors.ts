import { errorCode, PlatformError } from '../errors.ts'

interface Fault {
  readonly code: string
  readonly needed: string
  readonly hint: string
}

const AWAY: Fault = {
  code: 'database_unreachable',
  needed: 'its server must answer',
  hint: 'Start the server, or check host, port and network of the address given with --database',
}
const LOGIN: Fault = {
  code: 'database_login_refused',
  needed: 'its server must let the user in',
  hint: 'Check user and password of the address given with --database, and the pg_hba.conf of the server',
}
const LATE: Fault = {
  code: 'database_late',
  needed: 'its server must answer in time',
  hint: 'See what the server is doing, in pg_stat_activity: another replica may be migrating it; then start again',
}
const OTHER: Fault = {
  code: 'database_unusable',
  needed: 'it must be a database of PostgreSQL that can be written to',
  hint: 'Check the address given with --database, and the log of the server',
}

const FAULTS: Readonly<Record<string, Fault>> = {
  ECONNREFUSED: AWAY,
  ECONNRESET: AWAY,
  EPIPE: AWAY,
  ENOTFOUND: AWAY,
  EAI_AGAIN: AWAY,
  EHOSTUNREACH: AWAY,
  ENETUNREACH: AWAY,
  ETIMEDOUT: AWAY,
  '57P03': AWAY,
  '28000': LOGIN,
  '28P01': LOGIN,
  '55P03': LATE,
  '57014': LATE,
  '3D000': {
    code: 'database_missing',
    needed: 'it must exist',
    hint: 'Make it with: create database NAME, or check the name in the address given with --database',
  },
  '42501': {
    code: 'database_rights_missing',
    needed: 'its user must own the tables of the platform, or be allowed to create them',
    hint: 'Grant it: grant create on schema public to USER, or give the platform a database of its own',
  },
}

/** What the package pg throws without a code. */
const WITHOUT_ANSWER = /timeout|^Connection terminated/i

/** Where a database is, for messages: without user, password and parameters. */
export function placeOf(address: URL): string {
  return `${address.hostname}:${address.port || '5432'}${address.pathname}`
}

/** Why the platform cannot start on a PostgreSQL, and what to do. */
export function databaseFault(place: string, error: unknown): PlatformError {
  if (error instanceof PlatformError) return error
  const found = error instanceof Error ? error.message : String(error)
  const fault = FAULTS[errorCode(error) ?? ''] ?? (WITHOUT_ANSWER.test(found) ? AWAY : OTHER)
  return new PlatformError(
    `Cannot open the database at ${place}, as ${fault.needed}: ${found || (errorCode(error) ?? 'no reason given')}`,
    { code: fault.code, hint: fault.hint, cause: error },
  )
}

/** Reads the address of a PostgreSQL; it may hold a password, so no error repeats it. @throws PlatformError */
export function readAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^postgres(ql)?:$/.test(url.protocol) && url.hostname !== '' && url.pathname.length > 1)
    return url
  const found = url ? `${url.protocol} without host or name of a database` : 'no URL'
  throw new PlatformError(
    `Cannot keep the platform's data in PostgreSQL, as an address like postgres://user:password@host/name is needed: found ${
      url && !/^postgres(ql)?:$/.test(url.protocol) ? url.protocol : found
    }`,
    { code: 'database_address_invalid', hint: 'Check the address given with --database' },
  )
}
