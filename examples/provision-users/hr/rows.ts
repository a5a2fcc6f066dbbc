import { COLUMNS } from '../job/person.ts'
import type { Person } from './person.ts'
import type { Random } from './random.ts'

type Fields = Record<(typeof COLUMNS)[number], string>

/** One row for each person in no order, and second rows somewhere below the first ones. */
export function exportRows(random: Random, people: readonly Person[]): string[][] {
  const shuffled = random.shuffle(people)
  const rows = shuffled.map(personRow)
  for (const person of shuffled.filter(({ repeat }) => repeat)) {
    const own = rows.findIndex(([employeeId]) => employeeId === person.employeeId)
    rows.splice(own + 1 + random.int(rows.length - own), 0, repeatedRow(person))
  }
  return rows
}

function personRow(person: Person): string[] {
  const row = COLUMNS.map((column) => spoiltFields(person)[column])
  if (person.fault === 'cut after 3 fields') return row.slice(0, 3)
  if (person.fault === 'cut after 4 fields') return row.slice(0, 4)
  return row
}

function spoiltFields(person: Person): Fields {
  if (person.fault === 'no surname') return { ...person, surname: '' }
  if (person.fault === 'no employee id') return { ...person, employeeId: '' }
  if (person.fault === 'bad start date') return { ...person, startDate: '31/02/2025' }
  if (person.padded === 'jobTitle') return { ...person, jobTitle: `${person.jobTitle}  ` }
  if (person.padded === 'surname') return { ...person, surname: ` ${person.surname}` }
  return person
}

function repeatedRow(person: Person): string[] {
  if (person.repeat === 'identical') return personRow(person)
  return personRow({ ...person, jobTitle: 'Consultant', officeLocation: 'Remote (temporary)' })
}
