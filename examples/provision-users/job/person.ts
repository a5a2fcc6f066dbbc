import { z } from 'zod'

/** The columns that an export must have, and no others. */
export const COLUMNS = [
  'employeeId',
  'givenName',
  'surname',
  'username',
  'jobTitle',
  'department',
  'officeLocation',
  'managerId',
  'startDate',
  'endDate',
] as const

/** A row of the export that can be provisioned. */
export interface Person {
  readonly line: number
  readonly employeeId: string
  readonly username: string
  readonly givenName: string
  readonly surname: string
  readonly jobTitle: string
  readonly department: string
  readonly officeLocation: string
  readonly managerId: string
  /** The last day of work, yyyy-mm-dd, or empty. */
  readonly endDate: string
}

/** A row that cannot: its employee id is kept, where it has one, because the person is in the file all the same. */
export interface Rejected {
  readonly line: number
  readonly employeeId: string
  readonly reason: string
}

// The directory's own limits, so that a row is refused here, by its line, and not there.
const text = (name: string, max: number) =>
  z.string().trim().max(max, `the ${name} is longer than ${max} characters`)
const needed = (name: string, max: number) => text(name, max).min(1, `the ${name} is missing`)
const date = (name: string) =>
  z
    .string()
    .trim()
    .refine((value) => value === '' || isDate(value), `the ${name} is not a date of the form 2026-01-31`)

const row = z.object({
  employeeId: needed('employee id', 16),
  givenName: needed('given name', 64),
  surname: needed('surname', 64),
  username: needed('username', 64).regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'the username holds more than letters, digits, dots and hyphens',
  ),
  jobTitle: text('job title', 128),
  department: text('department', 64),
  officeLocation: text('office location', 128),
  managerId: text("manager's employee id", 16),
  startDate: date('start date'),
  endDate: date('end date'),
})

/** Checks the fields of one row. */
export function readPerson(line: number, fields: Readonly<Record<string, string>>): Person | Rejected {
  const checked = row.safeParse(fields)
  if (checked.success) return { line, ...checked.data }
  const reason = [...new Set(checked.error.issues.map((issue) => issue.message))].join('; ')
  return { line, employeeId: (fields['employeeId'] ?? '').trim(), reason }
}

/** Whether the person has left: the day after the last day of work has begun, in UTC. */
export const hasLeft = (person: Person, nowMs: number): boolean =>
  person.endDate !== '' && person.endDate < new Date(nowMs).toISOString().slice(0, 10)

function isDate(value: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(value) : Number.NaN
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(value)
}
