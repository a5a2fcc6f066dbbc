import type { Person } from './person.ts'
import type { Company } from './population.ts'
import { STRANGERS } from './strangers.ts'

/** An account in the directory before the import. */
export interface DirectoryPerson {
  /** Absent for accounts that belong to no person. */
  readonly employeeId?: string
  readonly givenName: string
  readonly surname: string
  readonly displayName: string
  /** The part before the @ of the user principal name. */
  readonly userName: string
  readonly jobTitle: string
  readonly department: string
  readonly officeLocation: string
  readonly accountEnabled: boolean
  /** Employee id of a manager who is in the directory too. */
  readonly managerId?: string
}

/** The directory as the import finds it: movers still have what they had, some accounts are in no export. */
export function existingPeople(company: Company): DirectoryPerson[] {
  return [...company.people.filter(({ inDirectory }) => inDirectory).map(account), ...STRANGERS]
}

function account(person: Person): DirectoryPerson {
  const { surname, jobTitle, department, officeLocation } = { ...person, ...person.before }
  return {
    employeeId: person.employeeId,
    givenName: person.givenName,
    surname,
    displayName: `${person.givenName} ${surname}`,
    userName: person.username,
    jobTitle,
    department,
    officeLocation,
    accountEnabled: true,
    ...(person.managerIdBefore && { managerId: person.managerIdBefore }),
  }
}
