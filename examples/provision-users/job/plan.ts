import type { Person } from './person.ts'

/** What became of a row. A leaver who was disabled is an update, and disabled besides. */
export type Outcome = 'created' | 'updated' | 'disabled' | 'unchanged'

/** A person as the directory has them. */
export interface DirectoryUser {
  readonly id: string
  readonly employeeId: string
  readonly accountEnabled: boolean
  readonly displayName: string
  readonly givenName: string | null
  readonly surname: string | null
  readonly jobTitle: string | null
  readonly department: string | null
  readonly officeLocation: string | null
}

/** What `$select` asks for, so that a person can be compared. */
export const COMPARED = [
  'id',
  'employeeId',
  'accountEnabled',
  'displayName',
  'givenName',
  'surname',
  'jobTitle',
  'department',
  'officeLocation',
] as const satisfies readonly (keyof DirectoryUser)[]

/** What has to be done for one row. */
export type Plan =
  | { readonly outcome: 'created'; readonly body: object }
  | {
      readonly outcome: 'updated' | 'disabled'
      readonly id: string
      readonly body: object
      readonly warning?: string
    }
  | { readonly outcome: 'unchanged'; readonly id: string | undefined; readonly warning?: string }
  | { readonly reject: string }

export interface Circumstances {
  /** Who has this employee id in the directory. */
  readonly found: readonly DirectoryUser[]
  readonly left: boolean
  /** What stands after the @ of a new user principal name. */
  readonly domain: string
  readonly newPassword: () => string
}

/** Compares a row of the export with the directory and says what has to be done; pure but for the new password. */
export function planRow(person: Person, { found, left, domain, newPassword }: Circumstances): Plan {
  const [user, ...others] = found
  if (others.length > 0) {
    return {
      reject: `the directory holds ${found.length} people with employee id ${person.employeeId}: it must be one`,
    }
  }
  if (!user) {
    if (left) return { outcome: 'unchanged', id: undefined }
    return { outcome: 'created', body: newUser(person, domain, newPassword()) }
  }
  const changes = differences(profile(person), user)
  if (left && user.accountEnabled)
    return { outcome: 'disabled', id: user.id, body: { ...changes, accountEnabled: false } }
  const warning = !left && !user.accountEnabled ? { warning: LEFT_DISABLED } : {}
  if (Object.keys(changes).length > 0) return { outcome: 'updated', id: user.id, body: changes, ...warning }
  return { outcome: 'unchanged', id: user.id, ...warning }
}

// Somebody disabled the account for a reason that the export does not know: it is not for a job to undo.
const LEFT_DISABLED =
  'the account is disabled in the directory although the export has no end date: left as it is'

function profile(person: Person) {
  const { givenName, surname, jobTitle, department, officeLocation } = person
  return {
    displayName: `${givenName} ${surname}`,
    givenName,
    surname,
    jobTitle: jobTitle || null,
    department: department || null,
    officeLocation: officeLocation || null,
  }
}

function differences(wanted: ReturnType<typeof profile>, user: DirectoryUser): object {
  const names = Object.keys(wanted) as (keyof typeof wanted)[]
  return Object.fromEntries(
    names.filter((name) => wanted[name] !== user[name]).map((name) => [name, wanted[name]]),
  )
}

function newUser(person: Person, domain: string, password: string): object {
  const stated = Object.entries(profile(person)).filter(([, value]) => value !== null)
  return {
    ...Object.fromEntries(stated),
    accountEnabled: true,
    employeeId: person.employeeId,
    mailNickname: person.username,
    userPrincipalName: `${person.username}@${domain}`,
    passwordProfile: { password, forceChangePasswordNextSignIn: true },
  }
}
