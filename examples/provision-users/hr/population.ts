import { type Expected, expectedCounts } from './expected.ts'
import { placeOddities } from './oddities.ts'
import type { Draft, Person } from './person.ts'
import { type Random, seededRandom } from './random.ts'
import { exportRows } from './rows.ts'
import { staff } from './staff.ts'
import { usernames } from './usernames.ts'

/** The seed of the committed export; another one gives other people in the same numbers. */
export const SEED = 20_260_701

/** The manager id that one row names and nobody has. */
export const UNKNOWN_MANAGER = 'E99999'

/** One company seen from both sides: `rows` is what HR exports, `existingPeople` what the directory holds. */
export interface Company {
  /** Everyone who has a row, by employee id. */
  readonly people: readonly Person[]
  /** The data rows in file order, with all their oddities. */
  readonly rows: readonly (readonly string[])[]
  readonly expected: Expected
}

/** Makes the company of a seed. */
export function company(seed: number): Company {
  const random = seededRandom(seed)
  const drafts = staff(random)
  placeOddities(random, drafts)
  const people = enrol(random, drafts).map(person)
  const rows = exportRows(random, people)
  return { people, rows, expected: expectedCounts(people) }
}

/** Ids and user names go by seniority, as they would in a company that has given them out over the years. */
function enrol(random: Random, drafts: readonly Draft[]): Draft[] {
  const usernameFor = usernames()
  let number = 10_000
  return drafts
    .toSorted((one, other) =>
      one.startDate < other.startDate ? -1 : Number(one.startDate > other.startDate),
    )
    .map((draft) => {
      number += 1 + random.int(3)
      // A married name does not reach the user name, which is as old as the account.
      const username = usernameFor(draft.givenName, draft.before.surname ?? draft.surname)
      return Object.assign(draft, { employeeId: `E${number}`, username })
    })
}

function person(draft: Draft): Person {
  const { surnames: _, titles: __, manager, managerBefore, managerUnknown, ...own } = draft
  return {
    ...own,
    managerId: managerUnknown ? UNKNOWN_MANAGER : (manager?.employeeId ?? ''),
    managerIdBefore: managerBefore?.employeeId ?? '',
  }
}
